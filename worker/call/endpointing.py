"""When has the callee finished? A pure decision over silence and words.

Silence alone is a poor sign: people pause for 700 ms in the middle of a sentence and 200 ms between turns. So
the silence that is asked for depends on whether the words so far could be the whole of what someone wants to say:
what they end with, what Floyd has just asked, and how this callee has paused before.

Being over does not mean that Floyd makes a sound: an answer takes the model and the voice over half a second, and
is thrown away if the callee speaks on meanwhile (see `speculation`). So after a complete sentence, hardly any
silence is asked for here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from worker.call.words import words_of

COMPLETE_S = 0.04
"""After a final transcript that ends like a sentence: two frames without a voice. The recogniser has heard the
pause too, or it would not have settled the words."""

COMPLETE_INTERIM_S = 0.7
"""After an interim one: its full stop may be a guess. Finals come 300 to 600 ms after the last sound."""

OPEN_S = 1.5
"""After words without a sentence's end, from a recogniser that writes full stops: more follows, and a pause for
thought lasts up to 1.3 s."""

OPEN_UNPUNCTUATED_S = 0.8
"""The same from a recogniser that writes none: then it says nothing."""

DIGITS_S = 1.6
"""After figures that look unfinished: numbers are spoken in groups, with pauses between them."""

HANGING_S = 1.8
"""After "and", "the", "um": nobody ends there by choice; above the 1.3 s of a long pause for thought. And after
"about" or "can", while no final has put a full stop behind it."""

NO_FINAL_S = 1.5
"""Silence after which an interim is taken for what was said: a vendor's final is late or lost."""

NOISY_S = 2.5
"""Without a new word for so long, final words end the turn even if the line never gets quiet (a fan, a street)."""

PAUSE_MARGIN_S = 0.25
"""So much longer than this callee's own pauses Floyd waits."""

LONGEST_WAIT_S = 3.0
"""However long this callee pauses: beyond it the silence itself becomes a question."""

_HANGING = frozenset(
    words_of(
        """
        a an and or but because if when while the my our your their its to of for from at than
        um uh er erm hmm i i'm we we're he she they it's there's i'll we'll plus
        """
    )
)
"""Nothing ends with these, whatever punctuation a recogniser puts after them."""

_DANGLING = frozenset(
    words_of(
        """
        so that which who his her this these those with in on by about as then like is are was were am be let's
        can could would will should may might not do does did have has had just also that's
        """
    )
)
"""Sentences end with these too ("I'll tell her.", "yes, we can."): then the full stop is believed half."""

_SHORT_ANSWERS = frozenset(
    words_of(
        "yes yeah yep no nope sure okay ok right correct exactly absolutely certainly please thanks of course"
    )
)
"""Whole answers, full stop or not."""
_SHORT_ANSWER_WORDS = 3

_SENTENCE_ENDS = (".", "!", "?")
_ELLIPSES = ("...", "…")
_NUMBER_WORDS = frozenset(
    words_of(
        """
    zero oh one two three four five six seven eight nine double triple
    """
    )
)
_FULL_NUMBER_DIGITS = 7
"""A run of fewer digits may be the first group of a phone number; of so many, it may be all of one."""
_FIRST_GROUP_DIGITS = 3
"""Shorter figures ("at 9", "class 4") are ordinary answers, unless a number was asked for."""

_ASKS_FOR_NUMBER = re.compile(
    r"\b(number|digits?|code|extension|reference|zip|postal)\b[^?]*\?\s*$", re.IGNORECASE
)
_ASKS_YES_OR_NO = re.compile(
    r"(^|[.,!?]\s+|\b(and|but|so)\s+)"
    r"(is|are|was|were|do|does|did|can|could|would|will|should|have|has|may|shall)\b[^?.!]*\?\s*$",
    re.IGNORECASE,
)


class Expected(StrEnum):
    """What would answer Floyd's last words."""

    ANYTHING = "anything"
    YES_OR_NO = "yesOrNo"
    NUMBER = "number"


AWAITED_S = 1.3
"""While more was said than is known: transcripts that are made after the fact take 0.5 to 1 s."""


class Ending(StrEnum):
    """How the words so far end."""

    COMPLETE = "complete"
    OPEN = "open"
    DIGITS = "digits"
    DANGLING = "dangling"
    """With a word that more often goes on than not, and no full stop."""
    HANGING = "hanging"


@dataclass(slots=True)
class Pace:
    """How long this callee pauses in the middle of a turn, by what the words before the pause end with, seconds.

    A long pause is remembered at once and forgotten slowly, turn by turn."""

    _longest: dict[Ending, float] = field(default_factory=dict)

    FORGET = 0.85

    def paused(self, ending: Ending, pause_s: float) -> None:
        """They paused, and went on."""
        self._longest[ending] = max(self._longest.get(ending, 0.0), min(pause_s, LONGEST_WAIT_S))

    def finished(self) -> None:
        """A turn ended as it was expected to."""
        for ending in self._longest:
            self._longest[ending] *= self.FORGET

    def at_least(self, ending: Ending, usual_s: float) -> float:
        """The silence to wait for: the usual one, or more with a callee who pauses for longer."""
        pause_s = self._longest.get(ending, 0.0)
        if pause_s <= usual_s:
            return usual_s
        return min(max(usual_s, pause_s + PAUSE_MARGIN_S), max(usual_s, LONGEST_WAIT_S))


@dataclass(frozen=True, slots=True)
class View:
    """What is known of the turn that the callee has, or is about to have finished."""

    text: str
    """All words since the last turn, interim ones included."""
    has_interim: bool
    """Whether the last of them are not final yet."""
    silence_s: float
    """Since the last voiced frame."""
    since_words_s: float
    """Since the words last changed."""
    awaited: bool = False
    """Whether more was said than is known yet."""
    expected: Expected = Expected.ANYTHING
    punctuates: bool = True
    """Whether this recogniser writes full stops."""
    pace: Pace = field(default_factory=Pace)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`over`, or how long to wait before looking again if nothing changes (None: only a change matters)."""

    over: bool
    look_again_s: float | None = None


def expected_after(floyd_said: str) -> Expected:
    """What Floyd's last words ask for."""
    text = floyd_said.strip()
    if not text.endswith("?"):
        return Expected.ANYTHING
    last = re.split(r"(?<=[.!?])\s+", text)[-1]
    if _ASKS_YES_OR_NO.search(last):
        return Expected.YES_OR_NO
    return Expected.NUMBER if _ASKS_FOR_NUMBER.search(last) else Expected.ANYTHING


def ending_of(text: str, expected: Expected = Expected.ANYTHING) -> Ending:
    words = words_of(text)
    stripped = text.rstrip().rstrip("\"'”)")
    if not words:
        return Ending.OPEN
    if stripped.endswith(_ELLIPSES) or stripped.endswith((",", "-", "–", "—", ":")):
        return Ending.HANGING
    figures = _figures_at_the_end(words)
    if (1 if expected is Expected.NUMBER else _FIRST_GROUP_DIGITS) <= figures < _FULL_NUMBER_DIGITS:
        return Ending.DIGITS
    if stripped.endswith("?"):
        return Ending.COMPLETE
    ends_like_one = stripped.endswith(_SENTENCE_ENDS)
    if words[-1] in _HANGING:
        return Ending.HANGING
    if words[-1] in _DANGLING:
        return Ending.OPEN if ends_like_one else Ending.DANGLING
    if ends_like_one:
        return Ending.COMPLETE
    if expected is Expected.NUMBER and figures >= _FULL_NUMBER_DIGITS:
        return Ending.COMPLETE
    is_short_answer = len(words) <= _SHORT_ANSWER_WORDS and all(word in _SHORT_ANSWERS for word in words)
    return Ending.COMPLETE if is_short_answer and expected is Expected.YES_OR_NO else Ending.OPEN


def _figures_at_the_end(words: list[str]) -> int:
    run = 0
    for word in reversed(words):
        if word.isdigit():
            run += len(word)
        elif word in _NUMBER_WORDS:
            run += 1
        else:
            break
    return run


def decide(view: View) -> Verdict:
    """Whether the callee's turn is over."""
    if not words_of(view.text):
        return Verdict(over=False)
    needed_s = silence_needed_s(view)
    if view.silence_s >= needed_s:
        return Verdict(over=True)
    may_be_noise = not view.has_interim and not view.awaited
    if may_be_noise and view.since_words_s >= NOISY_S + needed_s:
        return Verdict(over=True)
    wait_s = needed_s - view.silence_s
    if may_be_noise:
        wait_s = min(wait_s, NOISY_S + needed_s - view.since_words_s)
    return Verdict(over=False, look_again_s=wait_s)


def silence_needed_s(view: View) -> float:
    """How long the callee must have been silent, after these words."""
    ending = ending_of(view.text, view.expected)
    match ending:
        case Ending.COMPLETE:
            usual_s = COMPLETE_INTERIM_S if view.has_interim else COMPLETE_S
        case Ending.OPEN:
            usual_s = OPEN_S if view.punctuates else OPEN_UNPUNCTUATED_S
            usual_s = max(usual_s, NO_FINAL_S) if view.has_interim else usual_s
        case Ending.DIGITS:
            usual_s = DIGITS_S
        case Ending.HANGING | Ending.DANGLING:
            usual_s = HANGING_S
    if view.awaited:
        usual_s = max(usual_s, AWAITED_S)
    return view.pace.at_least(ending, usual_s)
