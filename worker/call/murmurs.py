"""What this callee's back-channels sound like, so that the next one of the kind need not stop Floyd.

Nobody can tell an "okay" from "okay, but wait" by its first tenth of a second. But people say the same "mm-hm"
again and again, and having heard one, one knows it by its beginning. A voice that was found to be a back-channel
is kept; as long as another one sounds as that one did, Floyd goes on speaking, and as soon as it does not, or
lasts longer, Floyd stops.

Voices are compared by their spectra, 20 ms by 20 ms: the power in twelve bands, evenly spaced on the mel scale
(how far apart pitches sound; O'Shaughnessy 1987), in dB relative to the frame's mean, so that loudness doesn't
count.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from worker.audio.g711 import decode
from worker.phone.media import FRAME_BYTES, SAMPLE_RATE_HZ

ALIKE_DB = 4.0
LATELY_ALIKE_DB = 4.5
LATELY_FRAMES = 4
"""Mean difference of two spectra, up to which they sound alike: since the beginning, and over the last frames. Of
synthetic voices' back-channels, at another pace, pitch and loudness each time, 92 in 100 stay within both from
beginning to end; other sentences leave them within 80 ms (the median), 200 ms for 95 in 100, "right now" after
"right" among them."""

COMPARED_FRAMES = 12
"""From the beginning: a quarter of a second. After that even the same word drifts apart in time."""

SHIFT_FRAMES = 2
"""A voice's beginning is known to within so much."""

FEWEST_FRAMES = 4
"""Less than 80 ms tell nothing."""

LONGER = 1.25
LONGER_FRAMES = 5
"""A quarter longer and a tenth of a second more than the one before: nobody says it slower than that."""

REMEMBERED = 16
"""People have a handful of them, and more than one way to say each."""

_BANDS = 12
_LOWEST_HZ, _HIGHEST_HZ = 150.0, 3_600.0
"""Of a telephone line, with a little to spare."""
_FFT = 256
_RANGE_DB = 20.0
"""What is so far below a frame's loudest band is not what it is known by, and may be the line's noise."""

Spectra = NDArray[np.float64]


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
    """Voices are given as frames of mu-law, from the first voiced one to the last one so far."""

    def __init__(self) -> None:
        self._known: deque[tuple[Spectra, int]] = deque(maxlen=REMEMBERED)
        """Each one's beginning, and its length in frames."""

    def learn(self, voice: Sequence[bytes]) -> None:
        """This was a back-channel."""
        if len(voice) >= FEWEST_FRAMES:
            self._known.append((_spectra(voice), len(voice)))

    def resembles(self, voice: Sequence[bytes]) -> bool:
        """Whether this voice, which may go on, has so far been like one that was a back-channel."""
        if len(voice) < FEWEST_FRAMES:
            return False
        possible = [spectra for spectra, length in self._known if len(voice) <= length * LONGER + LONGER_FRAMES]
        if not possible:
            return False
        heard = _spectra(voice)
        return any(_alike(heard, spectra) for spectra in possible)


def _spectra(voice: Sequence[bytes]) -> Spectra:
    """A row for each frame of the beginning."""
    beginning = voice[: COMPARED_FRAMES + SHIFT_FRAMES]
    samples = decode(b"".join(beginning)).reshape(len(beginning), FRAME_BYTES) * (_WINDOW / 32768)
    powers = np.abs(np.fft.rfft(samples, _FFT)) ** 2 @ _BAND_WEIGHTS
    levels = 10 * np.log10(powers + 1e-9)
    levels = np.maximum(levels, levels.max(axis=1, keepdims=True) - _RANGE_DB)
    return np.asarray(levels - levels.mean(axis=1, keepdims=True))


def _alike(heard: Spectra, known: Spectra) -> bool:
    """Over the frames that both have, by any of the shifts."""
    fewest = max(FEWEST_FRAMES, min(len(heard), COMPARED_FRAMES) - SHIFT_FRAMES)
    for shift in range(-SHIFT_FRAMES, SHIFT_FRAMES + 1):
        one, other = heard[max(0, shift) :], known[max(0, -shift) :]
        count = min(len(one), len(other), COMPARED_FRAMES)
        if count >= fewest or (count >= FEWEST_FRAMES and count == len(known)):
            rows = np.sqrt(np.square(one[:count] - other[:count]).mean(axis=1))
            if rows.mean() <= ALIKE_DB and rows[-LATELY_FRAMES:].mean() <= LATELY_ALIKE_DB:
                return True
    return False
