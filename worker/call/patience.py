"""Saying so, once, when an answer takes long: silence on the telephone sounds like a line that has dropped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from worker.call.ready_made import RecordedClause
from worker.call.reply import ClauseAudio, Reply

LONG_S = 2.0
"""Since the answer was due. People wait about so long before they ask whether somebody is there."""


class WithFiller:
    """A reply, with `filler` in front if its first sound is not there within `within_s`."""

    def __init__(self, reply: Reply, filler: RecordedClause, within_s: float = LONG_S) -> None:
        self._reply = reply
        self._filler = filler
        self._within_s = within_s

    async def clauses(self) -> AsyncIterator[ClauseAudio]:
        try:
            async with asyncio.timeout(max(0.0, self._within_s)):
                await self._reply.until_ready()
        except TimeoutError:
            yield self._filler
        async for clause in self._reply.clauses():
            yield clause
