"""One telephone call, from dialling to its report."""
