"""Runs of voice out of a detector's per-frame probabilities. Pure state, no clock of its own."""

from __future__ import annotations

from dataclasses import dataclass

from worker.phone.media import FRAME_MS

VOICED = 0.5
"""Detectors are tuned so that this probability separates voice from the rest."""

START_FRAMES = 3
"""60 ms of voice begin a run: shorter ones are clicks."""

PAUSE_S = 0.2
"""A gap shorter than this belongs to a run: stops of consonants last up to 0.15 s."""

_FRAME_S = FRAME_MS / 1000


@dataclass(slots=True)
class SpeechGate:
    """`at` is the moment a frame ended, seconds on one clock."""

    speaking: bool = False
    started_at: float = 0.0
    """Of the present or last run."""
    last_voiced_at: float | None = None
    """The end of the last voiced frame that belongs to a run."""
    first_voiced_at: float | None = None
    _candidates: int = 0
    _last_candidate_at: float = 0.0

    def feed(self, probability: float, at: float) -> bool:
        """Take one frame's probability. True when a run began or ended."""
        if probability >= VOICED:
            if self.speaking:
                self.last_voiced_at = at
                return False
            self._candidates += 1
            self._last_candidate_at = at
            if self._candidates < START_FRAMES:
                return False
            self.speaking = True
            self.started_at = at - self._candidates * _FRAME_S
            if self.first_voiced_at is None:
                self.first_voiced_at = self.started_at
            self.last_voiced_at = at
            return True
        self._candidates = 0
        if self.speaking and self.last_voiced_at is not None and at - self.last_voiced_at >= PAUSE_S:
            self.speaking = False
            return True
        return False

    def voiced_s(self, *, since: float = 0.0) -> float:
        """Length of the present or last run, as far as it lies after `since`."""
        if self.last_voiced_at is None:
            return 0.0
        return max(0.0, self.last_voiced_at - max(self.started_at, since))

    def silence_s(self, now: float, *, since: float) -> float:
        """Since the last voice, or since `since` if there was none after it."""
        last = since if self.last_voiced_at is None else max(since, self.last_voiced_at)
        return max(0.0, now - last)
