"""Everything that was rendered by either side, as what it sounds like on a telephone.

The book is a ring of described frames, one per 10 ms of speech: a phrase lies in it in one piece, and the
oldest ones are overwritten. Positions in the ring never move, so that an ear can hold on to them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rehearsal.acoustics import FRAME, SAMPLE_RATE, SIZE, Floats, describe, frames_of, level_db
from rehearsal.voice import Speech

HOP = 80
"""Samples from one described frame to the next. Half a telephone frame, so that an ear whose frames
begin anywhere is off by 5 ms at most."""
HOP_S = HOP / SAMPLE_RATE
CAPACITY = 30 * 60 * SAMPLE_RATE // HOP
"""Frames kept: half an hour of speech, 9 MB."""
QUIET_DB = -42.0
"""Frames of a phrase below this level are pauses."""
LOUD_DB = -30.0
"""Frames above this level can't be taken for pauses, however noisy the line."""
PAUSE_GAIN = 0.1
"""What a pause in the sound says for a phrase that pauses there ..."""
PAUSE_LOSS = -0.7
"""... and for one that is loud there; in between, in proportion."""
ENTRY_FRAMES = np.array([0, 1, 4, 8, 12])
"""A phrase may begin this far after its first sound: in noise, or with less gain, soft sounds go under."""
TAIL = 4
"""Quiet frames kept after a phrase's last loud one."""
BEYOND = 8
"""Positions after the last, which belong to no phrase, so that an ear may look ahead from any frame."""


@dataclass(frozen=True, slots=True)
class WordPlace:
    """A word, and where in the book it lies."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Phrase:
    """Where a speech lies in the book."""

    speech: Speech
    first: int
    size: int
    onset: int
    """Position of the first loud frame."""
    last_loud: int
    words: tuple[WordPlace, ...]


class PhraseBook:
    """Safe to add to from any thread while ears read."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._lock = threading.Lock()
        self._phrases: dict[int, Phrase] = {}
        self._number_of: dict[tuple[str, str, int], int] = {}
        self._next_number = 0
        self._head = 0
        self.capacity = capacity
        self.used = 0
        """Positions below this one have been written."""
        self.frames: Floats = np.zeros((capacity, SIZE), np.float32)
        self.norms: Floats = np.zeros(capacity, np.float32)
        """Squared length of each frame."""
        self.quiet: NDArray[np.bool_] = np.zeros(capacity, np.bool_)
        self.pause_gain: Floats = np.zeros(capacity, np.float32)
        """What it says for a frame if the sound pauses there."""
        self.number: NDArray[np.int64] = np.full(capacity + BEYOND, -1, np.int64)
        """The phrase each frame belongs to; -1: none."""
        self.entries: NDArray[np.int64] = np.zeros(0, np.int64)
        """Where phrases begin: frames in which their sound sets in."""

    def add(self, speech: Speech) -> None:
        """Make a speech recognisable; one that is known already costs nothing.

        Takes about a millisecond per second of speech. Silence is not a phrase.
        """
        with self._lock:
            if speech.key in self._number_of and not self._is_next_to_go(speech.key):
                return
        described = _describe(speech)
        if described is None:
            return
        with self._lock:
            self._insert(speech, *described)

    def phrase(self, number: int) -> Phrase | None:
        """The phrase of that number, unless it was overwritten."""
        return self._phrases.get(number)

    def __len__(self) -> int:
        return len(self._phrases)

    def _is_next_to_go(self, key: tuple[str, str, int]) -> bool:
        """Whether the phrase would be overwritten soon, though it is about to be played again."""
        phrase = self._phrases[self._number_of[key]]
        return self.used > self.capacity // 2 and (phrase.first - self._head) % self.capacity < self.capacity // 8

    def _insert(self, speech: Speech, frames: Floats, levels: Floats) -> None:
        size = min(len(frames), self.capacity)
        if self._head + size > self.capacity:
            self._head = 0
        first, end = self._head, self._head + size
        for number in set(self.number[first:end].tolist()) - {-1}:
            gone = self._phrases.pop(number)
            if self._number_of.get(gone.speech.key) == number:
                del self._number_of[gone.speech.key]
            self.number[gone.first : gone.first + gone.size] = -1
        quiet = levels[:size] < QUIET_DB
        loud = np.flatnonzero(~quiet)
        number = self._next_number
        self._next_number += 1
        self._phrases[number] = Phrase(
            speech=speech,
            first=first,
            size=size,
            onset=first + int(loud[0]),
            last_loud=first + int(loud[-1]),
            words=tuple(
                WordPlace(word.text, first + round(word.start_s / HOP_S), first + round(word.end_s / HOP_S))
                for word in speech.words
            ),
        )
        self._number_of[speech.key] = number
        self.frames[first:end] = frames[:size]
        self.norms[first:end] = np.square(frames[:size]).sum(axis=1)
        self.quiet[first:end] = quiet
        loudness = np.clip((levels[:size] - QUIET_DB) / (LOUD_DB - QUIET_DB), 0, 1)
        self.pause_gain[first:end] = PAUSE_GAIN + (PAUSE_LOSS - PAUSE_GAIN) * loudness
        self.number[first:end] = number
        self._head = end
        self.used = max(self.used, end)
        onsets = np.array([phrase.onset for phrase in self._phrases.values()], np.int64)
        entries = onsets[:, None] + ENTRY_FRAMES
        self.entries = entries[self.number[np.minimum(entries, self.capacity)] == self.number[onsets][:, None]]


def _describe(speech: Speech) -> tuple[Floats, Floats] | None:
    """Frames of a speech up to shortly after its last sound, and their levels; None if it has no sound."""
    samples = speech.pcm16_8k
    padded = np.pad(samples, (0, FRAME + (-samples.size) % HOP))
    frames, _ = describe(frames_of(padded, HOP), None, FRAME // HOP)
    starts = np.maximum(np.arange(HOP, padded.size + 1, HOP) - FRAME, 0)
    levels = np.array([level_db(padded[start : start + FRAME]) for start in starts], np.float32)
    loud = np.flatnonzero(levels >= QUIET_DB)
    if not loud.size:
        return None
    size = min(len(frames), int(loud[-1]) + 1 + TAIL)
    return frames[:size], levels[:size]
