"""The long-running process: claims, leases, heartbeats, draining, recovery."""
