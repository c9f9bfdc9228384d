"""The line without a telephone network: calls ring at the page of the person whose request it is, and whoever
picks up there plays the one who is called. To the rest of Floyd it is a carrier like any other:

    ringing -> in-progress -> completed   somebody hung up
                           -> failed      the page, or the connection to it, went away
            -> busy                       declined at the page
            -> no-answer                  nobody picked up in `ring_timeout_s`
            -> canceled                   Floyd hung up before anybody picked up

The statuses are told as a carrier's callbacks tell them, in order. Every page of the person rings; the first to
pick up has the call while its connection is being made, and should that fail the others ring on. A line has no
memory beyond its process: the calls of an earlier one ended with it.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import structlog

from worker.phone.browser_line_media import BrowserMedia
from worker.phone.browser_line_phone import BrowserPhone
from worker.phone.carrier import CarrierCall, CarrierStatus, CarrierUnavailable, DialOrder, DialRefused
from worker.phone.directory import CallDirectory, MediaRefused, StatusUpdate
from worker.phone.urls import call_id_of
from worker.speech.voice import Voice

log = structlog.get_logger(__name__)

RINGS_ON_S = 5.0
"""At least so much ringing is left to the other pages when the one that picked up could not be connected."""
CLOSE_S = 2.0
"""For the last statuses to be told when the worker ends."""

NO_TEXTS = "Text messages can't be sent over the browser line, which is no telephone (FLOYD_LINE)."

_NEXT: dict[CarrierStatus, frozenset[CarrierStatus]] = {
    CarrierStatus.QUEUED: frozenset({CarrierStatus.RINGING}),
    CarrierStatus.RINGING: frozenset(
        {
            CarrierStatus.IN_PROGRESS,
            CarrierStatus.BUSY,
            CarrierStatus.NO_ANSWER,
            CarrierStatus.CANCELED,
        }
    ),
    CarrierStatus.IN_PROGRESS: frozenset({CarrierStatus.COMPLETED, CarrierStatus.FAILED}),
}


class Reached(Protocol):
    """A call as the deployment knows it."""

    @property
    def status(self) -> str:
        """dialing, ringing, answered or ended."""
        ...


Reach = Callable[[Any, str], Awaitable[Reached]]
"""`await reach(person, call_id)` raises unless the call is one of that person's."""


class NotRinging(Exception):
    """The call cannot be picked up or declined (any more). The message is fit for a person to read.

    `code`: CONFLICT, or ELSEWHERE when it rings with another worker."""

    def __init__(self, message: str, code: str = "CONFLICT") -> None:
        super().__init__(message)
        self.code = code


class LineHub:
    """Fulfils `worker.phone.carrier.Carrier`. `serve` it the calls' directory before it is used."""

    def __init__(self, voice: Voice, reach: Reach) -> None:
        """`voice` says what is typed; `reach` tells whose call it is."""
        self._voice = voice
        self._reach = reach
        self._directory: CallDirectory | None = None
        self._calls: dict[str, _Call] = {}  # those that have not ended, by sid
        self._telling: set[asyncio.Task[None]] = set()

    def serve(self, directory: CallDirectory) -> None:
        self._directory = directory

    # -- the carrier -------------------------------------------------------------------------------------------

    async def place(self, order: DialOrder) -> str:
        if self._directory is None:
            raise CarrierUnavailable("the browser line serves no calls yet")
        call = _Call(order, self._directory, on_end=lambda call: self._calls.pop(call.sid, None))
        self._calls[call.sid] = call
        telling = asyncio.create_task(call.tell(), name=f"line {call.call_id}")
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)
        call.ring()
        return call.sid

    async def hang_up(self, call_sid: str) -> None:
        call = self._calls.get(call_sid)
        if call is not None:
            call.hang_up()

    async def find(self, to: str, since_ms: float) -> list[CarrierCall]:
        return [
            CarrierCall(call.sid, to, call.status)
            for call in self._calls.values()
            if call.order.to == to and call.placed_at_ms >= since_ms
        ]

    async def send_text(self, to: str, body: str) -> str:
        raise DialRefused(NO_TEXTS, "UNAVAILABLE")

    async def close(self) -> None:
        for call in list(self._calls.values()):
            call.hang_up()
        if self._telling:
            await asyncio.wait(self._telling, timeout=CLOSE_S)
        for telling in list(self._telling):
            telling.cancel()

    # -- the page ----------------------------------------------------------------------------------------------

    async def pick_up(self, call_id: str, person: Any) -> BrowserPhone:
        """Take the call for one page. Then `talk` on what is returned, or `put_back`.

        Raises `NotRinging`, and what `reach` raises for a call that is not that person's."""
        call = await self._ringing(call_id, person)
        call.phone = BrowserPhone(call_id, call, self._voice)
        return call.phone

    async def decline(self, call_id: str, person: Any) -> None:
        """The caller is told that the line is busy. Raises as `pick_up`."""
        (await self._ringing(call_id, person)).end(CarrierStatus.BUSY)

    async def _ringing(self, call_id: str, person: Any) -> _Call:
        known = await self._reach(person, call_id)
        call = next((call for call in self._calls.values() if call.call_id == call_id), None)
        if call is None and known.status == "ringing":
            raise NotRinging("Another worker has this call.", "ELSEWHERE")
        if call is None:
            raise NotRinging("The call is not ringing any more.")
        if call.phone is not None:
            raise NotRinging("The call was picked up in another window.")
        return call


class _Call:
    """One call, from the dial to its end. Fulfils `Exchange` for the phone that picks it up."""

    def __init__(self, order: DialOrder, directory: CallDirectory, *, on_end: Callable[[_Call], object]) -> None:
        self.call_id = call_id_of(order.status_url)
        self.sid = "BL" + secrets.token_hex(16)
        self.order = order
        self.placed_at_ms = time.time() * 1000
        self.status = CarrierStatus.QUEUED
        self.phone: BrowserPhone | None = None
        """Who has picked it up."""
        self._directory = directory
        self._on_end = on_end
        self._rings_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        """Ends the ringing, and later the talking."""
        self._news: asyncio.Queue[StatusUpdate] = asyncio.Queue()

    def ring(self) -> None:
        loop = asyncio.get_running_loop()
        self._rings_until = loop.time() + self.order.ring_timeout_s
        self._move(CarrierStatus.RINGING)
        self._timer = loop.call_at(self._rings_until, self._unanswered)

    def ring_on(self) -> None:
        self.phone = None
        if self.status is CarrierStatus.RINGING:
            loop = asyncio.get_running_loop()
            self._stop_timer()
            self._timer = loop.call_at(max(self._rings_until, loop.time() + RINGS_ON_S), self._unanswered)

    def hang_up(self) -> None:
        """Floyd does, or the worker ends."""
        talking = self.status is CarrierStatus.IN_PROGRESS
        self.end(CarrierStatus.COMPLETED if talking else CarrierStatus.CANCELED)

    def end(self, status: CarrierStatus) -> None:
        """Once: what comes later is no news."""
        if not self._move(status):
            return
        self._stop_timer()
        self._on_end(self)
        if self.phone is not None:
            self.phone.end(clean=status is not CarrierStatus.FAILED)

    async def connect(self, media: BrowserMedia) -> None:
        if not self._move(CarrierStatus.IN_PROGRESS):
            return
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(self.order.time_limit_s, self.hang_up)
        try:
            token = self._directory.media_token(self.call_id, self.sid)
            await self._directory.run_media(self.call_id, self.sid, token or "", media)
            self.end(CarrierStatus.COMPLETED)
        except MediaRefused as error:
            log.warning("line.media_refused", call=self.call_id, reason=str(error))
        finally:
            self.end(CarrierStatus.FAILED)

    async def tell(self) -> None:
        """Tell the directory what becomes of the call, to its end."""
        while True:
            update = await self._news.get()
            try:
                await self._directory.on_status(self.call_id, update)
            except Exception as error:
                # The database is away. Whoever calls learns of it otherwise, and later statuses say more.
                log.warning("line.status_not_told", call=self.call_id, status=update.status, reason=str(error))
            if update.status.is_final:
                return

    def _unanswered(self) -> None:
        # While a page connects it is no longer the ringing that counts.
        if self.phone is None:
            self.end(CarrierStatus.NO_ANSWER)

    def _move(self, status: CarrierStatus) -> bool:
        if status not in _NEXT.get(self.status, frozenset()):
            return False
        self.status = status
        log.info("line.status", call=self.call_id, status=status.value)
        # Whoever picks up at a page is a person: there is nothing to be detected.
        answered_by = "human" if status is CarrierStatus.IN_PROGRESS else None
        self._news.put_nowait(StatusUpdate(self.sid, status, time.time() * 1000, answered_by))
        return True

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
