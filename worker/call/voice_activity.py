"""Runs of voice out of a detector's verdicts on frames. Pure state, no clock of its own."""

from __future__ import annotations

from dataclasses import dataclass

from worker.phone.media import FRAME_MS
from worker.speech.vad import Activity

VOICED = 0.5
"""Detectors are tuned so that this probability separates voice from the rest."""

STILL_VOICED = 0.35
"""Within a run, a weak sound still belongs to it (Silero's authors recommend 0.15 less than for the beginning)."""

START_FRAMES = 3
"""60 ms of sound begin a run: shorter ones are clicks."""

LATE_FRAMES = 8
"""A detector is sure of a voice up to 160 ms after it began: so far back a run may be dated."""

PAUSE_S = 0.2
"""A gap shorter than this belongs to a run: stops of consonants last up to 0.15 s."""

_FRAME_S = FRAME_MS / 1000


@dataclass(slots=True)
class SpeechGate:
    """`at` is the moment a frame ended, seconds on one clock."""

    speaking: bool = False
    """Whether a run is going on; in a gap, for `PAUSE_S` more."""
    started_at: float = 0.0
    """Of the present or last run."""
    last_voiced_at: float | None = None
    """The end of the last voiced frame that belongs to a run."""
    first_voiced_at: float | None = None
    since_start: int = 0
    """Frames since the present or last run began, those after its end included."""
    voiced_frames: int = 0
    """Of those, up to the last voiced one."""
    _loud_frames: int = 0

    def feed(self, activity: Activity, at: float) -> bool:
        """Take one frame's verdict. True when a run began or ended."""
        self._loud_frames = min(self._loud_frames + 1, LATE_FRAMES) if activity.is_loud else 0
        self.since_start += 1
        if self.speaking:
            if activity.is_loud and activity.voice >= STILL_VOICED:
                self.last_voiced_at = at
                self.voiced_frames = self.since_start
                return False
            if self.last_voiced_at is not None and at - self.last_voiced_at >= PAUSE_S:
                self.speaking = False
                return True
            return False
        if self._loud_frames < START_FRAMES or activity.voice < VOICED:
            return False
        self.speaking = True
        self.started_at = at - self._loud_frames * _FRAME_S
        self.since_start = self.voiced_frames = self._loud_frames
        if self.first_voiced_at is None:
            self.first_voiced_at = self.started_at
        self.last_voiced_at = at
        return True

    def voiced_s(self, *, since: float = 0.0) -> float:
        """Length of the present or last run, as far as it lies after `since`."""
        if self.last_voiced_at is None:
            return 0.0
        return max(0.0, self.last_voiced_at - max(self.started_at, since))

    def silence_s(self, now: float, *, since: float) -> float:
        """Since the last voice, or since `since` if there was none after it."""
        last = since if self.last_voiced_at is None else max(since, self.last_voiced_at)
        return max(0.0, now - last)
