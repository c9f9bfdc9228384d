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
    """`stop` is the daemon's; `lease_lost` is called by whoever finds that out by a write, and `hang_up` when the
    owner wants it before anybody is on the line."""

    def __init__(self, stop: asyncio.Future[StopReason]) -> None:
        self._stop = stop
        self._ended: asyncio.Future[End] = asyncio.get_running_loop().create_future()

    def lease_lost(self) -> None:
        self._end_with(End(Ending.LEASE_LOST))

    def hang_up(self) -> None:
        self._end_with(End(Ending.OWNER_HUNG_UP))

    def check(self) -> None:
        """Raise `Stop` if the call is stopped."""
        if self._stop.done() or self._ended.done():
            raise Stop(self._end())

    async def unless_stopped(self, work: Awaitable[Result]) -> Result:
        """`work`, unless the call is stopped first: then `Stop`."""
        task = asyncio.ensure_future(work)
        watched: set[asyncio.Future[Any]] = {task, self._stop, self._ended}
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise Stop(self._end())
        finally:
            task.cancel()

    async def unless_ended(self, work: Awaitable[End]) -> End:
        """The conversation's end. It watches for `stop` and for the owner itself, since it says goodbye then."""
        task = asyncio.ensure_future(work)
        watched: set[asyncio.Future[Any]] = {task, self._ended}
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else self._end()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _end(self) -> End:
        """A stop that was given a reason tells more than a lost lease, which a cancel causes too."""
        if not self._stop.done():
            return self._ended.result()
        return End(Ending.CANCELLED if self._stop.cancelled() else ENDINGS[self._stop.result()])

    def _end_with(self, end: End) -> None:
        if not self._ended.done():
            self._ended.set_result(end)
