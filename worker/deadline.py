"""A deadline that moves on with everything that comes, for streams of many small pieces.

`asyncio.timeout` around each piece makes and cancels a timer for it; here moving on is an assignment, and the one
timer looks where the deadline is when it fires.
"""

from __future__ import annotations

import asyncio
import math
from types import TracebackType


class MovingDeadline:
    """A context like `asyncio.timeout`: what is awaited within it is cancelled at the deadline, and leaving it
    raises TimeoutError then. Of one task, like that one."""

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout: asyncio.Timeout | None = None
        """While within. It knows its task, which keeps the traceback that it was cancelled with, and so the frame
        that has this deadline: left together, all of it would be the garbage collector's."""
        self._seconds = seconds
        self._at = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def move(self, seconds: float) -> None:
        """So long from now."""
        self._at = self._loop.time() + seconds
        if seconds < self._seconds:
            # The timer would fire too late.
            self._seconds = seconds
            self._set_timer(seconds)

    def pause(self) -> None:
        """There is none until it is moved again: for a generator, while it is somebody else's turn."""
        self._at = math.inf

    async def __aenter__(self) -> MovingDeadline:
        self._timeout = asyncio.timeout(None)
        await self._timeout.__aenter__()
        self._at = self._loop.time() + self._seconds
        self._set_timer(self._seconds)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        timeout, self._timer, self._timeout = self._timeout, None, None
        assert timeout is not None
        await timeout.__aexit__(kind, error, traceback)

    def _set_timer(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        if self._timeout is None:
            return
        left_s = self._at - self._loop.time()
        if left_s <= 0:
            self._timer = None
            self._timeout.reschedule(self._loop.time())
        else:
            self._set_timer(min(left_s, self._seconds))
