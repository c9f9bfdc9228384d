"""The callee speaks while Floyd does: stop, or go on? And then: give way, or go on after all? Pure decisions.

"Mm-hm", "okay" and a cough are no interruption. But in its first tenth of a second nobody can tell an "okay" from
the beginning of "okay, but wait". So Floyd stops for any voice, which costs little, since it goes on with the same
word as soon as the voice turns out to have been a back-channel. A voice that sounds as this callee's
back-channels have sounded stops it only once it sounds different, or says something else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from worker.call.words import words_of

VOICE_S = 0.07
"""A voice this long stops Floyd: noises are sorted out before, by the detector. Four frames of 20 ms, by the times
at which they come, which vary by some milliseconds."""

LISTEN_AGAIN_S = 0.04
"""While a voice sounds like a back-channel: two frames."""

REAL_VOICE_S = 1.0
"""A voice that lasts this long wants to say something, whatever the recogniser makes of it."""

VAIN_VOICES = 2
"""So many voices have stopped what Floyd is saying, and said nothing."""

VAIN_VOICE_S = 3.0
"""From then on a voice without words has to last so long. It may be Floyd's own echo, which would stop it for
ever: an echo is known after two seconds of what it repeats (`echo`)."""

NO_WORDS_S = 0.25
"""After a voice of which no word has come: recognisers have a first word some 150 ms after it was said."""

BACK_CHANNEL_OVER_S = 0.1
"""After the words of a back-channel: "okay" may be the first word of "okay, but wait"."""

ANSWERED_S = 0.6
"""With no more than this left to say, Floyd does not go on after a "yes": it is the answer."""

MURMUR_OVER_S = 0.6
"""After a back-channel; its final words are there by then."""

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
    """What is heard while Floyd's audio plays, or is halted. Only what began after Floyd did."""

    text: str
    """Words understood so far, interim ones included; empty while there are none."""
    speaking: bool
    """A voice, pauses under 0.2 s included."""
    voiced_s: float
    """Length of the present or last run of voice."""
    silence_s: float
    """Since the last voice."""
    is_familiar: bool = False
    """So far the voice sounds like one of this callee's back-channels."""
    left_s: float | None = None
    """How much Floyd still has to say; None: that is not known yet."""
    vain_voices: int = 0
    """How often Floyd was stopped in what it is saying, and went on."""


@dataclass(frozen=True, slots=True)
class Verdict:
    stop: bool
    look_again_s: float | None = None


class Then(Enum):
    """What follows once Floyd has stopped."""

    WAIT = auto()
    RESUME = auto()
    GIVE_WAY = auto()


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
    if words_of(view.text) and not is_back_channel(view.text):
        return Verdict(stop=True)
    if not view.speaking:
        over_in_s = MURMUR_OVER_S - view.silence_s
        return Verdict(stop=False, look_again_s=over_in_s if view.text and over_in_s > 0 else None)
    # "Okay" may be the first word of "okay, but wait": as long as it goes on, it is looked at again.
    longest_s = REAL_VOICE_S if view.text or view.is_familiar else VOICE_S
    if view.vain_voices >= VAIN_VOICES:
        longest_s = VAIN_VOICE_S
    if view.voiced_s >= longest_s:
        return Verdict(stop=True)
    look_again_s = longest_s - view.voiced_s
    return Verdict(
        stop=False, look_again_s=min(look_again_s, LISTEN_AGAIN_S) if view.is_familiar else look_again_s
    )


def then(view: View) -> tuple[Then, float | None]:
    """Floyd has stopped: what next, and when to look again."""
    if words_of(view.text) and not is_back_channel(view.text):
        return Then.GIVE_WAY, None
    if view.voiced_s >= REAL_VOICE_S:
        return Then.GIVE_WAY, None
    needed_s = BACK_CHANNEL_OVER_S if words_of(view.text) else NO_WORDS_S
    if view.silence_s >= needed_s:
        return (Then.GIVE_WAY if _answers(view) else Then.RESUME), None
    until_real_s = REAL_VOICE_S - view.voiced_s
    return Then.WAIT, min(needed_s - view.silence_s, until_real_s)


def is_murmur(view: View) -> bool:
    """Whether a back-channel is over that did not stop Floyd, and is no answer either."""
    is_late = view.left_s is not None and view.left_s <= ANSWER_OVERLAP_S
    return not is_late and view.silence_s >= MURMUR_OVER_S and is_back_channel(view.text)


def _answers(view: View) -> bool:
    """A "yes" into Floyd's last word answers it: nobody waits for the rest of it."""
    return bool(words_of(view.text)) and view.left_s is not None and view.left_s <= ANSWERED_S


def is_answer(text: str, said_until: float, floyd_until: float) -> bool:
    """Whether words spoken over Floyd's are an answer, and not a back-channel that needs none.

    Times are seconds on one clock: the end of the callee's words, and of Floyd's."""
    return not is_back_channel(text) or said_until >= floyd_until - ANSWER_OVERLAP_S


def is_farewell(text: str) -> bool:
    """Whether short words only say goodbye: "you too, have a nice day"."""
    words = words_of(text)
    return len(words) <= FAREWELL_MAX_WORDS and bool(_FAREWELL.search(text)) and "?" not in text
