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
        self._is_set = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        self._is_set = True
        self._wake()

    async def wait(self, timeout_s: float | None) -> None:
        """Return when set, or after `timeout_s` (at least `SHORTEST_WAIT_S`); None waits for ever."""
        if not self._is_set:
            # With every word and every piece of audio: an event within a timeout costs three times as much.
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            timer = None if timeout_s is None else loop.call_later(max(timeout_s, SHORTEST_WAIT_S), self._wake)
            try:
                await self._waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
        self._is_set = False

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
