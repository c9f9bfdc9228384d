"""The carrier's buffer of what Floyd sends: played in real time, with marks, and with an eye on gaps.

A mark is due when all that was sent before it has been played, and also when that was cleared.
"""

from __future__ import annotations

from collections import deque

from call.sound import FRAME_BYTES, FRAME_MS, audible

LONGEST_GAP_S = 1.0
"""A longer silence is not a gap in what Floyd says, but its end."""


class Playback:
    def __init__(self) -> None:
        self._audio = bytearray()
        """What is not played yet."""
        self.empty_since: float | None = None
        """When there was nothing more to play; None while something is, or before anything was."""
        self.answer_ms = 0
        """Played of the present answer."""
        self.sound_ms = 0
        """Of that, what was no pause."""
        self.played_ms = 0
        self._sent = 0
        self._marks: deque[tuple[int, str]] = deque()

    @property
    def waiting(self) -> int:
        """Bytes."""
        return len(self._audio)

    def add(self, mulaw: bytes, now: float) -> float | None:
        """Audio came. Returns the length in s of the gap that it ends, if it does."""
        gap_s = None
        if self.empty_since is not None and self.answer_ms:
            silent_s = now - self.empty_since
            gap_s = silent_s if silent_s < LONGEST_GAP_S else None
        self.empty_since = None
        self._audio += mulaw
        self._sent += len(mulaw)
        return gap_s

    def mark(self, name: str) -> None:
        self._marks.append((self._sent, name))

    def clear(self, now: float) -> None:
        """Drop what is not played yet; all marks are due."""
        if self._audio:
            self._audio.clear()
            self.empty_since = now
        self.begin()

    def begin(self) -> None:
        """What is played from now on counts as another answer."""
        self.answer_ms = self.sound_ms = 0

    def step(self, now: float) -> None:
        """Play 20 ms."""
        if self._audio:
            if audible(self._audio[:FRAME_BYTES]):
                self.sound_ms += FRAME_MS
            del self._audio[:FRAME_BYTES]
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
