"""Change of sample rate by a polyphase windowed-sinc filter (numpy only).

The ratio is taken as a fraction of integers, so that 22,050 -> 24,000 Hz (160/147) and
24,000 -> 8,000 Hz (1/3) are exact and a clip keeps its length to the sample.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

HALF_WIDTH = 12
"""Zero crossings of the sinc kept on each side: stop band below -60 dB, plenty for a telephone."""
PASS = 0.92
"""Share of the narrower Nyquist band that passes; the rest is the filter's transition."""


@lru_cache(maxsize=8)
def _filters(up: int, down: int) -> NDArray[np.float32]:
    """One row of taps per output phase, each row summing to one."""
    cutoff = PASS * min(1.0, up / down)
    reach = int(np.ceil(HALF_WIDTH / cutoff))
    taps = np.arange(-reach, reach + 1)
    distance = taps[None, :] - np.arange(up)[:, None] / up
    window = np.cos(np.clip(distance / (reach + 1), -1, 1) * np.pi / 2) ** 2
    rows = np.sinc(distance * cutoff) * window
    rows /= rows.sum(axis=1, keepdims=True)
    taps_by_phase: NDArray[np.float32] = rows.astype(np.float32)
    return taps_by_phase


def resample(samples: NDArray[np.int16], rate: int, wanted: int) -> NDArray[np.int16]:
    """The clip at `wanted` Hz; clipped, not wrapped, where the filter overshoots."""
    if rate == wanted or samples.size == 0:
        return samples
    divisor = gcd(rate, wanted)
    up, down = wanted // divisor, rate // divisor
    rows = _filters(up, down)
    reach = rows.shape[1] // 2
    padded = np.pad(samples.astype(np.float32), (reach, reach))
    windows = sliding_window_view(padded, rows.shape[1])
    out = np.empty(samples.size * up // down, dtype=np.float32)
    for first in range(min(up, out.size)):  # outputs `up` apart share a phase, and lie `down` inputs apart
        start, phase = divmod(first * down, up)
        mine = out[first::up]
        mine[:] = windows[start::down][: mine.size] @ rows[phase]
    return np.clip(np.rint(out), -32768, 32767).astype(np.int16)
