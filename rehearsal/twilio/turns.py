"""How long a callee waited for an answer, noted at the line itself: from outside of whoever answers.

A turn is the callee's last voiced frame as it was sent, then the first message with audible audio as it came back,
then the moment its first audible frame was played. Voice of the callee while the caller's audio is being played
begins no turn: it is nobody's turn then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rehearsal import g711
from rehearsal.callee import AUDIBLE_PEAK


@dataclass
class AnsweredTurn:
    """Epoch seconds."""

    last_voiced_at: float
    first_audio_at: float
    first_heard_at: float | None = None
    """None: it was cleared before it was played."""


class TurnNotes:
    """Fed by the line, every time with the time it is."""

    def __init__(self) -> None:
        self.turns: list[AnsweredTurn] = []
        self._last_voiced_at: float | None = None
        """Of words that wait for an answer."""
        self._unheard: AnsweredTurn | None = None

    def callee_sent(self, mulaw: bytes, at: float, *, caller_audible: bool) -> None:
        """A frame of the callee speaking. Over background noise even their pauses are audible."""
        if audible(mulaw):
            self._last_voiced_at = None if caller_audible else at

    def caller_sent(self, mulaw: bytes, at: float) -> None:
        """Audio came in, to be played."""
        if self._last_voiced_at is not None and audible(mulaw):
            self._unheard = AnsweredTurn(self._last_voiced_at, at)
            self.turns.append(self._unheard)
            self._last_voiced_at = None

    def caller_played(self, mulaw: bytes, at: float) -> None:
        """A frame was played to the callee."""
        if self._unheard is not None and audible(mulaw):
            self._unheard.first_heard_at = at
            self._unheard = None

    def caller_cleared(self) -> None:
        """What was not yet played never will be."""
        self._unheard = None


def audible(mulaw: bytes) -> bool:
    """Whether there is a sound in it that a person would notice."""
    return bool(mulaw) and int(np.abs(g711.decode(mulaw).astype(np.int32)).max()) > AUDIBLE_PEAK
