"""What stops a call from outside: its person, its worker's end, a lease that is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from worker.call.contract import Ending, StopReason
from worker.call.on_line import End

Result = TypeVar("Result")

ENDINGS = {
    StopReason.CANCELLED: Ending.CANCELLED,
    StopReason.LEASE_LOST: Ending.LEASE_LOST,
    StopReason.DRAIN: Ending.DRAINED,
}


class Stop(Exception):
    """The call ends before it is on the line."""

    def __init__(self, end: End) -> None:
        super().__init__(end.ending.value)
        self.end = end


class Stopping:
    """`stop` is the daemon's; `lease_lost` is called by whoever finds that out by a write."""

    def __init__(self, stop: asyncio.Future[StopReason]) -> None:
        self._stop = stop
        self._lease_lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def lease_lost(self) -> None:
        if not self._lease_lost.done():
            self._lease_lost.set_result(None)

    def check(self) -> None:
        """Raise `Stop` if the call is stopped."""
        if self._stop.done() or self._lease_lost.done():
            raise Stop(self._end())

    async def unless_stopped(self, work: Awaitable[Result]) -> Result:
        """`work`, unless the call is stopped first: then `Stop`."""
        task = asyncio.ensure_future(work)
        watched: set[asyncio.Future[Any]] = {task, self._stop, self._lease_lost}
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise Stop(self._end())
        finally:
            task.cancel()

    async def unless_lease_lost(self, work: Awaitable[End]) -> End:
        """The conversation's end. It watches for `stop` itself, since a drain is said goodbye to."""
        task = asyncio.ensure_future(work)
        watched: set[asyncio.Future[Any]] = {task, self._lease_lost}
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else self._end()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _end(self) -> End:
        """A stop that was given a reason tells more than a lost lease, which a cancel causes too."""
        if not self._stop.done():
            return End(Ending.LEASE_LOST)
        return End(Ending.CANCELLED if self._stop.cancelled() else ENDINGS[self._stop.result()])
