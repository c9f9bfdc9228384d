"""One call's life: begun, dialled, ringing, on the line, over. Whatever happens on the way, it is hung up.

`run` is the caller's side; the carrier's callbacks and its media socket come in by the other methods, in any
order.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

import structlog

from worker.call import answered_by, phrases
from worker.call.answered_by import Answerer
from worker.call.clock import Clock
from worker.call.contract import CallBrief, CallControl, CallReport, Ending
from worker.call.dialing import hang_up, place_once
from worker.call.journal import Journal
from worker.call.ledger import Ledger, begin
from worker.call.line import Line
from worker.call.on_air import OnAir
from worker.call.on_line import End
from worker.call.open_line import Equipment, opened_line
from worker.call.outbox import Outbox
from worker.call.ready_made import RecordedClause
from worker.call.stopping import Stop, Stopping
from worker.call.told import fact_words
from worker.call.usage import Usage
from worker.deployment.client import DeploymentUnavailable, FunctionError, LeaseLost
from worker.phone.carrier import CarrierStatus, CarrierUnavailable, DialOrder, DialRefused
from worker.phone.directory import MediaRefused, StatusUpdate
from worker.phone.media import MediaStream
from worker.speech.voice import VoiceUnavailable

log = structlog.get_logger(__name__)

RING_S = 30
"""About six rings; then most phones have gone to voicemail."""

RING_BACKSTOP_S = RING_S + 30
"""If the carrier never tells how the ringing ended (its own set-up takes some seconds)."""

MEDIA_AFTER_ANSWER_S = 10.0
"""Answered, and no audio socket: nobody could say a word."""

TIME_LIMIT_MARGIN_S = 60
"""The carrier's own limit lies beyond Floyd's, and is the last net."""

FINAL_STATUS_S = 3.0
"""After the socket has closed, the carrier's status tells a hang-up from a broken line."""

PLACE_BACKSTOP_S = 40.0
"""A dial under way is waited for, to hang it up; the carrier's client has a shorter deadline."""


@dataclass(frozen=True, slots=True)
class CallUrls:
    """Public addresses of one call's webhooks."""

    answer: str
    status: str
    answered_by: str


class Session:
    """`register(session)` is called as soon as the call has an id; `known_sids()` gives other sessions' calls."""

    def __init__(
        self,
        equipment: Equipment,
        brief: CallBrief,
        control: CallControl,
        *,
        worker_id: str,
        urls: Callable[[str], CallUrls],
        register: Callable[[Session], None],
        known_sids: Callable[[Session], Collection[str]],
    ) -> None:
        self.call_id = ""
        self.call_sid: str | None = None
        self._equipment = equipment
        self._brief = brief
        self._control = control
        self._worker_id = worker_id
        self._urls = urls
        self._register = register
        self._known_sids = known_sids
        self._clock = Clock()
        self.on_air = OnAir(self._clock)
        loop = asyncio.get_running_loop()
        self._token = secrets.token_urlsafe(32)
        self._token_hash = hashlib.sha256(self._token.encode()).hexdigest()
        self._token_used = False
        self._media: asyncio.Future[MediaStream] = loop.create_future()
        self._final: asyncio.Future[CarrierStatus] = loop.create_future()
        self._answered: asyncio.Future[None] = loop.create_future()
        self._stopping = Stopping(control.stop)
        self._over = asyncio.Event()
        self._placing: asyncio.Task[str | None] | None = None
        self._outbox: Outbox | None = None
        self._ledger: Ledger | None = None
        self._journal: Journal | None = None
        self._line: Line | None = None
        self._verdict = Answerer.UNKNOWN
        self._usage = Usage()

    # -- what the carrier tells --------------------------------------------------------------------------------

    def media_token(self, call_sid: str) -> str | None:
        """The token for the media socket; None once the call is over or belongs to another sid."""
        if self._over.is_set() or not self._learn_sid(call_sid):
            return None
        return self._token

    def on_status(self, update: StatusUpdate) -> None:
        if not self._learn_sid(update.call_sid):
            log.warning("call.status_of_another", call=self.call_id, sid=update.call_sid)
            return
        if self._ledger is not None:
            self._ledger.status(update)
            if update.status is CarrierStatus.RINGING and not self._answered.done():
                self._ledger.stage("ringing")
        if update.status in (CarrierStatus.ANSWERED, CarrierStatus.IN_PROGRESS) and not self._answered.done():
            self._answered.set_result(None)
        if update.status.is_final and not self._final.done():
            self._final.set_result(update.status)
        if update.answered_by:
            self.on_answered_by(update.call_sid, update.answered_by)

    def on_answered_by(self, call_sid: str, value: str) -> None:
        if not self._learn_sid(call_sid):
            return
        self._verdict = answered_by.settle(self._verdict, answered_by.from_carrier(value))
        if self._line is not None:
            self._line.answered_by(answered_by.from_carrier(value))

    async def serve_media(self, call_sid: str, token: str, stream: MediaStream) -> None:
        """Let the media socket in, and hold it until the call is over. Raises `MediaRefused`."""
        token_hash = hashlib.sha256(token.encode()).hexdigest()
        if not hmac.compare_digest(token_hash, self._token_hash):
            raise MediaRefused("the token is wrong")
        if self._token_used or self._over.is_set() or self._ledger is None:
            raise MediaRefused("the token was used, or the call is over")
        if not self._learn_sid(call_sid):
            raise MediaRefused("the token belongs to another call")
        self._token_used = True
        try:
            await self._ledger.open_media(call_sid, token_hash)
        except FunctionError as error:
            raise MediaRefused(error.message) from error
        except DeploymentUnavailable:
            # The database is away, and somebody has picked up. The token is known here too, and used once.
            self._ledger.media_opened_late(call_sid, token_hash)
        if not self._media.done():
            self._media.set_result(stream)
        await self._over.wait()

    # -- the call ----------------------------------------------------------------------------------------------

    async def run(self) -> CallReport:
        """Make the call. Never raises for what happens on the line; cancelling hangs up."""
        end = End(Ending.CANCELLED)
        try:
            end = await self._call()
        except Stop as stop:
            end = stop.end
        except asyncio.CancelledError:
            raise
        except Exception as error:  # whatever broke here, the callee must not be left on an open line
            log.exception("call.failed", call=self.call_id)
            end = End(Ending.ERROR, detail=f"The call failed ({type(error).__name__}).")
        finally:
            closing = asyncio.ensure_future(self._close(end))
            try:
                await asyncio.shield(closing)
            except asyncio.CancelledError:
                await closing
                raise
        lines = tuple(self._journal.lines) if self._journal is not None else ()
        return CallReport(
            ending=end.ending,
            call_id=self.call_id or None,
            reason=end.reason,
            question=end.question,
            detail=end.detail,
            lines=lines,
            usage=self._usage,
        )

    async def _call(self) -> End:
        disclosure_text = phrases.disclosure(self._brief.person_name)
        rendering = asyncio.ensure_future(self._equipment.ready_made.get(disclosure_text))
        try:
            await self._begin()
            disclosure = await self._stopping.unless_stopped(self._rendered(rendering))
        finally:
            rendering.cancel()
            await asyncio.gather(rendering, return_exceptions=True)
        with self._equipment.warming_up():
            await self._dial()
            stream = await self._picked_up()
        assert self._ledger is not None
        self._ledger.stage("talking")
        end = await self._converse(stream, disclosure)
        return await self._told_apart(end)

    async def _begin(self) -> None:
        """Write the attempt. Nothing is dialled that is not written."""
        brief = self._brief
        try:
            self.call_id = await self._stopping.unless_stopped(
                begin(
                    self._equipment.deployment,
                    request_id=brief.request_id,
                    token=brief.token,
                    to=brief.to,
                    media_token_hash=self._token_hash,
                    worker_id=self._worker_id,
                    line=self._equipment.line,
                )
            )
        except LeaseLost:
            raise Stop(End(Ending.LEASE_LOST)) from None
        except FunctionError as error:
            ending = Ending.POLICY_BLOCKED if error.code == "POLICY_BLOCKED" else Ending.ERROR
            raise Stop(End(ending, detail=error.message)) from None
        except DeploymentUnavailable:
            raise Stop(
                End(Ending.ERROR, detail="The database could not be reached; nothing was dialled.")
            ) from None
        deployment, token = self._equipment.deployment, brief.token
        self._outbox = Outbox(deployment, self._stopping.lease_lost)
        self._ledger = Ledger(
            deployment, self._outbox, call_id=self.call_id, request_id=brief.request_id, token=token
        )
        facts = fact_words(brief.facts, (brief.request_text, brief.callee_name, brief.person_name))
        self._journal = Journal(
            deployment,
            self._outbox,
            self._clock,
            call_id=self.call_id,
            token=token,
            facts=facts,
            pace=self._equipment.live_pace,
        )
        self._register(self)
        self._control.steering.call_id = self.call_id
        self._control.steering.on_news = self._steered
        self._steered()

    def _steered(self) -> None:
        """What the owner wants before anybody is on the line; then it is the line's to follow."""
        if self._control.steering.hang_up:
            self._stopping.hang_up()

    async def _rendered(self, rendering: Awaitable[RecordedClause]) -> RecordedClause:
        try:
            return await rendering
        except VoiceUnavailable as error:
            # Who can't say that an AI is calling does not call.
            detail = f"The voice could not be reached, so nothing was dialled: {error}"
            raise Stop(End(Ending.ERROR, detail=detail)) from None

    async def _dial(self) -> None:
        urls = self._urls(self.call_id)
        order = DialOrder(
            to=self._brief.to,
            answer_url=urls.answer,
            status_url=urls.status,
            answered_by_url=urls.answered_by,
            ring_timeout_s=RING_S,
            time_limit_s=int(self._brief.max_minutes * 60) + RING_S + TIME_LIMIT_MARGIN_S,
        )
        self._stopping.check()
        self._placing = asyncio.create_task(
            place_once(
                self._equipment.carrier,
                order,
                since_ms=self._clock.epoch_ms(),
                known_sids=lambda: self._known_sids(self),
            )
        )
        try:
            # A callback may tell the call's sid before, or instead of, the answer to the dial.
            sid = await self._stopping.unless_stopped(asyncio.shield(self._placing))
        except DialRefused as error:
            raise Stop(End(Ending.FAILED, detail=error.message)) from None
        except CarrierUnavailable:
            sid = None
        if sid is not None:
            self._learn_sid(sid)
        if self.call_sid is None:
            raise Stop(End(Ending.FAILED, detail="The carrier could not be reached; no call was made."))

    async def _picked_up(self) -> MediaStream:
        """Wait for the audio, and give up when the carrier does."""
        deadline_s: float = RING_BACKSTOP_S
        while not self._media.done():
            waiting: set[asyncio.Future[Any]] = {self._media, self._final}
            if not self._answered.done():
                waiting.add(self._answered)
            else:
                deadline_s = MEDIA_AFTER_ANSWER_S
            done = await self._stopping.unless_stopped(_first_of(waiting, deadline_s))
            if self._final.done() and not self._media.done():
                raise Stop(_end_without_media(self._final.result()))
            if not done:
                if self._answered.done():
                    raise Stop(End(Ending.ERROR, detail="The call was answered, but no audio came."))
                raise Stop(End(Ending.NO_ANSWER))
        return self._media.result()

    async def _converse(self, stream: MediaStream, disclosure: RecordedClause) -> End:
        assert self._journal is not None
        assert self._ledger is not None
        async with opened_line(
            self._equipment,
            stream,
            call_id=self.call_id,
            brief=self._brief,
            control=self._control,
            clock=self._clock,
            journal=self._journal,
            ledger=self._ledger,
            disclosure=disclosure,
            on_air=self.on_air,
            usage=self._usage,
        ) as on_line:
            limit_s = self._brief.max_minutes * 60
            self._line = Line(on_line, limit_s=limit_s)
            if self._verdict is not Answerer.UNKNOWN:
                self._line.answered_by(self._verdict)
            return await self._stopping.unless_ended(self._line.run())

    async def _told_apart(self, end: End) -> End:
        """A callee who hangs up and a line that breaks look alike at first; the carrier's status tells."""
        if end.ending is not Ending.CALLEE_HUNG_UP:
            return end
        await _first_of({self._final}, FINAL_STATUS_S)
        if self._final.done() and self._final.result() is CarrierStatus.FAILED:
            return End(Ending.DROPPED, question=end.question)
        return end

    # -- the end -----------------------------------------------------------------------------------------------

    async def _close(self, end: End) -> None:
        """Hang up, write what is left to write. Bounded, and each step whatever becomes of the others."""
        self._over.set()
        self.on_air.close()
        if self._media.done():
            await self._media.result().close()
        await self._hang_up()
        if self._journal is not None:
            await self._journal.close()
        if self._ledger is not None:
            if self._line is not None:
                self._ledger.used(self._usage)
            self._ledger.ended(end.ending.value)
        if self._outbox is not None:
            await self._outbox.close()
        log.info("call.ended", call=self.call_id, ending=end.ending.value, detail=end.detail)

    async def _hang_up(self) -> None:
        if self._placing is not None and not self._placing.done():
            with contextlib.suppress(TimeoutError, DialRefused, CarrierUnavailable):
                async with asyncio.timeout(PLACE_BACKSTOP_S):
                    sid = await self._placing
                    if sid is not None:
                        self._learn_sid(sid)
        if self.call_sid is not None and not self._final.done():
            await hang_up(self._equipment.carrier, self.call_sid)

    def _learn_sid(self, call_sid: str) -> bool:
        """Note the carrier's id of this call. False: it has another."""
        if self.call_sid is None:
            self.call_sid = call_sid
            if self._ledger is not None:
                self._ledger.dialed(call_sid)
        return self.call_sid == call_sid


async def _first_of(futures: Collection[asyncio.Future[Any]], timeout_s: float) -> bool:
    """Wait for one of them; False when none was done in time."""
    done, _ = await asyncio.wait(futures, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)


def _end_without_media(status: CarrierStatus) -> End:
    match status:
        case CarrierStatus.BUSY:
            return End(Ending.BUSY)
        case CarrierStatus.NO_ANSWER:
            return End(Ending.NO_ANSWER)
        case CarrierStatus.COMPLETED:
            return End(Ending.CALLEE_HUNG_UP)
        case CarrierStatus.CANCELED:
            return End(Ending.FAILED, detail="The call was cancelled at the carrier.")
        case _:
            return End(Ending.FAILED, detail="The carrier could not connect the call.")
