"""Audio between a page and the worker, over WebRTC: listening in, speaking, dictating, being the phone."""
