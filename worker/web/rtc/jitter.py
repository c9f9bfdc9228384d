"""Packets that come out of order, twice or not at all, as a line of packets without gaps. Pure state.

RTP numbers its packets (RFC 3550); the network reorders and loses them. A library's usual buffer holds audio back
for 80 ms and, once a packet is lost, for 320. Here nothing is held back that is in order, and a missing packet is
waited for only until three later ones are there (60 ms).
"""

from __future__ import annotations

LATE_PACKETS = 3
"""So many later packets, and a missing one is given up: what is reordered at all, is by one or two places."""

LONGEST_GAP = 50
"""A second. A longer jump is a new beginning (another microphone, a page that was asleep), not a loss to be
filled."""

_WRAP = 1 << 16


class Jitter:
    """Of one stream of packets, one frame each."""

    def __init__(self) -> None:
        self._expected: int | None = None
        self._held: dict[int, bytes] = {}

    def add(self, sequence: int, payload: bytes) -> list[bytes | None]:
        """Take a packet; what is due now, in order. None stands for a packet that was lost."""
        if self._expected is None:
            self._expected = sequence
        ahead = _difference(sequence, self._expected)
        if abs(ahead) > LONGEST_GAP:
            self._held.clear()
            self._expected, ahead = sequence, 0
        if ahead < 0 or sequence in self._held:
            return []
        self._held[sequence] = payload
        due = self._in_order()
        if len(self._held) >= LATE_PACKETS:
            nearest = min(self._held, key=lambda held: _difference(held, self._expected or 0))
            lost = _difference(nearest, self._expected or 0)
            self._expected = nearest
            due += [None] * lost
            due += self._in_order()
        return due

    def _in_order(self) -> list[bytes | None]:
        due: list[bytes | None] = []
        while self._expected is not None and self._expected in self._held:
            due.append(self._held.pop(self._expected))
            self._expected = (self._expected + 1) % _WRAP
        return due


def _difference(one: int, other: int) -> int:
    """`one - other` on a circle of 16 bits, from -32,768 to 32,767."""
    return (one - other + _WRAP // 2) % _WRAP - _WRAP // 2
