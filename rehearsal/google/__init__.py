"""A stand-in for Google Speech-to-Text."""
