"""The callee holds the line: while the owner is asked, and while keys are pressed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import structlog

from worker.audio.dtmf import tones
from worker.call import endpointing, phrases
from worker.call.on_line import OnLine
from worker.deployment.client import LeaseLost

log = structlog.get_logger(__name__)

PHRASE_EVERY_S = 10.0
"""A callee who speaks while holding is answered with a short phrase, at most this often."""

REASSURE_AFTER_S = 12.0
"""A callee who waits in silence is told that somebody is still there."""

_ASKS_TO_HOLD = re.compile(
    r"\b(moment|minute|second|sec|hold|hang on|bear with|let me (check|ask|find out|see)|check with)\b",
    re.IGNORECASE,
)


def asks_to_hold(text: str) -> bool:
    """Whether a text already asks the callee to wait."""
    return bool(_ASKS_TO_HOLD.search(text))


class Hold:
    """`active` while the callee waits for the owner's answer.

    `on_late_answer(question, answer)`: it came when nobody held any more, because the owner had taken over."""

    def __init__(self, line: OnLine, *, on_late_answer: Callable[[str, str | None], None]) -> None:
        self.active = False
        self._line = line
        self._on_late_answer = on_late_answer
        self._still_asking: set[asyncio.Future[str | None]] = set()

    async def close(self) -> None:
        """Wait for no answer any more."""
        for asking in self._still_asking:
            asking.cancel()
        await asyncio.gather(*self._still_asking, return_exceptions=True)

    async def until_answered(
        self, question: str, *, say_one_moment: bool, on_hint: Callable[[], Awaitable[bool]]
    ) -> str | None:
        """Ask the owner while the callee waits. None: no answer in time, or `on_hint`, which is called when they
        whisper, has ended the hold. Cancelling leaves the question open."""
        line = self._line
        self.active = True
        line.ledger.stage("onHold")
        asking = asyncio.ensure_future(line.control.ask_owner(question, line.call_id))
        asking.add_done_callback(lambda _: line.changed.set())
        try:
            if say_one_moment:
                await line.say(phrases.LET_ME_CHECK)
            await self._keep_company(asking, on_hint)
            return _clean(asking.result()) if asking.done() else None
        except LeaseLost:
            raise
        except Exception as error:  # whatever failed, the callee must not be left holding
            log.warning("call.ask_owner_failed", error=type(error).__name__)
            return None
        finally:
            if not asking.done() and line.control.steering.owner_speaks:
                self._await_late(question, asking)
            elif not asking.done():
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
            self.active = False
            line.ledger.stage("talking")

    def _await_late(self, question: str, asking: asyncio.Future[str | None]) -> None:
        """The owner has taken over; should they answer as well, Floyd will want to know."""

        def done(asking: asyncio.Future[str | None]) -> None:
            self._still_asking.discard(asking)
            if not asking.cancelled() and asking.exception() is None:
                self._on_late_answer(question, _clean(asking.result()))

        self._still_asking.add(asking)
        asking.add_done_callback(done)

    async def press(self, keys: str) -> None:
        """Press keys: tones in the audio, since a media stream carries no digits to the carrier."""
        await self._line.mouth.send(await asyncio.to_thread(tones, keys))
        self._line.memory.note(f"The keys {keys} were pressed.")

    async def _keep_company(
        self, asking: asyncio.Future[str | None], on_hint: Callable[[], Awaitable[bool]]
    ) -> None:
        line = self._line
        spoke_at = line.clock.now()
        while not asking.done():
            if line.control.steering.has_hints and not line.listening.talking():
                if await on_hint():
                    return
                spoke_at = line.clock.now()
                continue
            now = line.clock.now()
            verdict = endpointing.decide(line.listening.turn_view())
            waited_s = now - spoke_at
            wait_s = REASSURE_AFTER_S - waited_s
            if verdict.over:
                utterance = line.listening.take()
                if utterance is not None:
                    line.note_callee(utterance)
                    line.memory.callee_said(utterance.text)
                if waited_s >= PHRASE_EVERY_S:
                    await line.say(phrases.STILL_CHECKING)
                    spoke_at = line.clock.now()
                continue
            if wait_s <= 0 and not line.listening.talking():
                await line.say(phrases.STILL_CHECKING)
                spoke_at = line.clock.now()
                continue
            waits = [wait for wait in (verdict.look_again_s, max(wait_s, 0.05)) if wait is not None]
            await line.changed.wait(min(waits))


def _clean(answer: str | None) -> str | None:
    text = " ".join(answer.split()) if answer else ""
    return text or None
