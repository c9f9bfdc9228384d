"""The worker: the daemon that takes requests, makes the calls, and the `floyd` command."""
