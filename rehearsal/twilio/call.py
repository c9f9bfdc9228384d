"""The life of one call: it rings, somebody answers or nobody does, its TwiML runs, it ends.

Status callbacks are posted for the events that were asked for: ``initiated``, ``ringing``, ``answered``, and
``completed`` with whatever final status the call has.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, assert_never

import aiohttp
import structlog

from rehearsal.callee import Callee
from rehearsal.casting import Role
from rehearsal.ear import Ear
from rehearsal.lines import Lines, render_lines
from rehearsal.state import RehearsalState
from rehearsal.twilio.answering_machine import verdict
from rehearsal.twilio.errors import ApiError
from rehearsal.twilio.line import Line
from rehearsal.twilio.program import Instructions, Program, Service
from rehearsal.twilio.resource import FINAL, CallOrder, CallResource
from rehearsal.twilio.turns import AnsweredTurn
from rehearsal.twilio.webhooks import CallbackQueue, timestamp

log = structlog.get_logger("rehearsal.twilio")


@dataclass(frozen=True)
class Problem:
    """What Twilio's debugger would show."""

    code: int
    message: str


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
        self._state = state
        self._line: Line | None = None
        self._callbacks = CallbackQueue(session, auth_token, self._problem)
        self._sequence = 0
        self._ended_as: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """The final status, once something decided it."""
        self._detected = asyncio.Event()
        self._program = Program(
            self.resource,
            Service(session, auth_token, state.voice, state.phrasebook, self._callbacks, self._problem),
        )
        self.done = asyncio.create_task(self._run(), name=f"call {self.resource.sid}")
        """Ends when the call is over and all of its callbacks were delivered."""

    @property
    def late_steps(self) -> int:
        """Steps of 20 ms of audio that came a step or more too late."""
        return self._line.late_steps if self._line else 0

    @property
    def turns(self) -> list[AnsweredTurn]:
        """The callee's turns that the caller answered."""
        return self._line.turns.turns if self._line else []

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
        self._program.redirect(instructions)

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
            call.spoken(),
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
        callee = self.callee = Callee(self.role.call, texts, Ear(self._state.phrasebook))
        line = self._line = Line(callee)
        line.after_step = lambda: self._detect_machine(callee)
        self.resource.answered = time.time()
        self.resource.set_status("in-progress")
        self._post_event("answered")
        carried = asyncio.create_task(line.run())
        sides = (asyncio.create_task(self._run_twiml(line)), carried)
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

    async def _run_twiml(self, line: Line) -> None:
        """Without AsyncAmd a call's TwiML waits until it is known who answered."""
        if self.resource.order.machine_detection and not self.resource.order.async_amd:
            await self._detected.wait()
        await self._program.run(line)
        self.end("completed")

    async def _hang_up_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.end("completed")

    async def _drop_after(self, seconds: float | None) -> None:
        if seconds is None:
            return
        await asyncio.sleep(seconds)
        self._program.drop()
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

    def _problem(self, code: int, message: str) -> None:
        log.warning("rehearsal: Twilio would report", call=self.resource.sid, code=code, problem=message)
        self.problems.append(Problem(code, message))
