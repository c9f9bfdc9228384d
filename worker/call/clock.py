"""The time inside a call: the loop's monotonic seconds, and the epoch milliseconds they stand for."""

from __future__ import annotations

import asyncio
import time

SHORTEST_WAIT_S = 0.001
"""A threshold that lies a rounding error ahead is not waited for in ever smaller steps."""


class Clock:
    """Epoch times follow from the monotonic ones, so a clock that is set in mid-call reorders nothing."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop or asyncio.get_running_loop()
        self._epoch_at_zero_s = time.time() - self._loop.time()

    def now(self) -> float:
        """Seconds on the loop's clock."""
        return self._loop.time()

    def epoch_ms(self, at: float | None = None) -> float:
        """Epoch milliseconds of a loop time (default: now)."""
        return round(((self.now() if at is None else at) + self._epoch_at_zero_s) * 1000, 1)


class Signal:
    """Something changed that the one waiting task should look at. Setting it many times wakes it once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self, timeout_s: float | None) -> None:
        """Return when set, or after `timeout_s` (at least `SHORTEST_WAIT_S`); None waits for ever."""
        try:
            async with asyncio.timeout(None if timeout_s is None else max(timeout_s, SHORTEST_WAIT_S)):
                await self._event.wait()
        except TimeoutError:
            return
        self._event.clear()
