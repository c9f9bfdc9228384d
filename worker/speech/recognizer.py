"""What Floyd needs of a speech recogniser. Adding one is a file that fulfils `Recognizer`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

UNKNOWN_WORDS = "\ufffc"
"""In an interim hypothesis, in the place of words that were said and are not known yet. For recognisers whose
words come well after the fact: who decides that a turn is over must know that more is coming."""


class RecognizerUnavailable(Exception):
    """The recogniser could not be opened, or its stream died for good."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """One hypothesis. Interim ones replace each other; a final one settles the words up to `end_s`.

    `end_s` counts seconds of audio since the session was opened, across streams opened again unheard."""

    text: str
    is_final: bool
    stability: float
    end_s: float


class RecognitionSession(Protocol):
    """Recognition of one call. It opens its vendor stream again, unheard, when the vendor's limit nears or
    the stream dies, and replays audio that had no final yet."""

    def feed(self, mulaw: bytes) -> None:
        """Take audio of any length (mu-law, 8,000 Hz). Never blocks; bounded: the oldest audio is dropped."""
        ...

    def results(self) -> AsyncIterator[Recognition]:
        """Hypotheses in order, until `close`. Raises `RecognizerUnavailable` when it can't be kept going."""
        ...

    async def close(self) -> None: ...


class Recognizer(Protocol):
    async def open(self, *, language: str, hints: Sequence[str]) -> RecognitionSession:
        """Open a session; `hints` are names, places and phrases likely to be heard."""
        ...

    async def warm_up(self) -> None:
        """Make the connection before it is needed."""
        ...

    async def close(self) -> None: ...
