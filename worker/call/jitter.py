"""A voice that comes over the internet, made even: frames come in bunches, and go out one every 20 ms. Pure.

Words are not dropped because a machine or a network was held up for a moment: they are played late, and the time
is made up for in the next pause.
"""

from __future__ import annotations

from collections import deque

from worker.audio.loudness import ACTIVE_DBFS, rms_dbfs

FILL_FRAMES = 3
"""Waited for before a voice begins, or goes on after a gap: 60 ms cover the jitter of most networks."""

LATE_FRAMES = 12
"""0.24 s. A conversation does not stand a longer delay for long: above it, pauses pass at double speed."""

MOST_FRAMES = 75
"""1.5 s. Above it the oldest are dropped, words or not."""


class JitterBuffer:
    """Frames are 20 ms of mu-law."""

    def __init__(self) -> None:
        self.dropped = 0
        """Frames that were not played."""
        self._frames: deque[bytes] = deque()
        self._filling = True

    def put(self, frame: bytes) -> None:
        self._frames.append(frame)
        if len(self._frames) > MOST_FRAMES:
            self._drop()

    def take(self) -> bytes | None:
        """The frame that is due; None while there is nothing to play yet, or nothing any more."""
        if self._filling and len(self._frames) < FILL_FRAMES:
            return None
        self._filling = not self._frames
        if len(self._frames) > LATE_FRAMES and rms_dbfs(self._frames[0]) <= ACTIVE_DBFS:
            self._drop()
        return self._frames.popleft() if self._frames else None

    def _drop(self) -> None:
        self._frames.popleft()
        self.dropped += 1
