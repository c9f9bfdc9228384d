"""What this callee's back-channels sound like, so that the next one of the kind need not stop Floyd.

Nobody can tell an "okay" from "okay, but wait" by its first tenth of a second. But people say the same "mm-hm"
again and again, and having heard one, one knows it by its beginning. A voice that was found to be a back-channel
is kept; as long as another one sounds as that one did, Floyd goes on speaking, and as soon as it does not, or
lasts longer, Floyd stops.

Voices are compared by their spectra, 20 ms by 20 ms: the power in twelve bands, evenly spaced on the mel scale
(how far apart pitches sound; O'Shaughnessy 1987), in dB relative to the frame's mean, so that loudness doesn't
count. One may be said a little faster than the other, now here and now there: the two are aligned by dynamic time
warping (Sakoe and Chiba 1978), as far as they go at any moment.

Some voices change much from one sound to the next, others little. So a difference is measured in units of how
much this callee's own sounds differ.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from worker.audio.g711 import decode
from worker.phone.media import FRAME_BYTES, SAMPLE_RATE_HZ

ALIKE = 0.52
LATELY_ALIKE = 0.67
LATELY_FRAMES = 4
"""Mean difference up to which two voices sound alike: since the beginning, and over the last frames. 1 is the
callee's own speech at two moments. Chosen on synthetic voices of three makes, each back-channel said once
before at another pace, pitch and loudness: 91, 82 and 97 in 100 stay within both from beginning to end; half of
the other sentences leave them within 60, 100 and 60 ms, nine in ten within 180, 370 and 240."""

WARP = 0.13
"""Cost of a step that is not one frame of each: none, or two, of the one before."""

APART_FRAMES, APART_SHARE = 4, 0.2
"""The two may be so far apart: 80 ms, and a fifth of the time. Nobody says it slower than that."""

BEGIN_FRAMES = 3
"""A voice's beginning is known to within so much."""

FEWEST_FRAMES = 4
"""Less than 80 ms tell nothing."""

LONGEST_FRAMES = 60
"""Of one that is kept. What lasts longer wants to say something."""

REMEMBERED = 16
"""People have a handful of them, and more than one way to say each."""

SPEECH_EVERY = 4
SPEECH_FRAMES = 100
"""How much a voice's sounds differ is measured on every fourth frame of its last eight seconds."""
ENOUGH_SPEECH_FRAMES = 15
USUAL_DB = 6.8
"""Root mean square of the difference of two frames, until enough has been said. Synthetic voices: 5.4 to 7.9."""

_BANDS = 12
_LOWEST_HZ, _HIGHEST_HZ = 150.0, 3_600.0
"""Of a telephone line, with a little to spare."""
_FFT = 256
_RANGE_DB = 20.0
"""What is so far below a frame's loudest band is not what it is known by, and may be the line's noise."""

Spectra = NDArray[np.float64]
"""In dB: frames x bands."""


def _mel(hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.asarray(1127 * np.log1p(np.asarray(hz) / 700))


def _bands() -> Spectra:
    """Triangles over the bins of a Fourier transform, as columns."""
    bins = _mel(np.linspace(0, SAMPLE_RATE_HZ / 2, _FFT // 2 + 1))
    edges = np.linspace(_mel(_LOWEST_HZ), _mel(_HIGHEST_HZ), _BANDS + 2)
    rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rising, falling))


_BAND_WEIGHTS = _bands()
_WINDOW = np.hanning(FRAME_BYTES)


class Murmurs:
    """Frames are 20 ms of mu-law; a voice is given from its first voiced frame to its last one so far."""

    def __init__(self) -> None:
        self._known: deque[Spectra] = deque(maxlen=REMEMBERED)
        self._spoken = 0
        self._speech: deque[bytes] = deque(maxlen=SPEECH_FRAMES)

    def note(self, frame: bytes) -> None:
        """A frame of the callee's speech, whatever it says."""
        self._spoken += 1
        if self._spoken % SPEECH_EVERY == 0:
            self._speech.append(frame)

    def learn(self, voice: Sequence[bytes]) -> None:
        """This was a back-channel."""
        if FEWEST_FRAMES <= len(voice) <= LONGEST_FRAMES:
            self._known.append(_spectra(voice))

    def compare(self) -> Comparison:
        """A new voice with those that are known now."""
        return Comparison(self._known, self._usual_db() if self._known else USUAL_DB)

    def _usual_db(self) -> float:
        if len(self._speech) < ENOUGH_SPEECH_FRAMES:
            return USUAL_DB
        # Of two independent draws the difference has twice the variance.
        return max(1.0, float(np.sqrt(2 * _spectra(self._speech).var(axis=0).mean())))


class Comparison:
    """Of one voice, as it goes on, with all that are known.

    For each frame of each known one: what the cheapest way costs on which the voice so far is all of the known one
    up to there, and the differences of the last steps of that way."""

    def __init__(self, known: Sequence[Spectra], usual_db: float) -> None:
        self._usual_db = usual_db
        self._frames = 0
        longest = max(map(len, known), default=0)
        # Beyond its end a known one differs from everything.
        self._known = np.full((len(known), longest, _BANDS), np.inf)
        for row, spectra in zip(self._known, known, strict=True):
            row[: len(spectra)] = spectra
        self._places = np.arange(longest)
        self._costs = np.full(self._known.shape[:2], np.inf)
        self._stayed = np.zeros(self._known.shape[:2], bool)
        self._lately = np.zeros((*self._known.shape[:2], LATELY_FRAMES))

    def resembles(self, voice: Sequence[bytes]) -> bool:
        """Whether this voice, which may go on, has been like a back-channel all the time. It begins as it did when
        it was asked about before."""
        new = voice[self._frames :]
        if new and len(self._known):
            for spectrum in _spectra(new):
                self._hear(spectrum)
                self._frames += 1
                if self._frames >= FEWEST_FRAMES:
                    self._drop_others()
        return len(self._known) > 0 and len(voice) >= FEWEST_FRAMES

    def _hear(self, spectrum: Spectra) -> None:
        differs = np.sqrt(np.square(self._known - spectrum).mean(axis=2)) / self._usual_db
        if self._frames == 0:
            self._costs = np.where(self._places < BEGIN_FRAMES, differs, np.inf)
            self._lately = np.repeat(differs[:, :, None], LATELY_FRAMES, axis=2)
            return
        stay = np.where(self._stayed, np.inf, self._costs + WARP)
        ways = np.stack([stay, _later(self._costs, 1), _later(self._costs, 2) + WARP])
        way = ways.argmin(axis=0)
        before = np.maximum(self._places - way, 0)
        lately = np.take_along_axis(self._lately, before[:, :, None], axis=1)
        self._costs = np.take_along_axis(ways, way[None], axis=0)[0] + differs
        self._costs[:, np.abs(self._places - self._frames) > APART_FRAMES + APART_SHARE * self._frames] = np.inf
        self._lately = np.concatenate([lately[:, :, 1:], differs[:, :, None]], axis=2)
        self._stayed = way == 0

    def _drop_others(self) -> None:
        best = self._costs.argmin(axis=1)
        each = np.arange(len(best))
        lately = self._lately[each, best].mean(axis=1)
        alike = (self._costs[each, best] <= ALIKE * self._frames) & (lately <= LATELY_ALIKE)
        if not alike.all():
            self._known, self._costs = self._known[alike], self._costs[alike]
            self._stayed, self._lately = self._stayed[alike], self._lately[alike]


def _spectra(voice: Sequence[bytes]) -> Spectra:
    samples = decode(b"".join(voice)).reshape(len(voice), FRAME_BYTES) * (_WINDOW / 32768)
    powers = np.abs(np.fft.rfft(samples, _FFT)) ** 2 @ _BAND_WEIGHTS
    levels = 10 * np.log10(powers + 1e-9)
    levels = np.maximum(levels, levels.max(axis=1, keepdims=True) - _RANGE_DB)
    return np.asarray(levels - levels.mean(axis=1, keepdims=True))


def _later(costs: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
    """Each place's is that of the one so many frames before."""
    shifted = np.full_like(costs, np.inf)
    shifted[:, frames:] = costs[:, :-frames]
    return shifted
