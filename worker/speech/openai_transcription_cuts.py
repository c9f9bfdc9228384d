"""Where an utterance begins and where it is cut off for its final transcript. Pure: a verdict per 20 ms frame.

The transcriber gets only utterances: it is paid by the minute, and models that hear long silence invent words.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum

from worker.phone.media import FRAME_MS

ONSET_FRAMES = 5
ONSET_WINDOW = 8
"""So many voiced frames of so many begin an utterance: a click has fewer, and the shortest "yes" more."""

HOLD_MS = 120
"""WebRTC's detector calls so much a voice after each voice."""
PAUSE_MS = 300 - HOLD_MS
"""Frames without a voice that end an utterance. The stop of a consonant lasts up to 150 ms, a pause between words
seldom 300; nobody waits for all of it, because words come as deltas before."""
LONG_AFTER_MS = 12_000
LONG_PAUSE_MS = 20
"""Who talks for so long is cut at the next breath."""
LONGEST_MS = 20_000
"""Who does not breathe, or is a radio, is cut here."""

LEAD_MS = 400
"""Audio that an utterance begins with: the frames of its onset, and a soft beginning before, as of "hello"."""


class Place(StrEnum):
    """Where a frame lies."""

    BETWEEN = "between"
    WITHIN = "within"
    LAST = "last"
    """It ends its utterance."""


class Cuts:
    def __init__(self) -> None:
        self._before: deque[bool] = deque(maxlen=ONSET_WINDOW)
        self._within = False
        self._length_ms = 0
        self._unvoiced_ms = 0

    @property
    def within(self) -> bool:
        return self._within

    @property
    def silence_ms(self) -> int:
        """Since the voice ended, as of the frame taken last."""
        return self._unvoiced_ms + HOLD_MS if self._unvoiced_ms else 0

    def take(self, voiced: bool) -> Place:
        """The next frame, and whether there is a voice in it."""
        self._unvoiced_ms = 0 if voiced else self._unvoiced_ms + FRAME_MS
        if not self._within:
            self._before.append(voiced)
            if sum(self._before) < ONSET_FRAMES:
                return Place.BETWEEN
            self._within, self._length_ms = True, 0
            self._before.clear()
        self._length_ms += FRAME_MS
        if self._length_ms < LONGEST_MS and self._unvoiced_ms < self._patience_ms():
            return Place.WITHIN
        self._within = False
        return Place.LAST

    def _patience_ms(self) -> int:
        return LONG_PAUSE_MS if self._length_ms > LONG_AFTER_MS else PAUSE_MS
