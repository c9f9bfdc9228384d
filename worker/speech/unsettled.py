"""The audio of a call that the recogniser has not settled yet, so that it can be sent again.

Positions are bytes of mu-law since the session began: one byte is a sample, 8,000 are a second.
"""

from __future__ import annotations

BYTES_PER_SECOND = 8_000


class UnsettledAudio:
    """A window on the audio: from what is settled, over what was sent (`cursor`), to what came last (`end`).

    It holds at most `limit_bytes`; older audio falls out, sent or not."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._held = bytearray()
        self._start = 0
        self._cursor = 0
        self._skipped = 0

    @property
    def cursor(self) -> int:
        """The position that is sent next."""
        return self._cursor

    @property
    def end(self) -> int:
        return self._start + len(self._held)

    @property
    def unsent(self) -> int:
        return self.end - self._cursor

    @property
    def skipped(self) -> int:
        """How many bytes fell out unsent since the last `rewind`: what a stream's own clock has missed."""
        return self._skipped

    def feed(self, mulaw: bytes) -> None:
        self._held += mulaw
        excess = len(self._held) - self._limit
        if excess > 0:
            self._drop(excess)

    def take(self, most: int) -> bytes:
        """The next bytes to send; empty when all were sent."""
        at = self._cursor - self._start
        chunk = bytes(self._held[at : at + most])
        self._cursor += len(chunk)
        return chunk

    def settle(self, position: int) -> None:
        """Audio before `position` will not be needed again. What was not sent is kept all the same."""
        count = min(position, self._cursor) - self._start
        if count > 0:
            self._drop(count)

    def rewind(self, position: int) -> int:
        """Send again from `position`, or the oldest held after it; returns where that is."""
        self._cursor = max(self._start, min(position, self.end))
        self._skipped = 0
        return self._cursor

    def _drop(self, count: int) -> None:
        del self._held[:count]
        self._start += count
        if self._cursor < self._start:
            self._skipped += self._start - self._cursor
            self._cursor = self._start
