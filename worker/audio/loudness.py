"""How loud a piece of telephone audio is."""

from __future__ import annotations

import math

import numpy as np

from worker.audio.g711 import decode

FLOOR_DBFS = -96.0
"""What digital silence is reported as: the quietest a 16-bit sample can be."""

_POWER = np.square(decode(bytes(range(256))).astype(np.float64) / 32768)
"""Of each mu-law code: 50 frames a second and call are measured, so nothing is computed twice."""


def rms_dbfs(mulaw: bytes) -> float:
    """Root-mean-square level in dB relative to full scale (a full-scale sine is -3). No audio is silence."""
    if not mulaw:
        return FLOOR_DBFS
    power = float(_POWER[np.frombuffer(mulaw, dtype=np.uint8)].sum()) / len(mulaw)
    return max(FLOOR_DBFS, 10 * math.log10(power)) if power > 0 else FLOOR_DBFS
