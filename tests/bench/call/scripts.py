"""The scripts of the series, made of `sayings`."""

from __future__ import annotations

import random
from itertools import cycle, islice

from call.sayings import COMPLETE, GREETING, HANGING, OPEN
from call.script import GOODBYE, Script, Turn

PAUSES_MS = (700, 1300)
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


def mixed(turns: int, seed: int, *, pauses: bool = True) -> Script:
    """So many turns of all kinds; `pauses`: callees who pause in mid-sentence among them."""
    chance = random.Random(seed)
    kinds = [kind for kind in MIXED if pauses or "-" not in kind]
    sentences = {name: cycle(chance.sample(said, len(said))) for name, said in _BY_KIND.items()}
    return Script((GREETS, *(_turn(kind, sentences) for kind in islice(cycle(kinds), turns)), GOODBYE))


def plain(seed: int) -> Script:
    """Complete sentences, over and over until the line is told to finish."""
    chance = random.Random(seed)
    turns = tuple(Turn((text,), "complete") for text in chance.sample(COMPLETE, len(COMPLETE)))
    return Script((GREETS, *turns, GOODBYE), repeat=True)


_SINGLE = tuple((text,) for text in COMPLETE)
_LONGER = tuple(said for said in _SINGLE if len(said[0].split()) > 2)
"""An interim of a sentence of one or two words can't be wrong in its last word and be one."""
_BY_KIND = {"complete": _SINGLE, "garbled": _LONGER, "hanging": HANGING, "open": OPEN}


def _turn(kind: str, sentences: dict[str, cycle[tuple[str, ...]]]) -> Turn:
    name, _, pause = kind.partition("-")
    return Turn(next(sentences[name]), kind, pause_ms=int(pause or 0), garbled=kind == "garbled")
