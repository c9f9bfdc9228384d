"""Listening: until the greeting is over, until the callee has finished, until Floyd has to speak anyway."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from worker.call import answered_by, barge_in, endpointing, opening, phrases
from worker.call.on_line import OnLine

OWED_S = 1.2
"""Floyd stopped for a voice that said nothing: after so long a silence it goes on."""

LINGER_S = 0.9
"""After the goodbye, for the callee's own, and for a "wait, one more thing"."""

LINGER_MAX_S = 5.0

GREETING_TURNS = 2
"""A machine's greeting has pauses: it may go on for so many turns. After them, somebody talks with Floyd."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that the callee has finished, and Floyd is to answer. Times are the loop's seconds."""

    number: int
    speech_ended: float
    final_transcript: float | None
    endpointed: float


class CalleeTurns:
    def __init__(self, line: OnLine) -> None:
        self.heard = 0
        """Turns of the callee's since the disclosure."""
        self.prompts = 0
        """ "Are you still there?" since the callee's last word."""
        self.owed = False
        """Floyd has something to say although the callee says nothing."""
        self._line = line
        self._nudged = False
        self._numbered = 0

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
        while True:
            verdict = endpointing.decide(listening.turn_view())
            if verdict.over:
                turn = self._take()
                if turn is None:
                    continue
                if self.heard <= GREETING_TURNS:
                    await self._leave_if_machine(line.memory.last_callee_text())
                return turn
            wait_s = verdict.look_again_s
            if not listening.words.text and not listening.talking():
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
            if line.listening.talking() or line.listening.words.interim:
                deadline = now + LINGER_S
            await line.changed.wait(min(deadline, latest) - now)
        words = line.listening.words.text
        self.owed = bool(words) and not barge_in.is_back_channel(words) and not barge_in.is_farewell(words)
        return self.owed

    def _take(self) -> Turn | None:
        """The callee's words as a turn; None for words that need no answer."""
        line = self._line
        utterance = line.listening.take()
        if utterance is None:
            return None
        line.note_callee(utterance)
        self._nudged = False
        self.prompts = 0
        floyd_until = line.mouth.last_active_at
        if not self.owed and not barge_in.is_answer(utterance.text, utterance.ended_at, floyd_until):
            return None
        self.heard += 1
        line.memory.callee_said(utterance.text)
        return self.new(utterance.ended_at, utterance.settled_at)

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
        )

    async def _leave_if_machine(self, words: str) -> None:
        """Hand over if these are a machine's words."""
        if answered_by.from_greeting(words) is answered_by.Answerer.VOICEMAIL:
            self._line.on_machine()
            await asyncio.Event().wait()  # until whoever was told cancels this
