"""One stream of recognition, without the wire: audio and its arrival times in, results with due times out.

A word is understood when its last sound has arrived; the interim that holds it is due `interim_ms` later.
The final is due `final_ms` after the last sound of the utterance. Speech that the phrase book doesn't know
has no result, as coughs and murmurs have none at Google.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rehearsal.delays import Delays
from rehearsal.ear import END_SILENCE_S, UNINTELLIGIBLE, Ear, Heard, PhraseBook

ARRIVALS_KEPT_S = 30.0
"""For how long it is remembered when audio arrived: the longest utterances, and some more."""
EAR_LEAD_S = 0.02
"""The ear is asked a frame before the final is due, as it hears frame by frame."""
CONFIDENCE = 0.94
STABILITY = 0.9


@dataclass(frozen=True, slots=True)
class Transcript:
    due: float
    text: str
    final: bool
    end_s: float
    """In the stream's audio."""


@dataclass(frozen=True, slots=True)
class Activity:
    due: float
    kind: Literal["begin", "end"]
    at_s: float


class Recognition:
    def __init__(self, book: PhraseBook, delays: Delays) -> None:
        self._interim_s = delays.interim_ms / 1000
        self._final_s = delays.final_ms / 1000
        soon = max(self._final_s - EAR_LEAD_S, 0.0)
        self._ear = Ear(
            book,
            end_silence_s=max(END_SILENCE_S, soon),
            complete_silence_s=soon,
            pause_silence_s=max(END_SILENCE_S, soon),
        )
        self._arrivals: deque[tuple[float, float]] = deque()
        self._last_due = 0.0
        self._speaking = False

    @property
    def heard_s(self) -> float:
        """Seconds of audio so far."""
        return self._ear.heard_s

    @property
    def silence_s(self) -> float:
        """Since the last sound of the utterance under way; 0 while there is none."""
        return self._ear.heard_s - self._ear.last_voice_s if self._ear.speaking else 0.0

    def feed(self, samples: NDArray[np.int16], now: float) -> list[Transcript | Activity]:
        """Take in audio that arrived at `now`. What it makes known, in the order it is due."""
        heard = self._ear.feed(samples)
        self._arrivals.append((self._ear.heard_s, now))
        while self._arrivals[0][0] < self._ear.heard_s - ARRIVALS_KEPT_S:
            self._arrivals.popleft()
        out: list[Transcript | Activity] = []
        if self._ear.speaking and not self._speaking:
            self._speaking = True
            out.append(Activity(self._due(now), "begin", self._ear.heard_s))
        return out + self._results(heard, now)

    def finish(self, now: float, *, at_once: bool = True) -> list[Transcript | Activity]:
        """The utterance under way ends here. `at_once`: there is no more audio, and what is left is due now."""
        return self._results(self._ear.finish(), now, at_once=at_once)

    def _results(self, heard: list[Heard], now: float, at_once: bool = False) -> list[Transcript | Activity]:
        out: list[Transcript | Activity] = []
        for one in heard:
            arrived = self._arrived(one.end_s, now)
            if one.final:
                due = self._due(now if at_once else max(now, arrived + self._final_s))
                if self._speaking:
                    out.append(Activity(due, "end", one.end_s))
                self._speaking = False
            else:
                due = self._due(max(now, arrived + self._interim_s))
            if one.text != UNINTELLIGIBLE:
                out.append(Transcript(due, one.text, one.final, one.end_s))
        return out

    def _arrived(self, at_s: float, now: float) -> float:
        """When the audio of that moment of the stream arrived."""
        arrived = now
        for heard_s, when in reversed(self._arrivals):
            if heard_s < at_s - 1e-9:
                break
            arrived = when
        return arrived

    def _due(self, due: float) -> float:
        """Results never overtake each other."""
        self._last_due = max(self._last_due, due)
        return self._last_due
