"""Answering before the callee has finished: a reply is begun at the first pause, and thrown away if it was wrong.

The model and the voice take over half a second. So they begin as soon as the callee might have finished, on the
words heard until then, interim ones included. The turn is taken when it is over (`endpointing`) *and* its answer
can be heard; until then the callee may go on, and nobody has noticed anything. What that costs in thrown-away
answers is counted and bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from worker.call.endpointing import Ending
from worker.call.reply import Reply
from worker.call.words import words_of

PAUSE_S = 0.12
"""A gap this long may be the end; those between words are shorter."""

LAST_WORD_S = 0.3
"""Recognisers are some 150 ms behind. Until words have come in the silence, the last may be missing; but no longer
than this. And so long after words that seldom are the end, but may be ("... that we should know about")."""

UNLIKELY_PAUSE_S = 1.0
"""After words that can't be the end ("and", half a phone number), only a long gap makes one likely enough."""

PER_TURN = 3
"""Replies that may be thrown away in one turn of the callee's; after them Floyd waits until the turn is over."""

PER_CALL = 8
PER_CALL_AND_TURN = 0.5
"""In a call: a callee who always goes on is not guessed at for ever."""


class Step(Enum):
    KEEP = auto()
    BEGIN = auto()
    """A reply to the words so far; one to other words is thrown away."""
    DROP = auto()


@dataclass(frozen=True, slots=True)
class View:
    words: tuple[str, ...]
    """What the callee has said so far in this turn; empty for words that want no answer."""
    ending: Ending
    has_interim: bool
    silence_s: float
    since_words_s: float
    """Since the words last changed."""
    over: bool
    """The turn is over, as far as endpointing goes."""
    guessed: tuple[str, ...] | None
    """The words that the reply under way answers; None: there is none."""
    dropped_in_turn: int
    dropped_in_call: int
    turns: int


@dataclass(frozen=True, slots=True)
class Verdict:
    step: Step
    look_again_s: float | None = None


def decide(view: View) -> Verdict:
    """What becomes of the reply under way."""
    if view.guessed == view.words and view.words:
        return Verdict(Step.KEEP)
    otherwise = Step.KEEP if view.guessed is None else Step.DROP
    if not view.words:
        return Verdict(otherwise)
    if view.over:
        return Verdict(Step.BEGIN)
    if view.dropped_in_turn >= PER_TURN or view.dropped_in_call >= PER_CALL + PER_CALL_AND_TURN * view.turns:
        return Verdict(otherwise)
    needed_s = _silence_needed_s(view)
    if view.silence_s >= needed_s:
        return Verdict(Step.BEGIN)
    return Verdict(otherwise, look_again_s=needed_s - view.silence_s)


def _silence_needed_s(view: View) -> float:
    if view.ending in (Ending.DIGITS, Ending.HANGING):
        return UNLIKELY_PAUSE_S
    if not view.has_interim:
        return 0.0  # a final is a recogniser's word that there was a pause
    came_in_the_silence = view.since_words_s < view.silence_s
    return PAUSE_S if came_in_the_silence and view.ending is not Ending.DANGLING else LAST_WORD_S


class Speculation:
    """The reply under way to what the callee is saying. `begin(text)` makes one."""

    def __init__(self, begin: Callable[[str], Reply]) -> None:
        self.dropped_in_turn = 0
        self.dropped_in_call = 0
        self.dropped_tokens = 0
        """Of those that the model had written already, in this turn."""
        self._begin = begin
        self._reply: Reply | None = None
        self._guessed: tuple[str, ...] | None = None
        self._cancelling: set[asyncio.Task[None]] = set()

    @property
    def guessed(self) -> tuple[str, ...] | None:
        return self._guessed

    @property
    def ready(self) -> bool:
        """Whether the reply under way can be heard at once."""
        return self._reply is not None and self._reply.ready

    def follow(self, step: Step, text: str) -> None:
        if step is Step.KEEP:
            return
        # What is begun sends its request first: clearing away what is dropped would be waited for.
        begun = (self._begin(text), tuple(words_of(text))) if step is Step.BEGIN else (None, None)
        self.drop()
        self._reply, self._guessed = begun

    def adopt(self, text: str) -> Reply | None:
        """The reply under way, if it answers these words; from here on it is the caller's."""
        if self._guessed != tuple(words_of(text)):
            self.drop()
        reply, self._reply, self._guessed = self._reply, None, None
        return reply

    def outdate(self) -> None:
        """The reply under way lacks what is known since. It was no wrong guess, and counts as none."""
        if self._reply is not None:
            self.drop()
            self.dropped_in_turn -= 1
            self.dropped_in_call -= 1

    def drop(self) -> None:
        """Throw the reply under way away; its requests are cancelled."""
        reply, self._reply, self._guessed = self._reply, None, None
        if reply is None:
            return
        self.dropped_in_turn += 1
        self.dropped_in_call += 1
        self.dropped_tokens += reply.tokens
        task = asyncio.create_task(reply.cancel())
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)

    def next_turn(self) -> None:
        self.dropped_in_turn = self.dropped_tokens = 0

    async def close(self) -> None:
        self.drop()
        await asyncio.gather(*self._cancelling, return_exceptions=True)
