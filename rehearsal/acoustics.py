"""What a telephone frame sounds like: loudness, and the shape of its spectrum.

A frame is described by ten band energies in decibels with their mean taken away (so that the gain of the
line doesn't matter) and by how much louder it is than 20 ms before. Band energies are floored, so that
faint noise under the speech doesn't matter either.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SAMPLE_RATE = 8000
FRAME = 160
"""Samples of a telephone frame: 20 ms."""
WINDOW = 256
"""Samples looked at for a frame, which are its last: 32 ms, long enough for a pitch period or three."""
BANDS = 10
SIZE = BANDS + 1
"""Numbers that describe a frame."""
FLOOR_DB = -48.0
"""Band energies (dB of full scale) are floored here: below it a telephone line has only noise."""
SLOPE_WEIGHT = 0.5
"""A rise in loudness of 1 dB counts as half a decibel in one band."""


def _bands() -> Floats:
    """Triangular filters, evenly spaced on the mel scale over the telephone's 150 to 3,300 Hz."""
    bins = np.arange(WINDOW // 2 + 1)
    mel = 2595 * np.log10(1 + bins * SAMPLE_RATE / WINDOW / 700)
    low, high = 2595 * np.log10(1 + np.array([150, 3300]) / 700)
    edges = np.interp(np.linspace(low, high, BANDS + 2), mel, bins)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins[:, None] - left) / (centre - left)
    falling = (right - bins[:, None]) / (right - centre)
    weights = np.clip(np.minimum(rising, falling), 0, None)
    filters: Floats = (weights / weights.sum(axis=0)).astype(np.float32)
    return filters


_TAPER = np.hanning(WINDOW).astype(np.float32)
_SCALE = np.float32(1 / (32768.0**2 * float((_TAPER**2).sum())))
_BANDS = _bands()
_FLOOR = np.float32(10 ** (FLOOR_DB / 10))


def describe(windows: NDArray[np.int16], before_db: float | None, lag: int) -> tuple[Floats, Floats]:
    """Describe windows, given as rows of `WINDOW` samples in order of time.

    Returns their descriptions (rows of `SIZE`) and their floored loudness in dB. `lag` says how many rows
    make 20 ms; `before_db` is the loudness before the first row, where known.
    """
    spectrum = np.fft.rfft(windows * _TAPER, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2) * _SCALE
    decibels = 10 * np.log10(power @ _BANDS + _FLOOR)
    loudness = np.add.reduce(decibels, axis=1) / BANDS  # on so few numbers `mean` costs three times as much
    earlier = np.empty_like(loudness)
    earlier[lag:] = loudness[:-lag] if lag < loudness.size else loudness[:0]
    earlier[:lag] = FLOOR_DB if before_db is None else before_db
    out = np.empty((loudness.size, SIZE), np.float32)
    out[:, :BANDS] = decibels - loudness[:, None]
    out[:, BANDS] = (loudness - earlier) * SLOPE_WEIGHT
    return out, loudness.astype(np.float32)


def level_db(samples: NDArray[np.int16]) -> float:
    """Mean power in dB of full scale (-100 for silence)."""
    amplitudes = samples.astype(np.float32)
    power = float(amplitudes @ amplitudes) / (samples.size * 32768.0**2)
    return 10 * math.log10(power + 1e-10)


def frames_of(samples: NDArray[np.int16], hop: int) -> NDArray[np.int16]:
    """Windows that end `hop`, `2 * hop`, ... samples into the clip; silence stands before it."""
    padded = np.pad(samples, (WINDOW - hop, 0))
    return sliding_window_view(padded, WINDOW)[::hop]
