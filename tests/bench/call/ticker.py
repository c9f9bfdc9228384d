"""One clock for all calls. Each has a step every 20 ms; the calls are spread over ten moments of those 20 ms, as
calls of real people are."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Protocol

PHASES = 10
STEP_S = 0.02
LATE_S = 0.005
"""The timers of the event loop have whole milliseconds; what is later than this was late."""
KEPT = 200_000


class Stepping(Protocol):
    def step(self, now: float) -> None: ...


class Ticker:
    def __init__(self) -> None:
        self.late: deque[tuple[float, float]] = deque(maxlen=KEPT)
        """(when, s) of steps that came late."""
        self._phases: list[list[Stepping]] = [[] for _ in range(PHASES)]
        self._changed = asyncio.Event()

    def add(self, stepping: Stepping) -> None:
        min(self._phases, key=len).append(stepping)
        self._changed.set()

    def remove(self, stepping: Stepping) -> None:
        for phase in self._phases:
            if stepping in phase:
                phase.remove(stepping)

    async def run(self) -> None:
        base, number = time.monotonic(), 0
        while True:
            if not any(self._phases):
                self._changed.clear()
                await self._changed.wait()
                base, number = time.monotonic(), 0
            number += 1
            phase = self._phases[number % PHASES]
            if not phase:
                continue
            due = base + number * STEP_S / PHASES
            now = time.monotonic()
            if due > now:
                await asyncio.sleep(due - now)
                now = time.monotonic()
            else:
                await asyncio.sleep(0)
            if now - due > LATE_S:
                self.late.append((now, now - due))
            for stepping in tuple(phase):
                stepping.step(time.monotonic())
