"""How many datagrams a page may send: a bucket that fills steadily and overflows. Pure state."""

from __future__ import annotations

DATAGRAMS_PER_S = 200.0
"""Audio makes 50 in a second, its reports one, messages a few."""

BURST = 1_000.0
"""A page that was asleep for some seconds sends what it has at once."""


class Flood:
    def __init__(self) -> None:
        self._left = BURST
        self._at = 0.0

    def may_pass(self, now: float) -> bool:
        """Whether one more datagram may be looked at. `now` in seconds on a clock that only goes forwards."""
        self._left = min(BURST, self._left + (now - self._at) * DATAGRAMS_PER_S)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
