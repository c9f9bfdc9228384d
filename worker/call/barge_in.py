"""The callee speaks while Floyd does: stop, or go on? A pure decision.

"Mm-hm", "okay" and a cough are no interruption. Words that are more than that are, and so is a voice that goes on
for longer than a back-channel lasts, before the recogniser has a word of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from worker.call.words import words_of

VOICE_S = 0.7
"""A voice this long is an interruption even without words: back-channels last 0.2 to 0.5 s."""

BACK_CHANNEL_MAX_WORDS = 4
"""More words than that are not a back-channel, whatever they are ("yes okay right yeah so")."""

ANSWER_OVERLAP_S = 0.8
"""A short word that ends this close to Floyd's last one, or after it, answers what Floyd said."""

_BACK_CHANNELS = frozenset(
    words_of(
        """
    mm hm hmm mhm mmhm uh huh um ah oh aha ok okay k kay yes yeah yep yup ya right sure alright all
    fine good great i see cool got it thanks thank you bye goodbye perfect wonderful lovely nice
    well very so too
    """
    )
)
_FAREWELL = re.compile(
    r"\b(good ?bye|bye|take care|see you|talk (soon|later)|good (night|evening|day)"
    r"|have (a|an) \w+ (\w+ )?(day|one|evening|night|weekend|afternoon))\b",
    re.IGNORECASE,
)
FAREWELL_MAX_WORDS = 10
"""Longer ones may hold something else ("before you go, could you ask her to call us some day")."""

_NEVER_ALONE = (["so"], ["well"], ["i"], ["you"], ["all"])
"""Words that are part of a back-channel but, alone, begin a sentence."""


@dataclass(frozen=True, slots=True)
class View:
    """What is heard while Floyd's audio plays. Only what began after Floyd did."""

    text: str
    """Words understood so far, interim ones included; empty while there are none."""
    speaking: bool
    voiced_s: float
    """Length of the present run of voice, pauses under 0.2 s included."""


@dataclass(frozen=True, slots=True)
class Verdict:
    stop: bool
    look_again_s: float | None = None


def is_back_channel(text: str) -> bool:
    """Whether words only show that someone listens, or answer with nothing but yes or thanks."""
    words = words_of(text)
    if not words or len(words) > BACK_CHANNEL_MAX_WORDS:
        return False
    if text.rstrip().endswith("?"):
        return False
    return words not in _NEVER_ALONE and all(word in _BACK_CHANNELS for word in words)


def decide(view: View) -> Verdict:
    """Whether Floyd stops speaking."""
    if words_of(view.text):
        # "Okay" may be the first word of "okay, but wait": as long as it goes on, it is looked at again.
        if not is_back_channel(view.text):
            return Verdict(stop=True)
        if not view.speaking:
            return Verdict(stop=False)
        longest = VOICE_S * 2
    else:
        if not view.speaking:
            return Verdict(stop=False)
        longest = VOICE_S
    if view.voiced_s >= longest:
        return Verdict(stop=True)
    return Verdict(stop=False, look_again_s=longest - view.voiced_s)


def is_answer(text: str, said_until: float, floyd_until: float) -> bool:
    """Whether words spoken over Floyd's are an answer, and not a back-channel that needs none.

    Times are seconds on one clock: the end of the callee's words, and of Floyd's."""
    return not is_back_channel(text) or said_until >= floyd_until - ANSWER_OVERLAP_S


def is_farewell(text: str) -> bool:
    """Whether short words only say goodbye: "you too, have a nice day"."""
    words = words_of(text)
    return len(words) <= FAREWELL_MAX_WORDS and bool(_FAREWELL.search(text)) and "?" not in text
