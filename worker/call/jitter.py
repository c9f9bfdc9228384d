"""A voice that comes over the internet, made even: frames come in bunches, and go out one every 20 ms. Pure."""

from __future__ import annotations

from collections import deque

FILL_FRAMES = 3
"""Waited for before a voice begins, or goes on after a gap: 60 ms cover the jitter of most networks."""

MOST_FRAMES = 12
"""0.24 s. Above it the oldest are dropped: a conversation does not stand a longer delay."""


class JitterBuffer:
    def __init__(self) -> None:
        self.dropped = 0
        self._frames: deque[bytes] = deque()
        self._filling = True

    def put(self, frame: bytes) -> None:
        self._frames.append(frame)
        if len(self._frames) > MOST_FRAMES:
            self._frames.popleft()
            self.dropped += 1

    def take(self) -> bytes | None:
        """The frame that is due; None while there is nothing to play yet, or nothing any more."""
        if self._filling and len(self._frames) < FILL_FRAMES:
            return None
        self._filling = not self._frames
        return self._frames.popleft() if self._frames else None
