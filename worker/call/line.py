"""One open line, from the first frame to the last: who converses, and what ends it from outside.

The conversation is one task among several. Whatever comes of it (an end, a hang, an exception), the line ends: the
watchdog, the socket, the recogniser and the person who cancels are waited for beside it, not inside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, assert_never

import structlog

from worker.call import answered_by, phrases, prompt, watchdog
from worker.call.answered_by import Answerer
from worker.call.callee_turns import GREETING_TURNS
from worker.call.contract import Ending, StopReason
from worker.call.dialogue import Dialogue
from worker.call.on_line import End, OnLine, TakingOver
from worker.call.voicemail import leave_message
from worker.deployment.client import LeaseLost
from worker.phone.media import Stopped
from worker.speech.recognizer import RecognizerUnavailable

log = structlog.get_logger(__name__)

FAREWELL_DEADLINE_S = 12.0
"""For a goodbye said by code: the longest takes six seconds to speak."""


@dataclass(frozen=True, slots=True)
class Farewell:
    """Break off, say goodbye, hang up."""

    phrase: str
    end: End
    owner_can_go_on: bool = False
    """It need not be as long as the owner speaks themselves."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Break off, and leave a message."""


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Break off, and let the owner speak."""


Order = Farewell | Machine | TakeOver | End
"""An `End` hangs up without a word."""


class Line:
    def __init__(self, on_line: OnLine, *, limit_s: float) -> None:
        self._on_line = on_line
        self._limit_s = limit_s
        self._orders: asyncio.Queue[Order] = asyncio.Queue()
        self._dialogue = Dialogue(on_line)
        self._farewell: End | None = None
        self._at_machine = False
        self._wrapping_up = False
        self._opened_at = on_line.clock.now()
        self._taking_over: TakingOver | None = None
        self._put_off: Farewell | None = None
        """What Floyd can't go on without, and the owner can."""
        on_line.on_machine = self._on_machine
        on_line.on_disclosed = self._steered
        on_line.control.steering.on_news = self._steered

    def answered_by(self, verdict: Answerer) -> None:
        """The carrier's verdict on who answered."""
        line = self._on_line
        is_machine = verdict not in (Answerer.PERSON, Answerer.UNKNOWN)
        if is_machine and self._dialogue.turns.heard > GREETING_TURNS:
            # Somebody has been talking with Floyd for a while: carriers err.
            log.info("call.answered_by_ignored", call=line.call_id, verdict=verdict.value)
            return
        line.answerer = answered_by.settle(line.answerer, verdict)
        if is_machine:
            self._orders.put_nowait(Machine())
        line.changed.set()

    async def run(self) -> End:
        """Converse until the end. Never raises but when cancelled."""
        line = self._on_line
        main: asyncio.Task[End] = asyncio.create_task(self._dialogue.run())
        pump = asyncio.create_task(line.listening.pump())
        ear = asyncio.create_task(line.listening.understand())
        dog = asyncio.create_task(self._watch())
        order = asyncio.create_task(self._orders.get())
        watched: set[asyncio.Future[Any]] = {pump, ear, dog, line.control.stop}
        self._steered()
        try:
            while True:
                await asyncio.wait({main, order, *watched}, return_when=asyncio.FIRST_COMPLETED)
                if pump.done():
                    return self._closed(pump)
                if main.done():
                    end = self._result_of(main)
                    if end is not None:
                        return end
                    main = asyncio.create_task(self._say_farewell(phrases.GOODBYE_TROUBLE))
                    continue
                given: Order | None
                if order.done():
                    given, order = order.result(), asyncio.create_task(self._orders.get())
                else:
                    given = self._given_by(ear, dog, watched)
                if given is None:
                    continue
                if isinstance(given, End):
                    return given
                next_task = self._follow(given)
                if next_task is not None:
                    await _stop(main)
                    main = asyncio.create_task(next_task)
        finally:
            line.control.steering.on_news = lambda: None
            await _stop(main, pump, ear, dog, order)
            await self._dialogue.close()

    def _follow(self, order: Farewell | Machine | TakeOver) -> Coroutine[Any, Any, End] | None:
        """What takes the conversation's place; None: nothing does."""
        if self._farewell is not None:
            return None
        match order:
            case Machine():
                if self._at_machine:
                    return None
                self._at_machine = True
                if self._on_line.answerer not in (Answerer.FAX, Answerer.VOICEMAIL_LISTENING):
                    self._on_line.answerer = Answerer.VOICEMAIL
                return None if self._owner_has_it else leave_message(self._on_line)
            case TakeOver():
                wanted = self._on_line.control.steering.owner_speaks and not self._owner_has_it
                # Whatever the owner wants, a person is first told who calls; the dialogue says when that is done.
                if not wanted or not (self._dialogue.disclosed or self._at_machine):
                    return None
                self._taking_over = self._on_line.take_over()
                return self._while_owner_speaks(self._taking_over)
            case Farewell():
                if order.owner_can_go_on and self._owner_has_it:
                    self._put_off = order
                    return None
                self._farewell = order.end
                return self._say_farewell(order.phrase)
            case _:
                assert_never(order)

    # -- the owner -------------------------------------------------------------------------------------------

    @property
    def _owner_has_it(self) -> bool:
        return self._taking_over is not None and self._taking_over.active

    def _steered(self) -> None:
        """The owner wants something, or what they wanted has become possible."""
        steering = self._on_line.control.steering
        if steering.hang_up:
            self._orders.put_nowait(self._owner_hangs_up())
        elif steering.owner_speaks:
            self._orders.put_nowait(TakeOver())
        self._on_line.changed.set()

    def _owner_hangs_up(self) -> Order:
        """With a goodbye, if it is Floyd who talks with somebody."""
        end = End(Ending.OWNER_HUNG_UP)
        talks = self._dialogue.disclosed and not (self._owner_has_it or self._at_machine)
        return Farewell(phrases.GOODBYE, end) if talks else end

    async def _while_owner_speaks(self, taking_over: TakingOver) -> End:
        """Then Floyd goes on."""
        line = self._on_line
        self._dialogue.interrupted()
        is_here = await taking_over.run()
        if not is_here:
            line.control.steering.give_back()
            line.ledger.owner_gone()
        if self._put_off is not None:
            self._orders.put_nowait(self._put_off)
        if self._at_machine:
            return End(Ending.VOICEMAIL) if taking_over.said_something else await leave_message(line)
        if not is_here:
            await line.say(phrases.ONE_MOMENT)
        return await self._dialogue.go_on()

    def _given_by(
        self, ear: asyncio.Task[None], dog: asyncio.Task[None], watched: set[asyncio.Future[Any]]
    ) -> Order | None:
        """What follows from a watched task that has ended; each is looked at once."""
        stop = self._on_line.control.stop
        if stop.done():
            watched.discard(stop)
            reason = StopReason.CANCELLED if stop.cancelled() else stop.result()
            match reason:
                case StopReason.DRAIN:
                    return Farewell(phrases.GOODBYE_DRAIN, self._with_question(Ending.DRAINED))
                case StopReason.LEASE_LOST:
                    return End(Ending.LEASE_LOST)
                case StopReason.CANCELLED:
                    return End(Ending.CANCELLED)
        if ear.done() and ear in watched:
            watched.discard(ear)
            error = ear.exception()
            if error is None:
                return None
            if not isinstance(error, RecognizerUnavailable):
                log.error("call.listening_failed", call=self._on_line.call_id, exc_info=error)
            detail = f"The speech recogniser failed: {error}"
            end = End(Ending.ERROR, detail=detail)
            return Farewell(phrases.GOODBYE_CANNOT_HEAR, end, owner_can_go_on=True)
        if dog.done() and dog in watched:
            watched.discard(dog)
            log.error("call.watchdog_failed", call=self._on_line.call_id, exc_info=dog.exception())
            return Farewell(phrases.GOODBYE_TROUBLE, End(Ending.ERROR, detail="The call's watchdog failed."))
        return None

    def _result_of(self, main: asyncio.Task[End]) -> End | None:
        """The conversation's end; None if it failed and a goodbye is still due."""
        error = main.exception()
        if error is None:
            return self._farewell or main.result()
        if isinstance(error, LeaseLost):
            return End(Ending.LEASE_LOST)
        log.error("call.conversation_failed", call=self._on_line.call_id, exc_info=error)
        if self._farewell is not None:
            return self._farewell
        self._farewell = End(Ending.ERROR, detail=f"The conversation failed ({type(error).__name__}).")
        return None

    async def _say_farewell(self, phrase: str) -> End:
        assert self._farewell is not None
        try:
            async with asyncio.timeout(FAREWELL_DEADLINE_S):
                await self._on_line.say(phrase)
        except TimeoutError:
            log.warning("call.farewell_not_played", call=self._on_line.call_id)
        return self._farewell

    def _closed(self, pump: asyncio.Task[Stopped]) -> End:
        """The socket has ended: who ended the call?"""
        if self._farewell is not None:
            return self._farewell
        if self._at_machine:
            return End(Ending.VOICEMAIL, detail="The voicemail hung up before the message was complete.")
        conclusion = self._dialogue.conclusion
        if conclusion is not None:
            return conclusion
        error = pump.exception()
        if error is not None:
            log.error("call.media_failed", call=self._on_line.call_id, exc_info=error)
        clean = error is None and pump.result().clean
        return self._with_question(Ending.CALLEE_HUNG_UP if clean else Ending.DROPPED)

    def _with_question(self, ending: Ending) -> End:
        return End(ending, question=self._dialogue.open_question)

    def _on_machine(self) -> None:
        self._on_line.answerer = answered_by.settle(self._on_line.answerer, Answerer.VOICEMAIL)
        self._orders.put_nowait(Machine())

    # -- the watchdog -----------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(watchdog.TICK_S)
            self._on_line.listening.fetch_rest()
            order = self._order_for(watchdog.decide(self._view()))
            if order is not None:
                self._orders.put_nowait(order)

    def _view(self) -> watchdog.View:
        line, dialogue = self._on_line, self._dialogue
        now = line.clock.now()
        audible = line.mouth.audible()
        last_heard = max(line.mouth.last_active_at, line.listening.last_activity_at)
        turn_since = dialogue.floyds_turn_since
        floyds_turn = turn_since is not None and not audible
        return watchdog.View(
            elapsed_s=now - self._opened_at,
            limit_s=self._limit_s,
            silent_s=0.0 if audible else now - last_heard,
            prompts=dialogue.turns.prompts,
            on_hold=dialogue.on_hold or self._at_machine or self._owner_has_it,
            floyds_turn=floyds_turn,
            floyds_turn_s=now - max(turn_since or now, line.mouth.last_active_at) if floyds_turn else 0.0,
            since_frame_s=now - line.listening.last_frame_at,
            wrapping_up=self._wrapping_up,
            saying_goodbye=self._farewell is not None,
        )

    def _order_for(self, action: watchdog.Action) -> Order | None:
        match action:
            case watchdog.Action.NONE:
                return None
            case watchdog.Action.ASK:
                self._dialogue.turns.nudge()
                return None
            case watchdog.Action.WRAP_UP:
                self._wrapping_up = True
                self._on_line.memory.note(prompt.WRAP_UP)
                return None
            case watchdog.Action.SAY_GOODBYE_SILENT:
                return Farewell(phrases.GOODBYE_SILENT, self._with_question(Ending.SILENT))
            case watchdog.Action.SAY_GOODBYE_TOO_LONG:
                return Farewell(phrases.GOODBYE_TOO_LONG, self._with_question(Ending.TOO_LONG))
            case watchdog.Action.SAY_GOODBYE_STUCK:
                end = End(Ending.ERROR, detail="Floyd's answer did not come in time.")
                return Farewell(phrases.GOODBYE_TROUBLE, end)
            case watchdog.Action.HANG_UP_TOO_LONG:
                return self._farewell or self._with_question(Ending.TOO_LONG)
            case watchdog.Action.HANG_UP_DEAD_LINE:
                return self._farewell or self._with_question(Ending.DROPPED)


async def _stop(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
