"""What is heard on a telephone besides words: a voicemail's beep, the tones of keys (ITU-T Q.23), noise.

Mu-law or 16-bit samples at 8,000 Hz.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rehearsal import g711

RATE = 8000
BEEP_HZ, BEEP_S = 1000.0, 0.45
# Twilio's keys are about this long; receivers must accept 40 ms of tone and 40 ms of pause.
KEY_S, KEY_GAP_S = 0.1, 0.1
W_PAUSE_S = 0.5

_ROWS = {"123A": 697, "456B": 770, "789C": 852, "*0#D": 941}
_COLUMNS = (1209, 1336, 1477, 1633)
_KEYS = {key: (row, _COLUMNS[place]) for keys, row in _ROWS.items() for place, key in enumerate(keys)}


def beep() -> bytes:
    return g711.encode(_sine([BEEP_HZ], BEEP_S))


def keys(digits: str) -> bytes:
    """The tones of pressed keys; ``w`` is a pause of half a second."""
    pieces = []
    for digit in digits.upper():
        if digit == "W":
            pieces.append(_quiet(W_PAUSE_S))
        else:
            pieces += [_sine(list(map(float, _KEYS[digit])), KEY_S), _quiet(KEY_GAP_S)]
    return g711.encode(np.concatenate(pieces)) if pieces else b""


def noise(level_db: float, seconds: float, seed: int) -> NDArray[np.int16]:
    """White noise of a level in dB relative to full scale; the same for the same seed."""
    spread = 32768 * 10 ** (level_db / 20)
    samples = np.random.default_rng(seed).normal(0, spread, int(seconds * RATE))
    return np.clip(samples, -32768, 32767).astype(np.int16)


def _sine(frequencies: list[float], seconds: float) -> NDArray[np.int16]:
    time = np.arange(int(seconds * RATE)) / RATE
    wave = np.sum([np.sin(2 * np.pi * frequency * time) for frequency in frequencies], axis=0)
    ramp = np.minimum(1.0, np.minimum(time, time[::-1]) / 0.005)  # without it the ends would click
    tone: NDArray[np.int16] = (wave * ramp * 8000 / len(frequencies)).astype(np.int16)
    return tone


def _quiet(seconds: float) -> NDArray[np.int16]:
    return np.zeros(int(seconds * RATE), np.int16)
