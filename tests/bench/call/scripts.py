"""The scripts of the series, made of `sayings`."""

from __future__ import annotations

import random
from collections.abc import Iterator
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
AFTER_MURMUR_AT_MS = (4000, 7000)
AFTER_MURMUR = "interrupting after a back-channel"
"""In the same answer."""


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
    """Long answers. In each round four are interrupted, the last after a back-channel, and over the fifth are
    sounds that mean nothing."""
    chance = random.Random(seed)
    asked = cycle(_LONGER[seed % len(_LONGER) :] + _LONGER[: seed % len(_LONGER)])
    stops = cycle(INTERRUPTING[seed % len(INTERRUPTING) :] + INTERRUPTING[: seed % len(INTERRUPTING)])
    sounds = cycle(chance.sample(MEANINGLESS, len(MEANINGLESS)))
    words = cycle(chance.sample(BACK_CHANNELS, len(BACK_CHANNELS)))

    def interrupt(label: str, within_ms: tuple[int, int], during: tuple[Interjection, ...] = ()) -> Turn:
        begin_ms = chance.randrange(*within_ms, 20)
        return Turn((next(stops),), label, begin="into", begin_ms=begin_ms, during=during, take=take)

    turns: list[Turn] = []
    for take in range(rounds):
        murmur = Interjection(SOUNDS_AT_MS[0], next(words), take)
        turns += [
            Turn(next(asked), "asking"),
            interrupt("interrupting", INTERRUPTED_AT_MS),
            interrupt("interrupting", INTERRUPTED_AT_MS),
            interrupt("interrupting", INTERRUPTED_AT_MS, (murmur,)),
            interrupt(AFTER_MURMUR, AFTER_MURMUR_AT_MS, _interjections(sounds, take)),
        ]
    return Script((GREETS, *turns, GOODBYE), answers="long")


def _interjections(sounds: Iterator[str], take: int) -> tuple[Interjection, ...]:
    return tuple(Interjection(at_ms, next(sounds), take) for at_ms in SOUNDS_AT_MS)


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
