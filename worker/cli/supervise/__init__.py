"""The processes that `floyd up` runs, and what is known about them."""
