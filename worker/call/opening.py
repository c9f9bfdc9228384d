"""When to introduce oneself after the phone was picked up. A pure decision.

Not over the callee's greeting, not after a long silence, and not into the middle of a voicemail's greeting.
"""

from __future__ import annotations

from dataclasses import dataclass

SILENT_PICK_UP_S = 1.8
"""Nobody said a word: people wait for the caller after about this long."""

GREETING_PAUSE_S = 0.5
"""Silence after a short greeting ("Hello?", "Lincoln Elementary, this is Dana speaking.")."""

AWAITED_S = 1.3
"""The same while its words are not known yet: they tell a person from a machine."""

LONG_GREETING_S = 5.0
"""A greeting longer than this is likely a machine's; a pause in it is not its end."""

LONG_GREETING_PAUSE_S = 1.5
"""Silence after a long greeting. A machine's beep follows within about so long."""

NOISE_S = 0.15
"""A sound shorter than this (a click, a breath) is no greeting."""

NOISY_S = 2.5
"""Without a new word for so long, a greeting is over even if the line never gets quiet (a fan, a street)."""

NOISE_ONLY_S = 8.0
"""A voice without a word for so long is a noise."""

LATEST_S = 30.0
"""The longest greetings are spoken into all the same."""


@dataclass(frozen=True, slots=True)
class View:
    since_answer_s: float
    speaking: bool
    voiced_s: float
    """From the first voice to the last, of everything since the answer."""
    silence_s: float
    """Since the last voice, or since the answer."""
    has_words: bool
    since_words_s: float
    """Since the words last changed, or since the answer."""
    awaited: bool = False
    """Whether more was said than is known yet."""


@dataclass(frozen=True, slots=True)
class Verdict:
    speak: bool
    look_again_s: float | None = None


def decide(view: View) -> Verdict:
    if view.since_answer_s >= LATEST_S:
        return Verdict(speak=True)
    left = LATEST_S - view.since_answer_s
    if view.speaking:
        noisy_s = NOISY_S if view.has_words else NOISE_ONLY_S
        if view.since_words_s >= noisy_s:
            return Verdict(speak=True)
        return Verdict(speak=False, look_again_s=min(left, noisy_s - view.since_words_s))
    if view.voiced_s < NOISE_S and not view.has_words:
        needed = SILENT_PICK_UP_S
    elif view.voiced_s >= LONG_GREETING_S:
        needed = LONG_GREETING_PAUSE_S
    else:
        needed = AWAITED_S if view.awaited else GREETING_PAUSE_S
    if view.silence_s >= needed:
        return Verdict(speak=True)
    return Verdict(speak=False, look_again_s=min(left, needed - view.silence_s))
