"""The telephone: carriers, their webhooks and their media sockets."""
