"""The buffer of a bidirectional Media Stream: what the server sent, played in order and in real time.

A mark is due when everything sent before it has been played, at once if nothing is waiting, and also when it is
cleared. Frames are 20 ms of mu-law (160 bytes); the last one of a piece is filled up with silence.
"""

from __future__ import annotations

from collections import deque

FRAME_BYTES = 160
SILENCE = b"\xff" * FRAME_BYTES


class PlaybackBuffer:
    def __init__(self) -> None:
        self._audio = bytearray()
        self._start = 0
        """Of what is not yet played, in ``_audio``."""
        self._played = 0
        self._marks: deque[tuple[int, str]] = deque()

    @property
    def waiting_bytes(self) -> int:
        return len(self._audio) - self._start

    def add(self, mulaw: bytes) -> None:
        self._audio += mulaw

    def mark(self, name: str) -> None:
        self._marks.append((self._played + self.waiting_bytes, name))

    def due_marks(self) -> list[str]:
        """The marks that everything before has been played of; each is returned once."""
        due = []
        while self._marks and self._marks[0][0] <= self._played:
            due.append(self._marks.popleft()[1])
        return due

    def clear(self) -> None:
        """Drop what is not yet played; all waiting marks are due now."""
        self._played += self.waiting_bytes
        self._audio.clear()
        self._start = 0

    def next_frame(self) -> bytes | None:
        """The next 20 ms, None when nothing is waiting."""
        if not self.waiting_bytes:
            return None
        frame = bytes(self._audio[self._start : self._start + FRAME_BYTES])
        self._start += len(frame)
        self._played += len(frame)
        # Cut off what is played now and then, not at every frame: that would copy the rest 50 times a second.
        if self._start >= len(self._audio) or self._start > 80_000:
            del self._audio[: self._start]
            self._start = 0
        return frame if len(frame) == FRAME_BYTES else frame + SILENCE[len(frame) :]
