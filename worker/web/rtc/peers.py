"""All connections with pages: who may have how many, how long things may take, and that all of them end.

A connection is served by one coroutine, from the moment it was answered: it awaits `transport.connected()`, and
ends by itself when the page is gone (`frames` ends then, and `closed` returns). When it returns, the connection is
closed.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from worker.web.errors import refused
from worker.web.rtc.ice import Ice
from worker.web.rtc.offer import BadOffer, Offer
from worker.web.rtc.transport import AudioTransport

if TYPE_CHECKING:
    from worker.web.rtc.peer import Peer

log = structlog.get_logger(__name__)

PER_PERSON = 6
"""Listening in on some calls in some tabs. With one more, the oldest gives way: it may be of a page long gone."""

IN_ALL = 24
"""Each costs the loop about as much as a call does; telephone calls come first."""

ANSWER_S = 10.0
"""For an answer: milliseconds, but for the library's loading on first use, and STUN servers' replies (5 s)."""

CONNECT_S = 15.0
"""From the answer to the first audio. Browsers give up after 15 to 30 s."""

WIND_UP_S = 5.0
"""For a coroutine to end by itself after the page is gone."""

CLOSE_S = 5.0

Serve = Callable[[AudioTransport], Awaitable[None]]


class Peers:
    def __init__(self, ice: Ice) -> None:
        self.ice = ice
        self._open: dict[asyncio.Task[None], str] = {}
        """The tasks that serve connections, oldest first, and whose they are."""
        self._closing = False

    def __len__(self) -> int:
        return len(self._open)

    async def answer(self, person_id: str, offer: Offer, serve: Serve) -> str:
        """Answer a page's offer, and serve the connection that comes of it.

        Raises 400 for an offer that can't be taken, 503 when there are too many or the worker stops."""
        if self._closing or len(self._open) >= IN_ALL:
            raise refused(
                web.HTTPServiceUnavailable, "BUSY", "Too many people are listening now: try again in a moment"
            )
        mine = [task for task, owner in self._open.items() if owner == person_id]
        for oldest in mine[: max(0, len(mine) - PER_PERSON + 1)]:
            oldest.cancel()
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._run(offer, serve, answer), name="rtc")
        self._open[task] = person_id
        task.add_done_callback(lambda done: self._ended(done, answer))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await asyncio.shield(answer)
        except TimeoutError:
            task.cancel()
            raise refused(
                web.HTTPServiceUnavailable, "UNAVAILABLE", "The worker is too busy: try again in a moment"
            ) from None
        except BadOffer as error:
            raise refused(web.HTTPBadRequest, "BAD_INPUT", f"`sdp` can't be used: {error}") from None
        except BaseException:
            task.cancel()
            raise

    async def close(self) -> None:
        """End all connections, and take no new ones."""
        self._closing = True
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_S)

    async def _run(self, offer: Offer, serve: Serve, answer: asyncio.Future[str]) -> None:
        module: Any = await asyncio.to_thread(importlib.import_module, "worker.web.rtc.peer")
        transport = AudioTransport()
        peer: Peer = module.Peer(offer, transport, self.ice)
        try:
            try:
                sdp = await peer.answer()
            except Exception as error:
                # The offer was checked: what the library still does not take is odd, but the page's.
                log.warning("rtc.offer_not_taken", kind=type(error).__name__, reason=str(error))
                raise BadOffer("it is contradictory") from error
            if not answer.done():
                answer.set_result(sdp)
            await _serve(transport, serve)
        finally:
            await peer.close()

    def _ended(self, task: asyncio.Task[None], answer: asyncio.Future[str]) -> None:
        self._open.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if not answer.done():
            answer.set_exception(error or BadOffer("the connection was closed"))
            answer.exception()  # whoever asked may be gone
        elif error is not None:
            log.error("rtc.failed", exc_info=error)


async def _serve(transport: AudioTransport, serve: Serve) -> None:
    serving = asyncio.ensure_future(serve(transport))
    watching = asyncio.create_task(_watch(transport))
    try:
        await asyncio.wait([serving, watching], return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            await asyncio.wait([serving], timeout=WIND_UP_S)
    finally:
        watching.cancel()
        if not serving.done():
            serving.cancel()
        await asyncio.wait([serving])
    if not serving.cancelled():
        serving.result()


async def _watch(transport: AudioTransport) -> None:
    """Until the page is gone, which it also is if it never came."""
    try:
        async with asyncio.timeout(CONNECT_S):
            await transport.connected()
    except TimeoutError:
        log.info("rtc.never_connected")
        transport.end()
    await transport.closed()
