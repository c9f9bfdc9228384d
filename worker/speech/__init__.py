"""Hearing and speaking: recognisers, voices, and voice activity."""
