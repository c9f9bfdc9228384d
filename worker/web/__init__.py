"""What the worker serves to browsers: the page, signing in, and audio."""
