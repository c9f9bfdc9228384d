"""What the recogniser understood, and when it may be told. Pure, but for the clock that is handed in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rehearsal.delays import Delays
from rehearsal.ear import END_SILENCE_S, UNINTELLIGIBLE, Ear, Heard
from rehearsal.phrasebook import PhraseBook

SAMPLE_RATE = 8000
ARRIVALS_KEPT = 3000
"""A minute of 20 ms messages: no utterance is told that long after it was heard."""


@dataclass(frozen=True)
class Result:
    """One result, to be sent at `due_s` of the clock that `Listening` was fed with."""

    text: str
    is_final: bool
    end_s: float
    due_s: float


class Listening:
    """One stream: an ear, and when the audio came in."""

    def __init__(self, book: PhraseBook, delays: Delays) -> None:
        self._delays = delays
        # A final may be told no sooner than the silence that ends an utterance is over.
        silence_s = min(END_SILENCE_S, delays.final_ms / 1000)
        self._ear = Ear(book, end_silence_s=silence_s, pause_silence_s=silence_s)
        self._samples = 0
        self._arrivals: deque[tuple[float, float]] = deque(maxlen=ARRIVALS_KEPT)

    @property
    def heard_s(self) -> float:
        return self._samples / SAMPLE_RATE

    @property
    def speaking(self) -> bool:
        return self._ear.speaking

    def feed(self, samples: NDArray[np.int16], now_s: float) -> list[Result]:
        self._samples += samples.size
        self._arrivals.append((self.heard_s, now_s))
        return self._results(self._ear.feed(samples), now_s)

    def finish(self, now_s: float) -> list[Result]:
        return self._results(self._ear.finish(), now_s)

    def _results(self, heard: list[Heard], now_s: float) -> list[Result]:
        out = []
        for item in heard:
            if item.text == UNINTELLIGIBLE:
                continue  # Google gives no result for what it cannot make out
            delay_ms = self._delays.final_ms if item.final else self._delays.interim_ms
            due_s = max(now_s, self._arrived(item.end_s, now_s) + delay_ms / 1000)
            out.append(Result(item.text, item.final, item.end_s, due_s))
        return out

    def _arrived(self, audio_s: float, now_s: float) -> float:
        """When the audio up to this second had come in."""
        arrival = now_s
        for heard_s, at_s in reversed(self._arrivals):
            if heard_s < audio_s:
                break
            arrival = at_s
        return arrival
