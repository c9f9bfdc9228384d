"""The `floyd` command."""
