"""24 kHz to 8 kHz: a streaming low-pass and decimator for speech that comes in pieces.

24 to 8 is exactly 3:1, so one finite impulse response filter and taking every third sample do. 31 taps delay by
15 samples of 24 kHz (0.6 ms); block resamplers hold back tens of milliseconds. The filter is a Kaiser-windowed
sinc: flat to about 2.7 kHz, 6 dB down at 3.7 kHz, over 40 dB down from 4.8 kHz, so that what folds back lands
above 3.2 kHz, where telephone speech ends.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from worker.audio.g711 import Pcm16, encode

INPUT_RATE_HZ = 24_000
OUTPUT_RATE_HZ = 8_000
_RATIO = INPUT_RATE_HZ // OUTPUT_RATE_HZ
_TAPS = 31
_CUTOFF_HZ = 3_700
_KAISER_BETA = 4.0
"""About 45 dB of stop-band attenuation, with a transition of 2 kHz at 31 taps."""
_SCALE = 1 << 15
"""Taps are whole numbers in fifteenths of a bit, so that sums in float64 are exact and a signal cut in any
pieces gives, sample for sample, what it gives in one."""


def _design() -> NDArray[np.float64]:
    n = np.arange(_TAPS) - (_TAPS - 1) / 2
    ideal = np.sinc(2 * _CUTOFF_HZ / INPUT_RATE_HZ * n) * np.kaiser(_TAPS, _KAISER_BETA)
    taps: NDArray[np.float64] = np.round(ideal / ideal.sum() * _SCALE)
    return taps


TAPS = _design()
_PHASES = np.append(TAPS, np.zeros(-_TAPS % _RATIO)).reshape(-1, _RATIO).T / _SCALE
"""The taps that meet every first, second and third sample: three short filters at a third of the rate."""


class Decimator:
    """Keeps the filter's state between chunks. One per stream of audio."""

    def __init__(self) -> None:
        self._held: Pcm16 = np.zeros(_TAPS - 1, dtype=np.int16)

    def feed(self, samples: Pcm16) -> Pcm16:
        """Samples at 24 kHz in, what can be said at 8 kHz out (perhaps nothing yet)."""
        signal = np.concatenate((self._held, samples))
        count = (len(signal) - (_TAPS - 1) + _RATIO - 1) // _RATIO
        if count <= 0:
            self._held = signal
            return np.zeros(0, dtype=np.int16)
        wave = np.zeros((count + _PHASES.shape[1] - 1) * _RATIO)
        known = signal[: len(wave)]
        wave[: len(known)] = known
        filtered = np.correlate(wave[0::_RATIO], _PHASES[0])
        for phase in range(1, _RATIO):
            filtered += np.correlate(wave[phase::_RATIO], _PHASES[phase])
        self._held = signal[count * _RATIO :]
        np.rint(filtered, out=filtered)
        np.minimum(filtered, 32767, out=filtered)
        np.maximum(filtered, -32768, out=filtered)
        return filtered.astype(np.int16)

    def flush(self) -> Pcm16:
        """The tail: what the filter still holds of the last samples. Starts anew afterwards."""
        tail = self.feed(np.zeros((_TAPS - 1) // 2, dtype=np.int16))
        self._held = np.zeros(_TAPS - 1, dtype=np.int16)
        return tail


class PcmToMulaw:
    """Bytes of 24 kHz s16le PCM, cut anywhere (also in the middle of a sample), to 8 kHz mu-law."""

    def __init__(self) -> None:
        self._decimator = Decimator()
        self._odd = b""

    def feed(self, pcm: bytes) -> bytes:
        data = self._odd + pcm if self._odd else pcm
        whole = len(data) & ~1
        self._odd = data[whole:]
        return encode(self._decimator.feed(np.frombuffer(data, dtype="<i2", count=whole // 2).astype(np.int16)))

    def flush(self) -> bytes:
        """The filter's tail. Half a sample left over is dropped: there is no sound in it."""
        self._odd = b""
        return encode(self._decimator.flush())
