"""The life of one call: it rings, somebody answers or nobody does, its TwiML runs, it ends.

Status callbacks are posted for the events that were asked for: ``initiated``, ``ringing``, ``answered``, and
``completed`` with whatever final status the call has.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, assert_never
from urllib.parse import urljoin

import aiohttp
import structlog

from rehearsal import tones
from rehearsal.callee import Callee
from rehearsal.casting import Role
from rehearsal.ear import Ear
from rehearsal.lines import Lines, render_lines
from rehearsal.state import RehearsalState
from rehearsal.twilio import twiml
from rehearsal.twilio.answering_machine import verdict
from rehearsal.twilio.errors import ApiError, CallProblem
from rehearsal.twilio.line import Line
from rehearsal.twilio.resource import FINAL, CallOrder, CallResource
from rehearsal.twilio.stream import MediaStream
from rehearsal.twilio.webhooks import CallbackQueue, fetch, timestamp

log = structlog.get_logger("rehearsal.twilio")

# Twilio's own words when an application's TwiML cannot be run.
APPLICATION_ERROR = "We are sorry. An application error has occurred. Goodbye."
# As many redirects as a call can need; more are a loop.
MAX_DOCUMENTS = 100


@dataclass(frozen=True)
class Problem:
    """What Twilio's debugger would show."""

    code: int
    message: str


@dataclass(frozen=True)
class Instructions:
    """Where a call's TwiML is."""

    url: str | None
    method: str
    twiml: str | None


class PhoneCall:
    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        order: CallOrder,
        role: Role,
        *,
        state: RehearsalState,
        session: aiohttp.ClientSession,
    ) -> None:
        self.resource = CallResource(account_sid, order)
        self.role = role
        self.problems: list[Problem] = []
        self.callee: Callee | None = None
        self.texts: Lines = {}
        self._auth_token = auth_token
        self._state = state
        self._session = session
        self._line: Line | None = None
        self._stream: MediaStream | None = None
        self._callbacks = CallbackQueue(session, auth_token, self._problem)
        self._sequence = 0
        self._ended_as: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """The final status, once something decided it."""
        self._next = Instructions(order.url, order.method, order.twiml)
        self._redirected = asyncio.Event()
        self._detected = asyncio.Event()
        self.done = asyncio.create_task(self._run(), name=f"call {self.resource.sid}")
        """Ends when the call is over and all of its callbacks were delivered."""

    @property
    def late_steps(self) -> int:
        """Steps of 20 ms of audio that came a step or more too late."""
        return self._line.late_steps if self._line else 0

    # What the REST API may do to a call.

    def hang_up(self, status: str) -> None:
        """``Status=completed`` ends any call, ``canceled`` only one that was not answered yet."""
        if self.resource.status in FINAL:
            raise ApiError(400, 21220, "Call is not in-progress. Cannot redirect.")
        if status == "canceled" and self.resource.status == "in-progress":
            return
        unanswered = self.resource.answered is None
        self.end("canceled" if unanswered else "completed")

    def redirect(self, instructions: Instructions) -> None:
        """Leave the current TwiML for another."""
        if self.resource.status != "in-progress":
            raise ApiError(400, 21220, "Call is not in-progress. Cannot redirect.")
        self._next = instructions
        self._redirected.set()

    def end(self, status: str) -> None:
        """Let the call end with this final status, unless it is ending already."""
        if not self._ended_as.done():
            self._ended_as.set_result(status)

    async def _run(self) -> None:
        try:
            await self._live()
        except Exception:
            log.exception("rehearsal call broke", call=self.resource.sid)
            self.end("failed")
            self._finish()
        finally:
            await self._callbacks.close()

    async def _live(self) -> None:
        log.info("rehearsal dials", call=self.resource.sid, to=self.resource.order.to, scenario=self.role.scenario)
        self._post_event("initiated", "initiated")
        rendering = asyncio.create_task(self._render())
        status = await self._ring(rendering)
        if status is not None:
            rendering.cancel()
            self.end(status)
        else:
            await self._talk(await rendering)
        self._finish()

    async def _render(self) -> Lines:
        call = self.role.call
        return await render_lines(
            self._state.voice,
            self._state.phrasebook,
            [*call.spoken(), APPLICATION_ERROR],
            name=call.voice,
            rate_wpm=call.rate_wpm,
        )

    async def _ring(self, rendering: asyncio.Task[Lines]) -> str | None:
        """Ring until somebody answers (None) or not (the final status)."""
        call, order = self.role.call, self.resource.order
        self.resource.set_status("ringing")
        self._post_event("ringing")
        patience = min(call.after, order.ring_timeout_s)
        ended, _ = await asyncio.wait({self._ended_as}, timeout=patience)
        if ended:
            return self._ended_as.result()
        if call.after > order.ring_timeout_s:
            return "no-answer"
        match call.answer:
            case "person" | "voicemail":
                either: set[asyncio.Future[Any]] = {rendering, self._ended_as}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                return self._ended_as.result() if self._ended_as.done() else None
            case "noAnswer":
                return "no-answer"
            case "busy" | "failed":
                return call.answer
        assert_never(call.answer)

    async def _talk(self, texts: Lines) -> None:
        self.texts = texts
        callee = self.callee = Callee(self.role.call, texts, Ear(self._state.phrasebook))
        line = self._line = Line(callee)
        line.after_step = lambda: self._detect_machine(callee)
        self.resource.answered = time.time()
        self.resource.set_status("in-progress")
        self._post_event("answered")
        carried = asyncio.create_task(line.run())
        sides = {
            carried,
            asyncio.create_task(self._application(line)),
        }
        limits = [
            asyncio.create_task(self._hang_up_after(self.resource.order.time_limit_s)),
            asyncio.create_task(self._drop_after(self.role.call.drop_after)),
        ]
        try:
            waiting: set[asyncio.Future[Any]] = {*sides, *limits, self._ended_as}
            while not self._ended_as.done():
                over, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in over - {self._ended_as}:
                    task.result()  # an error of ours must not pass as the end of a call
                if carried in over:
                    self.end("completed")
        finally:
            # The application goes first: leaving its Media Stream sends `stop` while the line still is there.
            for task in (*limits, *sides):
                task.cancel()
            await asyncio.gather(*limits, *sides, return_exceptions=True)
            callee.line_closed()

    def _finish(self) -> None:
        resource = self.resource
        resource.set_status(self._ended_as.result())
        log.info("rehearsal call ended", call=resource.sid, status=resource.status, seconds=resource.duration_s)
        lasted = {"CallDuration": str(resource.duration_s), "Duration": str(-(-resource.duration_s // 60))}
        self._post_event("completed", **lasted)

    async def _hang_up_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.end("completed")

    async def _drop_after(self, seconds: float | None) -> None:
        if seconds is None:
            return
        await asyncio.sleep(seconds)
        if self._stream is not None:
            self._stream.drop()
        self.end("completed")

    def _detect_machine(self, callee: Callee) -> None:
        order = self.resource.order
        if order.machine_detection is None or self._detected.is_set():
            return
        answered_by = verdict(callee, order.machine_detection, order.detection_timeout_s)
        if answered_by is None:
            return
        self.resource.answered_by = answered_by
        self._detected.set()
        if order.async_amd and order.async_amd_callback:
            found = {
                "CallSid": self.resource.sid,
                "AccountSid": self.resource.account_sid,
                "AnsweredBy": answered_by,
                "MachineDetectionDuration": str(int(callee.now_s * 1000)),
            }
            self._callbacks.put(order.async_amd_callback_method, order.async_amd_callback, found)

    # TwiML.

    async def _application(self, line: Line) -> None:
        """Run TwiML until it ends, redirected by the REST API as often as that asks for it."""
        while True:
            self._redirected.clear()
            running = asyncio.create_task(self._run_documents(line))
            redirected = asyncio.create_task(self._redirected.wait())
            try:
                await asyncio.wait({running, redirected}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                redirected.cancel()
                running.cancel()
                await asyncio.gather(running, redirected, return_exceptions=True)
            if not self._redirected.is_set():
                running.result()
                return

    async def _run_documents(self, line: Line) -> None:
        try:
            await self._detected_first()
            for _ in range(MAX_DOCUMENTS):
                following = await self._run_document(await self._document(), line)
                if following is None:
                    break
                self._next = following
            else:
                raise CallProblem(12300, f"more than {MAX_DOCUMENTS} documents redirected to each other")
        except CallProblem as problem:
            self._problem(problem.code, problem.message)
            await line.play(self.texts[APPLICATION_ERROR])
        self.end("completed")

    async def _detected_first(self) -> None:
        """Without AsyncAmd a call's TwiML waits until it is known who answered."""
        if self.resource.order.machine_detection and not self.resource.order.async_amd:
            await self._detected.wait()

    async def _document(self) -> list[twiml.Verb]:
        if self._next.url is None:
            return twiml.parse(self._next.twiml or "")
        params = self.resource.parameters()
        if self.resource.answered_by and not self.resource.order.async_amd:
            params["AnsweredBy"] = self.resource.answered_by
        return twiml.parse(await fetch(self._session, self._auth_token, self._next.method, self._next.url, params))

    async def _run_document(self, verbs: list[twiml.Verb], line: Line) -> Instructions | None:
        """Run the verbs in order; returns where to go on, None when the call is to end."""
        for verb in verbs:
            match verb:
                case twiml.Connect():
                    following = await self._connect(verb, line)
                    if following is not None:
                        return following
                case twiml.Say():
                    await self._say(verb, line)
                case twiml.PlayDigits():
                    line.callee.hear_keys(verb.digits.replace("w", "").replace("W", ""))
                    await line.play(tones.keys(verb.digits))
                case twiml.Pause():
                    await asyncio.sleep(verb.seconds)
                case twiml.Redirect():
                    return Instructions(urljoin(self._next.url or "", verb.url), verb.method, None)
                case twiml.Hangup() | twiml.Reject():
                    return None
                case _:
                    assert_never(verb)
        return None

    async def _connect(self, verb: twiml.Connect, line: Line) -> Instructions | None:
        resource = self.resource
        stream = self._stream = MediaStream(verb, line, resource.account_sid, resource.sid, self._problem)
        self._stream_event(verb, stream, "stream-started")
        try:
            await stream.run(self._session, self._auth_token)
        except CallProblem as problem:
            self._problem(problem.code, problem.message)
            self._stream_event(verb, stream, "stream-error")
        finally:
            self._stream = None
            self._stream_event(verb, stream, "stream-stopped")
        if verb.action:
            return Instructions(urljoin(self._next.url or "", verb.action), verb.method, None)
        return None

    async def _say(self, verb: twiml.Say, line: Line) -> None:
        spoken = await render_lines(self._state.voice, self._state.phrasebook, [verb.text])
        for _ in range(verb.loop or 1):
            await line.play(spoken[verb.text])

    # Callbacks.

    def _post_event(self, event: str, status: str | None = None, **more: str) -> None:
        order = self.resource.order
        sequence, self._sequence = self._sequence, self._sequence + 1
        if order.status_callback is None or event not in order.events:
            return
        params = self.resource.parameters() | {
            "SequenceNumber": str(sequence),
            "Timestamp": timestamp(),
            "CallbackSource": "call-progress-events",
            **more,
        }
        if status is not None:
            params["CallStatus"] = status
        if self.resource.answered_by:
            params["AnsweredBy"] = self.resource.answered_by
        self._callbacks.put(order.status_callback_method, order.status_callback, params)

    def _stream_event(self, verb: twiml.Connect, stream: MediaStream, event: str) -> None:
        if verb.status_callback is None:
            return
        params = {
            "AccountSid": self.resource.account_sid,
            "CallSid": self.resource.sid,
            "StreamSid": stream.sid,
            "StreamName": verb.name or stream.sid,
            "StreamEvent": event,
            "Timestamp": timestamp(),
        }
        self._callbacks.put("POST", urljoin(self._next.url or "", verb.status_callback), params)

    def _problem(self, code: int, message: str) -> None:
        log.warning("rehearsal: Twilio would report", call=self.resource.sid, code=code, problem=message)
        self.problems.append(Problem(code, message))
