"""One open connection more than a client uses, so that no request waits for a handshake.

An HTTP/1.1 connection ends with the answer that is broken off on it, and answers are broken off all the time: by a
wrong guess, by an interruption. The next request is the one that somebody on the line waits for, and over TLS it
would begin with two or three round trips. Clients don't tell which connections they keep, so these are counted
here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import structlog

log = structlog.get_logger(__name__)

OPEN_AFTER_S = 0.1
"""The request that took the last one comes first; and by then another may be free."""

FORGET_AFTER_S = 60.0
"""Unused for so long, it may have been closed by the other side, so it does not count."""


class Taken:
    """A connection in use."""

    def __init__(self) -> None:
        self.is_whole = False
        """Set: its answer was read to the end, and it can be used again."""


class SpareConnection:
    """Of one client to one server. `open_one()` asks for something small, which leaves a connection behind; it has
    a deadline of its own, and may raise."""

    def __init__(self, open_one: Callable[[], Awaitable[None]]) -> None:
        self._open_one = open_one
        self._free: deque[float] = deque()
        """Since when: the longest free first, as clients take them."""
        self._opening: asyncio.Task[None] | None = None

    @contextmanager
    def taken(self) -> Iterator[Taken]:
        """Around a request, its answer included."""
        now = asyncio.get_running_loop().time()
        while self._free and now - self._free[0] > FORGET_AFTER_S:
            self._free.popleft()
        if self._free:
            self._free.popleft()
        if not self._free and self._opening is None:
            self._opening = asyncio.create_task(self._open(), name="spare-connection")
        connection = Taken()
        try:
            yield connection
        finally:
            if connection.is_whole:
                self._free.append(asyncio.get_running_loop().time())

    async def close(self) -> None:
        """Open no more."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)

    async def _open(self) -> None:
        try:
            await asyncio.sleep(OPEN_AFTER_S)
            if not self._free:
                await self._open_one()
                self._free.append(asyncio.get_running_loop().time())
        except Exception as error:
            # Whoever asks next will meet it too, and tell.
            log.info("spare_connection.failed", reason=type(error).__name__)
        finally:
            self._opening = None
