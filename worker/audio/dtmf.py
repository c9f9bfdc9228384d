"""Touch tones in the audio itself, for a carrier whose media stream cannot send digits.

ITU-T Q.23 gives the pairs of frequencies. Q.24 has receivers accept from 40 ms of tone and 40 ms of pause;
speech codecs on the way and slow menus ask for more, so twice to three times that is played.
"""

from __future__ import annotations

import numpy as np

from worker.audio.g711 import SILENCE, encode

RATE_HZ = 8_000
TONE_MS = 120
GAP_MS = 80
PAUSE_MS = 500
"""What `w` waits, as in dialling strings."""
MAX_KEYS = 64
"""More than any card number or conference code; a model that asks for more has gone astray."""

_LOW_HZ = (697, 770, 852, 941)
_HIGH_HZ = (1209, 1336, 1477, 1633)
_ROWS = ("123A", "456B", "789C", "*0#D")
_PAIRS = {
    key: (low, high)
    for low, row in zip(_LOW_HZ, _ROWS, strict=True)
    for high, key in zip(_HIGH_HZ, row, strict=True)
}

_LOW_PEAK = 0.25
_HIGH_PEAK = 0.32
"""The upper group 2 dB above the lower, as telephones send it (lines lose more of the high); both together
stay 5 dB below clipping."""
_RAMP_MS = 4
"""Soft edges: no click, and shorter than a receiver needs to notice."""


def check(keys: str) -> str:
    """Return `keys` without spaces, commas and hyphens, in upper case.

    Raises `ValueError`, with a sentence for whoever asked, for anything that is not a key."""
    cleaned = "".join(keys.split()).replace("-", "").replace(",", "W").upper()
    if not cleaned.strip("W"):
        raise ValueError(
            "keys: empty. Give the keys to press: 0-9, *, # or A-D, and w for a pause of half a second."
        )
    if len(cleaned) > MAX_KEYS:
        raise ValueError(f"keys: {len(cleaned)} of them. At most {MAX_KEYS} can be pressed at once.")
    for key in cleaned:
        if key not in _PAIRS and key != "W":
            raise ValueError(f"keys: {key!r} is not a telephone key. Use 0-9, *, # or A-D, and w for a pause.")
    return cleaned


def tones(keys: str) -> bytes:
    """The keys as mu-law audio, 8,000 Hz: a tone and a gap each. Raises `ValueError` as `check` does."""
    return b"".join(_pause() if key == "W" else _tone(key) for key in check(keys))


def _tone(key: str) -> bytes:
    low, high = _PAIRS[key]
    t = np.arange(RATE_HZ * TONE_MS // 1000) / RATE_HZ
    wave = _LOW_PEAK * np.sin(2 * np.pi * low * t) + _HIGH_PEAK * np.sin(2 * np.pi * high * t)
    ramp = np.linspace(0.0, 1.0, RATE_HZ * _RAMP_MS // 1000)
    wave[: len(ramp)] *= ramp
    wave[-len(ramp) :] *= ramp[::-1]
    return encode((wave * 32767).astype(np.int16)) + bytes([SILENCE]) * (RATE_HZ * GAP_MS // 1000)


def _pause() -> bytes:
    return bytes([SILENCE]) * (RATE_HZ * PAUSE_MS // 1000)
