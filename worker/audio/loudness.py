"""How loud a piece of telephone audio is."""

from __future__ import annotations

import numpy as np

from worker.audio.g711 import decode

FLOOR_DBFS = -96.0
"""What digital silence is reported as: the quietest a 16-bit sample can be."""


def rms_dbfs(mulaw: bytes) -> float:
    """Root-mean-square level in dB relative to full scale (a full-scale sine is -3). No audio is silence."""
    if not mulaw:
        return FLOOR_DBFS
    power = float(np.mean(np.square(decode(mulaw).astype(np.float64) / 32768)))
    return max(FLOOR_DBFS, 10 * np.log10(power)) if power > 0 else FLOOR_DBFS
