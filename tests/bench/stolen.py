"""When the host took processors away. A virtual machine shares them with others, and the kernel counts what it
wanted and did not get ("steal" in /proc/stat). What was measured in such a moment says nothing of a bot."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left, bisect_right

import psutil

SAMPLE_S = 0.05
TOLERATED_S = 0.015
"""A tick of the kernel's clock is 10 ms, and a quiet host takes one now and then."""


class Stolen:
    """`async with Stolen() as stolen:`; then `stolen.disturbed(since, until)`. Times are those of
    `time.monotonic()`."""

    def __init__(self) -> None:
        self._at: list[float] = []
        self._seconds: list[float] = []

    async def __aenter__(self) -> Stolen:
        self.note(time.monotonic(), stolen_s())
        self._sampling = asyncio.create_task(self._sample())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sampling.cancel()
        await asyncio.gather(self._sampling, return_exceptions=True)
        self.note(time.monotonic(), stolen_s())

    def note(self, at: float, seconds: float) -> None:
        """So much had been taken by then, since whenever."""
        self._at.append(at)
        self._seconds.append(seconds)

    def within(self, since: float, until: float) -> float:
        """Seconds of CPU time taken of all cores, counted from the last sample before to the first one after."""
        first = max(0, bisect_right(self._at, since) - 1)
        last = min(len(self._at) - 1, bisect_left(self._at, until))
        return self._seconds[last] - self._seconds[first]

    def disturbed(self, since: float, until: float) -> bool:
        return self.within(since, until) > TOLERATED_S

    async def _sample(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_S)
            self.note(time.monotonic(), stolen_s())


def stolen_s() -> float:
    """Since the machine was started; 0 where the system doesn't tell."""
    return float(getattr(psutil.cpu_times(), "steal", 0.0))
