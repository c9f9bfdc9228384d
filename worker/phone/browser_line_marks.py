"""Marks on a line that tells how much it has played: Twilio's rules, as pure bookkeeping.

A mark is due when all that was sent before it has been played, at once if nothing is waiting, and also when it is
cleared. Amounts are bytes of mu-law.
"""

from __future__ import annotations

from collections import deque


class Marks:
    def __init__(self, played: int = 0) -> None:
        self._sent = played
        """Where what is sent next will stand, in the line's own count of what it has played."""
        self._waiting: deque[tuple[int, str]] = deque()

    def sent(self, size: int) -> None:
        self._sent += size

    def mark(self, name: str) -> None:
        self._waiting.append((self._sent, name))

    def cleared(self, played: int) -> list[str]:
        """What was waiting was thrown away when `played` bytes had been played; the marks that are due by it."""
        self._sent = played
        names = [name for _, name in self._waiting]
        self._waiting.clear()
        return names

    def due(self, played: int) -> list[str]:
        """The marks that all before them has been played of; each is given once."""
        names = []
        while self._waiting and self._waiting[0][0] <= played:
            names.append(self._waiting.popleft()[1])
        return names
