"""Listening: until the greeting is over, until the callee has finished, until Floyd has to speak anyway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from worker.call import answered_by, barge_in, endpointing, opening, phrases, speculation
from worker.call.on_line import OnLine
from worker.call.reply import Reply
from worker.call.speculation import Speculation
from worker.call.words import words_of

OWED_S = 1.2
"""Floyd stopped for a voice that said nothing: after so long a silence it goes on."""

LINGER_S = 0.9
"""After the goodbye, for the callee's own, and for a "wait, one more thing"."""

LINGER_MAX_S = 5.0

GREETING_TURNS = 2
"""A machine's greeting has pauses: it may go on for so many turns. After them, somebody talks with Floyd."""


READY_WITHIN_S = 1.0
"""The turn is over: so long its answer may take to be heard before the turn is taken all the same. Until then the
callee may go on as if nothing had been."""

SHORTEST_PAUSE_S = 0.3
"""Gaps between words are shorter."""


@dataclass(frozen=True, slots=True)
class _Pausing:
    """The callee is silent, perhaps in the middle of a turn."""

    since: float
    ending: endpointing.Ending


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that the callee has finished, and Floyd is to answer. Times are the loop's seconds."""

    number: int
    speech_ended: float
    final_transcript: float | None
    endpointed: float
    reply: Reply | None = None
    """The answer that was begun while the callee still spoke."""
    discarded: int = 0
    """Answers to what turned out not to be all, thrown away unheard."""
    discarded_tokens: int = 0


class CalleeTurns:
    """`begin(text)` begins a reply to what the callee has said since their last turn."""

    def __init__(self, line: OnLine, begin: Callable[[str], Reply]) -> None:
        self.heard = 0
        """Turns of the callee's since the disclosure."""
        self.prompts = 0
        """ "Are you still there?" since the callee's last word."""
        self.owed = False
        """Floyd has something to say although the callee says nothing."""
        self._line = line
        self._nudged = False
        self._numbered = 0
        self._pace = endpointing.Pace()
        self._pausing: _Pausing | None = None
        self._speculation = Speculation(begin)

    async def close(self) -> None:
        """Throw away what is being prepared."""
        await self._speculation.close()

    def spoke_on(self, turn: Turn) -> None:
        """The callee went on right after this turn: it was not over."""
        started_at = self._line.listening.gate.started_at
        if started_at > turn.speech_ended:
            ending = endpointing.ending_of(self._line.memory.last_callee_text())
            self._pace.paused(ending, started_at - turn.speech_ended)

    def begin_again(self) -> None:
        """Others have talked meanwhile, and Floyd goes on: at the callee's next pause, or by itself."""
        self.owed = True
        self.prompts = 0
        self._nudged = False

    def nudge(self) -> None:
        """Ask whether the callee is still there, as soon as Floyd listens."""
        self._nudged = True
        self._line.changed.set()

    def new(self, speech_ended: float, final_transcript: float | None = None) -> Turn:
        turn = Turn(self._numbered, speech_ended, final_transcript, self._line.clock.now())
        self._numbered += 1
        return turn

    async def greeting(self) -> Turn:
        """Wait until it is polite to speak, and note what was said until then."""
        line = self._line
        listening = line.listening
        while not (verdict := opening.decide(self._opening_view())).speak:
            await line.changed.wait(verdict.look_again_s)
        turn = self.new(listening.gate.last_voiced_at or listening.opened_at, listening.words.settled_at)
        greeting = listening.take()
        if greeting is not None:
            line.note_callee(greeting)
            line.memory.callee_said(greeting.text)
            await self._leave_if_machine(greeting.text)
        return turn

    async def next(self) -> Turn:
        """Until the callee has finished a turn that wants an answer, or Floyd owes one anyway."""
        line = self._line
        listening = line.listening
        self._speculation.next_turn()
        self._pausing = None
        expected = endpointing.expected_after(line.memory.last_floyd_text())
        over_since: float | None = None
        while True:
            view = listening.turn_view(expected, self._pace)
            verdict = endpointing.decide(view)
            self._note_pause(view)
            guess = self._speculate(view, over=verdict.over)
            if not verdict.over:
                over_since = None
            else:
                now = line.clock.now()
                over_since = over_since or now
                late_s = over_since + READY_WITHIN_S - now
                if late_s <= 0 or self._speculation.ready or self._speculation.guessed is None:
                    turn = self._take(over_since)
                    if turn is None:
                        continue
                    if self.heard <= GREETING_TURNS:
                        await self._leave_if_machine(line.memory.last_callee_text())
                    return turn
                verdict = endpointing.Verdict(over=True, look_again_s=late_s)
            wait_s = _sooner(verdict.look_again_s, guess.look_again_s)
            if not (listening.words.text or listening.words.awaited or listening.talking()):
                if self._nudged:
                    self._nudged = False
                    self.prompts += 1
                    await line.say(phrases.STILL_THERE, interruptible=True)
                    continue
                silence_s = min(listening.quiet_s(), line.clock.now() - line.mouth.last_active_at)
                if self.owed and silence_s >= OWED_S:
                    return self.new(line.clock.now())
                wait_s = OWED_S - silence_s if self.owed else None
            elif self.owed:
                # A noise becomes known as one by lasting, and nothing tells of that.
                wait_s = OWED_S if wait_s is None else min(wait_s, OWED_S)
            await line.changed.wait(wait_s)

    def spoke_since(self, since: float) -> bool:
        """Whether the callee began to speak after `since`, and more than to show that they listen.

        A noise that went on before is none."""
        listening = self._line.listening
        words = listening.words.text
        speaking = listening.talking() and listening.gate.started_at >= since
        return speaking or bool(words and not barge_in.is_back_channel(words))

    async def want_more(self) -> bool:
        """After Floyd's goodbye, give the callee a moment for their own. True if they want something more."""
        line = self._line
        deadline = line.clock.now() + LINGER_S
        latest = line.clock.now() + LINGER_MAX_S
        while (now := line.clock.now()) < min(deadline, latest):
            if line.listening.talking() or line.listening.words.interim or line.listening.words.awaited:
                deadline = now + LINGER_S
            await line.changed.wait(min(deadline, latest) - now)
        words = line.listening.words.text
        self.owed = bool(words) and not barge_in.is_back_channel(words) and not barge_in.is_farewell(words)
        return self.owed

    def _speculate(self, view: endpointing.View, *, over: bool) -> speculation.Verdict:
        """Begin, keep or throw away the reply to the words so far."""
        if self._line.control.steering.has_hints:
            self._speculation.outdate()
        words = tuple(words_of(view.text)) if self._wants_answer(view) else ()
        verdict = speculation.decide(
            speculation.View(
                words=words,
                ending=endpointing.ending_of(view.text, view.expected),
                has_interim=view.has_interim,
                silence_s=view.silence_s,
                since_words_s=view.since_words_s,
                over=over,
                guessed=self._speculation.guessed,
                dropped_in_turn=self._speculation.dropped_in_turn,
                dropped_in_call=self._speculation.dropped_in_call,
                turns=self.heard,
            )
        )
        self._speculation.follow(verdict.step, view.text)
        return verdict

    def _wants_answer(self, view: endpointing.View) -> bool:
        said_until = self._line.clock.now() - view.silence_s
        return self.owed or barge_in.is_answer(view.text, said_until, self._line.mouth.last_active_at)

    def _note_pause(self, view: endpointing.View) -> None:
        """Learn how long this callee pauses in the middle of a turn."""
        gate = self._line.listening.gate
        pausing = self._pausing
        if pausing is not None and gate.started_at > pausing.since:
            if gate.started_at - pausing.since >= SHORTEST_PAUSE_S:
                self._pace.paused(pausing.ending, gate.started_at - pausing.since)
            self._pausing = None
        elif view.text and gate.last_voiced_at is not None and view.silence_s >= SHORTEST_PAUSE_S:
            self._pausing = _Pausing(gate.last_voiced_at, endpointing.ending_of(view.text, view.expected))

    def _take(self, over_since: float) -> Turn | None:
        """The callee's words as a turn; None for words that need no answer."""
        line = self._line
        utterance = line.listening.take()
        if utterance is None:
            self._speculation.drop()
            return None
        line.note_callee(utterance)
        if barge_in.is_back_channel(utterance.text):
            line.listening.learn_murmur()
        self._nudged = False
        self.prompts = 0
        floyd_until = line.mouth.last_active_at
        if not self.owed and not barge_in.is_answer(utterance.text, utterance.ended_at, floyd_until):
            self._speculation.drop()
            return None
        self.heard += 1
        self._pace.finished()
        reply = self._speculation.adopt(utterance.text)
        line.memory.callee_said(utterance.text)
        turn = self.new(utterance.ended_at, utterance.settled_at)
        return replace(
            turn,
            endpointed=over_since,
            reply=reply,
            discarded=self._speculation.dropped_in_turn,
            discarded_tokens=self._speculation.dropped_tokens,
        )

    def _opening_view(self) -> opening.View:
        listening, now = self._line.listening, self._line.clock.now()
        first, last = listening.gate.first_voiced_at, listening.gate.last_voiced_at
        return opening.View(
            since_answer_s=now - listening.opened_at,
            speaking=listening.gate.speaking,
            voiced_s=last - first if first is not None and last is not None else 0.0,
            silence_s=listening.silence_s(),
            has_words=bool(listening.words.text),
            since_words_s=listening.since_words_s(),
            awaited=listening.words.awaited,
        )

    async def _leave_if_machine(self, words: str) -> None:
        """Hand over if these are a machine's words."""
        if answered_by.from_greeting(words) is answered_by.Answerer.VOICEMAIL:
            self._line.on_machine()
            await asyncio.Event().wait()  # until whoever was told cancels this


def _sooner(one: float | None, other: float | None) -> float | None:
    waits = [wait for wait in (one, other) if wait is not None]
    return min(waits, default=None)
