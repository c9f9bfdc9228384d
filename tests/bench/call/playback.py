"""The carrier's buffer of what Floyd sends: played in real time, with marks, and with an eye on gaps.

A mark is due when all that was sent before it has been played, and also when that was cleared. Only lengths are
kept: what is in the audio matters at its arrival, not when it is played.
"""

from __future__ import annotations

from collections import deque

from call.sound import FRAME_BYTES, FRAME_MS

LONGEST_GAP_S = 1.0
"""A longer silence is not a gap in what Floyd says, but its end."""


class Playback:
    def __init__(self) -> None:
        self.waiting = 0
        """Bytes."""
        self.empty_since: float | None = None
        """When there was nothing more to play; None while something is, or before anything was."""
        self.answer_ms = 0
        """Played of the present answer."""
        self.played_ms = 0
        self._sent = 0
        self._marks: deque[tuple[int, str]] = deque()

    def add(self, size: int, now: float) -> float | None:
        """Audio came. Returns the length in s of the gap that it ends, if it does."""
        gap_s = None
        if self.empty_since is not None and self.answer_ms:
            silent_s = now - self.empty_since
            gap_s = silent_s if silent_s < LONGEST_GAP_S else None
        self.empty_since = None
        self.waiting += size
        self._sent += size
        return gap_s

    def mark(self, name: str) -> None:
        self._marks.append((self._sent, name))

    def clear(self, now: float) -> None:
        """Drop what is not played yet; all marks are due."""
        if self.waiting:
            self.waiting = 0
            self.empty_since = now
        self.answer_ms = 0

    def step(self, now: float) -> None:
        """Play 20 ms."""
        if self.waiting:
            self.waiting = max(0, self.waiting - FRAME_BYTES)
            self.answer_ms += FRAME_MS
            self.played_ms += FRAME_MS
        elif self.empty_since is None and self._sent:
            self.empty_since = now

    def due_marks(self) -> list[str]:
        if not self._marks:
            return []
        played = self._sent - self.waiting
        due = []
        while self._marks and self._marks[0][0] <= played:
            due.append(self._marks.popleft()[1])
        return due
