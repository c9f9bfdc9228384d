"""When has the callee finished? A pure decision over silence and words.

Silence alone is a poor sign: people pause for 700 ms in the middle of a sentence and 200 ms between turns. So
the silence that is asked for depends on whether the words so far could be the whole of what someone wants to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from worker.call.words import words_of

COMPLETE_S = 0.4
"""After words that end like a sentence. The recogniser's final is hardly ever sooner."""

OPEN_S = 0.7
"""After words without a sentence's end: most recognisers punctuate, so more may follow."""

DIGITS_S = 1.2
"""After figures that look unfinished: numbers are spoken in groups, with pauses between them."""

HANGING_S = 1.6
"""After "and", "the", "um": nobody ends there by choice; above the 1.3 s of a long pause for thought."""

NO_FINAL_S = 1.5
"""Silence after which an interim is taken for what was said: a vendor's final is late or lost."""

NOISY_S = 2.5
"""Without a new word for so long, final words end the turn even if the line never gets quiet (a fan, a street)."""

_HANGING = frozenset(
    words_of(
        """
        a an and or but because if when while the my our your their its to of for from at than
        um uh er erm hmm i i'm we we're he she they it's there's i'll we'll plus
        """
    )
)
"""Nothing ends with these, whatever punctuation a recogniser puts after them."""

_OFTEN_HANGING = frozenset(
    words_of(
        """
        so that which who his her this these those with in on by about as then like is are was were am be let's
        can could would will should may might not do does did have has had just also that's
        """
    )
)
"""Sentences end with these too ("I'll tell her.", "yes, we can."): then the full stop is believed half."""

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
"""Shorter figures ("at 9", "class 4") are ordinary answers."""


class Ending(StrEnum):
    """How the words so far end."""

    COMPLETE = "complete"
    OPEN = "open"
    DIGITS = "digits"
    HANGING = "hanging"


_SILENCE_S = {
    Ending.COMPLETE: COMPLETE_S,
    Ending.OPEN: OPEN_S,
    Ending.DIGITS: DIGITS_S,
    Ending.HANGING: HANGING_S,
}


@dataclass(frozen=True, slots=True)
class View:
    """What is known of the turn that the callee has, or is about to have finished."""

    text: str
    """All words since the last turn, interim ones included."""
    has_interim: bool
    """Whether the last of them are not final yet."""
    speaking: bool
    """Whether the voice-activity detector hears a voice now."""
    silence_s: float
    """Since the last voiced frame."""
    since_words_s: float
    """Since the words last changed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`over`, or how long to wait before looking again if nothing changes (None: only a change matters)."""

    over: bool
    look_again_s: float | None = None


def ending_of(text: str) -> Ending:
    words = words_of(text)
    stripped = text.rstrip().rstrip("\"'”)")
    if not words:
        return Ending.OPEN
    if stripped.endswith(_ELLIPSES) or stripped.endswith((",", "-", "–", "—", ":")):
        return Ending.HANGING
    if _unfinished_figures(words):
        return Ending.DIGITS
    if stripped.endswith("?"):
        return Ending.COMPLETE
    ends_like_one = stripped.endswith(_SENTENCE_ENDS)
    if words[-1] in _HANGING:
        return Ending.HANGING
    if words[-1] in _OFTEN_HANGING:
        return Ending.OPEN if ends_like_one else Ending.HANGING
    return Ending.COMPLETE if ends_like_one else Ending.OPEN


def _unfinished_figures(words: list[str]) -> bool:
    run = 0
    for word in reversed(words):
        if word.isdigit():
            run += len(word)
        elif word in _NUMBER_WORDS:
            run += 1
        else:
            break
    return _FIRST_GROUP_DIGITS <= run < _FULL_NUMBER_DIGITS


def decide(view: View) -> Verdict:
    """Whether the callee's turn is over."""
    if not words_of(view.text):
        return Verdict(over=False)
    if view.speaking:
        return _after(view.since_words_s, NOISY_S) if not view.has_interim else Verdict(over=False)
    needed = _SILENCE_S[ending_of(view.text)]
    if view.has_interim:
        needed = max(needed, NO_FINAL_S)
    return _after(view.silence_s, needed)


def _after(waited_s: float, needed_s: float) -> Verdict:
    if waited_s >= needed_s:
        return Verdict(over=True)
    return Verdict(over=False, look_again_s=needed_s - waited_s)
