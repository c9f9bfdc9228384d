"""Saying something on the line, and stopping when the callee wants to speak.

Whatever happens (played to the end, interrupted, cancelled), what was heard becomes one line of the transcript and
of the model's memory: no more, no less.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from worker.call import barge_in
from worker.call.clock import Clock, Signal
from worker.call.heard import BYTES_PER_S
from worker.call.journal import Journal
from worker.call.listening import Listening, Utterance
from worker.call.memory import Memory
from worker.call.playback import Playback, Saying
from worker.call.reply import SpeechSource
from worker.call.words import is_repeated_from, words_of
from worker.model.language_model import ModelUnavailable
from worker.speech.voice import VoiceUnavailable

RESUMED_VOICE_S = 0.15
"""The callee speaks on so long before Floyd's first sound: the turn was not over."""

ECHO_WITHIN_S = 0.8
"""A voice that begins so soon after Floyd's may be Floyd's, coming back: the longest way (`echo`), and what it
takes to be noticed."""


class How(StrEnum):
    """How a saying ended."""

    PLAYED = "played"
    INTERRUPTED = "interrupted"
    NOT_BEGUN = "notBegun"
    """The callee spoke on before Floyd made a sound."""
    WITHDRAWN = "withdrawn"
    """What was to be said was overtaken before Floyd made a sound."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What became of a saying. Times are the loop's seconds."""

    how: How
    heard: str
    first_sent_at: float | None
    started_at: float | None
    heard_s: float = 0.0
    """Of the audio."""
    failure: ModelUnavailable | VoiceUnavailable | None = None


class Mouth:
    def __init__(
        self,
        *,
        playback: Playback,
        listening: Listening,
        journal: Journal,
        memory: Memory,
        clock: Clock,
        changed: Signal,
    ) -> None:
        self.last_active_at = clock.now()
        """When something was last being said."""
        self._playback = playback
        self._listening = listening
        self._journal = journal
        self._memory = memory
        self._clock = clock
        self._changed = changed
        self._murmurs: list[Utterance] = []
        """Back-channels while Floyd speaks: what comes next is judged without them."""
        self._vain_voices = 0
        """Since Floyd began to speak: those that stopped it, and said nothing."""
        self._knew_echo = False
        """When Floyd began to speak: what comes of an echo that is known, nobody hears."""

    def audible(self) -> bool:
        return self._playback.audible()

    async def say(
        self, source: SpeechSource, *, interruptible: bool, overtaken: Callable[[], bool] = lambda: False
    ) -> Spoken:
        """Speak until all has been played or the callee interrupts. A failure of the model or the voice is
        returned, after what was ready has been played. `overtaken()`: it is not to be said, if nothing was yet."""
        saying = self._playback.begin()
        begun_at = self._clock.now()
        self._vain_voices, self._knew_echo = 0, self._listening.has_echo
        feeder = asyncio.create_task(self._feed(saying, source))
        feeder.add_done_callback(lambda _: self._changed.set())
        try:
            while not (feeder.done() and self._playback.quiet()):
                if saying.first_sent_at is None and overtaken():
                    return replace(await self._stop(saying, feeder), how=How.WITHDRAWN)
                verdict = barge_in.Verdict(stop=False)
                if interruptible:
                    verdict = self._verdict(saying, begun_at)
                if verdict.stop:
                    if saying.first_sent_at is None or not await self._let_speak(saying, begun_at):
                        return await self._stop(saying, feeder)
                    begun_at = self._clock.now()  # that voice has had its say
                    self._vain_voices += 1
                    continue
                waits = [verdict.look_again_s]
                if feeder.done():
                    waits.append(self._playback.remaining_s())
                await self._changed.wait(min((wait for wait in waits if wait is not None), default=None))
        except asyncio.CancelledError:
            await self._stop(saying, feeder)
            raise
        failure = feeder.exception()
        heard_s = self._playback.position(saying) / BYTES_PER_S
        heard = self._playback.end(saying)
        self._note(saying, heard, interrupted=False)
        if failure is not None and not isinstance(failure, ModelUnavailable | VoiceUnavailable):
            raise failure
        return Spoken(How.PLAYED, heard, saying.first_sent_at, saying.started_at, heard_s, failure)

    async def send(self, mulaw: bytes) -> None:
        """Play sounds that are no words (tones), to the end."""
        saying = self._playback.begin()
        span = self._playback.open_clause(saying, "")
        await self._playback.send(saying, span, mulaw)
        await self._playback.close_clause(saying, span)
        while not self._playback.quiet():
            await self._changed.wait(self._playback.remaining_s())
        self.last_active_at = self._clock.now()

    async def hush(self) -> None:
        """Nothing more is heard of whatever still plays."""
        if self._playback.audible():
            await self._playback.silence()

    async def _feed(self, saying: Saying, source: SpeechSource) -> None:
        async for clause in source.clauses():
            span = self._playback.open_clause(saying, clause.text)
            self._journal.live("floyd", saying.intended)
            try:
                async for chunk in clause.chunks():
                    await self._playback.send(saying, span, chunk)
                    self._changed.set()
            finally:
                await self._playback.close_clause(saying, span)
        saying.complete = True

    async def _let_speak(self, saying: Saying, begun_at: float) -> bool:
        """The callee speaks: be silent until it is clear why. True when Floyd has gone on."""
        await self._playback.halt(saying)
        while True:
            view = self._heard_meanwhile(saying, begun_at)
            what, look_again_s = barge_in.then(view)
            if what is barge_in.Then.GIVE_WAY:
                return False
            if what is barge_in.Then.RESUME:
                if not self._is_own(saying):
                    self._put_aside()
                await self._playback.resume(saying)
                return True
            await self._changed.wait(look_again_s)

    def _verdict(self, saying: Saying, begun_at: float) -> barge_in.Verdict:
        view = self._heard_meanwhile(saying, begun_at)
        if saying.started_at is None:
            resumed = (view.speaking and view.voiced_s >= RESUMED_VOICE_S) or bool(words_of(view.text))
            look_again_s = max(0.01, RESUMED_VOICE_S - view.voiced_s) if view.speaking else None
            return barge_in.Verdict(stop=resumed, look_again_s=look_again_s)
        if barge_in.is_murmur(view):
            self._put_aside()
        return barge_in.decide(view)

    def _heard_meanwhile(self, saying: Saying, begun_at: float) -> barge_in.View:
        gate, now = self._listening.gate, self._clock.now()
        since = begun_at if saying.started_at is None else saying.started_at
        # A noise that went on before Floyd began is no interruption; only words are.
        is_new = gate.started_at >= begun_at
        voiced_s = gate.voiced_s(since=since) if is_new else 0.0
        speaking = gate.speaking and is_new
        return barge_in.View(
            text="" if self._is_own(saying) else self._listening.words.text,
            speaking=speaking,
            voiced_s=voiced_s,
            silence_s=gate.silence_s(now, since=since),
            is_familiar=speaking and voiced_s >= barge_in.VOICE_S and self._listening.sounds_like_murmur(),
            left_s=self._playback.left_s(saying),
            vain_voices=self._vain_voices,
        )

    def _is_own(self, saying: Saying) -> bool:
        """Whether the words that are heard may be Floyd's own, over a line whose echo was not known."""
        text = self._listening.words.text
        if not text or saying.started_at is None or self._knew_echo:
            return False
        began_with_it = self._listening.gate.started_at - saying.started_at <= ECHO_WITHIN_S
        return (began_with_it or self._vain_voices > 0) and is_repeated_from(text, saying.intended)

    def _drop_echo(self, saying: Saying) -> None:
        """Floyd's own words that came back before the echo was known are no turn of the callee's."""
        if self._listening.has_echo and self._is_own(saying):
            self._listening.take()

    def _put_aside(self) -> None:
        """Know a back-channel again, and take its words, if there are any."""
        self._listening.learn_murmur()
        murmur = self._listening.take()
        if murmur is not None:
            self._murmurs.append(murmur)

    async def _stop(self, saying: Saying, feeder: asyncio.Task[None]) -> Spoken:
        if saying.first_sent_at is not None and saying.halted_at is None:
            await self._playback.halt(saying)
        feeder.cancel()
        await asyncio.gather(feeder, return_exceptions=True)
        heard_s = self._playback.position(saying) / BYTES_PER_S
        heard = self._playback.end(saying)
        self._note(saying, heard, interrupted=True)
        how = How.NOT_BEGUN if saying.first_sent_at is None else How.INTERRUPTED
        return Spoken(how, heard, saying.first_sent_at, saying.started_at, heard_s)

    def _note(self, saying: Saying, heard: str, *, interrupted: bool) -> None:
        self._drop_echo(saying)
        now = self._clock.now()
        if saying.first_sent_at is not None:
            self.last_active_at = now
        started_at = saying.started_at if saying.started_at is not None else now
        was_cut = interrupted and heard != saying.intended
        self._journal.line(
            "floyd",
            heard,
            started_at=started_at,
            ended_at=now,
            interrupted=was_cut,
            intended=saying.intended if was_cut else None,
        )
        self._memory.floyd_said(heard)
        for murmur in self._murmurs:
            self._journal.line("callee", murmur.text, started_at=murmur.started_at, ended_at=murmur.ended_at)
        self._murmurs.clear()
