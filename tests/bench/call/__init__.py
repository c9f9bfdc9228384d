"""The part `call`: the worker driven from outside, by stand-ins that cost as little as possible."""
