"""The Convex deployment as the worker sees it: functions over HTTP, live queries over the socket."""
