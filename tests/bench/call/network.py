"""The way from the callee to Floyd, when it is a bad one: TCP delivers in order, so a packet that is late holds up
all that follow it, and they arrive in a burst."""

from __future__ import annotations

import random
from collections.abc import Callable

JITTERED = 0.08
"""Share of the packets that are late."""
LATE_MS = (20, 200)
BURST_EVERY_S = 15.0
BURST_MS = 500
"""On average so often everything stands still for so long."""
STEP_S = 0.02


class BadNetwork:
    """`send(message)` in front of the real one; `step(now)` every 20 ms."""

    def __init__(self, send: Callable[[bytes], None], seed: str) -> None:
        self._send = send
        self._random = random.Random(seed)
        self._held: list[bytes] = []
        self._until = 0.0

    def send(self, message: bytes, now: float) -> None:
        if self._random.random() < JITTERED:
            self._until = max(self._until, now + self._random.uniform(*LATE_MS) / 1000)
        if self._random.random() < STEP_S / BURST_EVERY_S:
            self._until = max(self._until, now + BURST_MS / 1000)
        self._held.append(message)
        if now >= self._until:
            for held in self._held:
                self._send(held)
            self._held.clear()
