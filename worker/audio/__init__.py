"""Telephone audio: G.711, resampling, tones, files."""
