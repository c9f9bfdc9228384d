"""What a callee does in a call: a list of turns, made by the benchmark and followed by the line process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

Begin = Literal["quiet", "into", "own"]
"""When the callee begins to speak, with `Turn.begin_ms`:

    quiet   so long after Floyd, having answered the turn before, was last heard; the first turn: after the pick-up
    into    when so much of Floyd's answer to the turn before has been played: over Floyd's words
    own     so long after the callee's own turn before, whatever Floyd does
"""
Answers = Literal["short", "long"]
"""short: two sentences. long: six, some ten seconds."""

SOUNDS = ("cough", "bang")
"""Interjections that are no words."""


@dataclass(frozen=True)
class Interjection:
    """A sound over Floyd's answer that is no turn: one of `SOUNDS`, or a back-channel's words."""

    at_ms: int
    """Of the answer as it is played."""
    sound: str
    take: int = 0
    """Of the words: see `Turn.take`."""


@dataclass(frozen=True)
class Turn:
    say: tuple[str, ...]
    """A sentence, in two parts where the callee pauses in the middle of it."""
    label: str
    """What the turn is measured as."""
    pause_ms: int = 0
    """Between the two parts: from the last voiced frame of the one to the first of the other."""
    garbled: bool = False
    """The interims have the last word wrong, so that only the final tells what was said."""
    begin: Begin = "quiet"
    begin_ms: int = 800
    during: tuple[Interjection, ...] = ()
    """Over Floyd's answer to this turn."""
    take: int = 0
    """Nobody says the same words twice alike: each take has a pace, a pitch and a loudness of its own."""


@dataclass(frozen=True)
class Script:
    """The first turn greets. The call ends after the last, which must be `GOODBYE`: the model then says goodbye
    too and hangs up. With `repeat` the turns in between go round until the line is told to finish."""

    turns: tuple[Turn, ...]
    answers: Answers = "short"
    repeat: bool = False
    voice: str = "en-us+f3"
    jitter: bool = False
    """The network holds up some of the callee's audio: see `network.py`."""

    def utterances(self) -> Iterator[Turn]:
        """All that will be said, back-channels included, as turns."""
        for turn in self.turns:
            yield turn
            for interjection in turn.during:
                if interjection.sound not in SOUNDS:
                    yield back_channel(interjection)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, data: dict[str, Any]) -> Script:
        """From `as_json`, by way of JSON."""
        return cls(**(data | {"turns": tuple(_turn(turn) for turn in data["turns"])}))


GOODBYE_WORDS = "Thank you, that is all then, goodbye."
GOODBYE = Turn((GOODBYE_WORDS,), "goodbye")


def back_channel(words: Interjection) -> Turn:
    return Turn((words.sound,), "back-channel", take=words.take)


def _turn(data: dict[str, Any]) -> Turn:
    during = tuple(Interjection(**one) for one in data["during"])
    return Turn(**(data | {"say": tuple(data["say"]), "during": during}))
