"""The scripts of the series, made of `sayings`."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import cycle, islice

from call.sayings import BACK_CHANNELS, COMPLETE, GREETING, HANGING, INTERRUPTING, OPEN
from call.script import GOODBYE, SOUNDS, Interjection, Script, Turn

GREETS = Turn((GREETING,), "greeting", begin_ms=300)

MIXED = (
    "complete",
    "garbled",
    "hanging-700",
    "complete",
    "garbled",
    "open-1300",
    "complete",
    "garbled",
    "hanging-1300",
    "complete",
    "garbled",
    "open-700",
)
"""Kinds of turns, in a row: as many with a complete interim as with a wrong one, and half as many with a pause."""

MEANINGLESS = (*BACK_CHANNELS, *SOUNDS, "cough")
SOUNDS_AT_MS = (1500, 4000, 6500, 9000, 11500)
"""Of an answer that takes some sixteen seconds."""
INTERRUPTED_AT_MS = (1000, 5000)
INTERRUPTIONS_A_ROUND = 3


def mixed(turns: int, seed: int, *, pauses: bool = True) -> Script:
    """So many turns of all kinds; `pauses`: callees who pause in mid-sentence among them."""
    chance = random.Random(seed)
    kinds = [kind for kind in MIXED if pauses or "-" not in kind]
    sentences = {name: cycle(chance.sample(said, len(said))) for name, said in _BY_KIND.items()}
    return Script((GREETS, *(_turn(kind, sentences) for kind in islice(cycle(kinds), turns)), GOODBYE))


def steady(seed: int) -> Script:
    """Turns without pauses, over and over until the line is told to finish."""
    return replace(mixed(2 * len(COMPLETE), seed, pauses=False), repeat=True)


_SINGLE = tuple((text,) for text in COMPLETE)
_LONGER = tuple(said for said in _SINGLE if len(said[0].split()) > 2)
"""An interim of a sentence of one or two words can't be wrong in its last word and be one."""
_BY_KIND = {"complete": _SINGLE, "garbled": _LONGER, "hanging": HANGING, "open": OPEN}


def _turn(kind: str, sentences: dict[str, cycle[tuple[str, ...]]]) -> Turn:
    name, _, pause = kind.partition("-")
    return Turn(next(sentences[name]), kind, pause_ms=int(pause or 0), garbled=kind == "garbled")


def interrupting(rounds: int, seed: int) -> Script:
    """Long answers. In each round three are interrupted, and over the fourth are sounds that mean nothing."""
    chance = random.Random(seed)
    asked = cycle(_LONGER[seed % len(_LONGER) :] + _LONGER[: seed % len(_LONGER)])
    stops = cycle(INTERRUPTING[seed % len(INTERRUPTING) :] + INTERRUPTING[: seed % len(INTERRUPTING)])
    sounds = cycle(chance.sample(MEANINGLESS, len(MEANINGLESS)))
    turns: list[Turn] = []
    for take in range(rounds):
        turns.append(Turn(next(asked), "asking"))
        for number in range(INTERRUPTIONS_A_ROUND):
            is_last = number == INTERRUPTIONS_A_ROUND - 1
            during = (
                tuple(Interjection(at_ms, next(sounds), take=take) for at_ms in SOUNDS_AT_MS) if is_last else ()
            )
            begin_ms = chance.randrange(*INTERRUPTED_AT_MS, 20)
            turns.append(
                Turn((next(stops),), "interrupting", begin="into", begin_ms=begin_ms, during=during, take=take)
            )
    return Script((GREETS, *turns, GOODBYE), answers="long")


def never_stopping(*, repeat: bool) -> Script:
    """A callee who goes on after the shortest of breaths, whatever Floyd does; for about a minute, or for ever."""
    turns = tuple(Turn((text,), "on and on", begin="own", begin_ms=150) for text in COMPLETE)
    return Script((replace(GREETS, begin_ms=300), *turns, GOODBYE), repeat=repeat)


def both_at_once(turns: int) -> Script:
    """A callee who begins to speak whenever Floyd does."""
    said = islice(cycle(INTERRUPTING), turns)
    return Script((GREETS, *(Turn((text,), "both", begin="into", begin_ms=40) for text in said), GOODBYE))


def jittered(turns: int) -> Script:
    """A bad network between an ordinary callee and Floyd."""
    return replace(mixed(turns, seed=7), jitter=True)
