"""G.711 mu-law, the telephone network's 8-bit companding (ITU-T G.711), by table look-up.

`encode` and `decode` work on whole arrays: one look-up per sample, no loop in Python.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 8000
SILENCE = 0xFF
"""The mu-law code of zero."""

_BIAS = 0x84
_CLIP = 32635


def _decode_table() -> NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    exponent = (code >> 4) & 0x07
    magnitude = ((((code & 0x0F) << 3) + _BIAS) << exponent) - _BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _encode_table() -> NDArray[np.uint8]:
    """Code of every 16-bit sample, indexed by the sample's bits read as unsigned."""
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    biased = np.minimum(np.abs(sample), _CLIP) + _BIAS
    exponent = np.floor(np.log2(biased)).astype(np.int32) - 7
    mantissa = (biased >> (exponent + 3)) & 0x0F
    sign = np.where(sample < 0, 0x80, 0)
    codes: NDArray[np.uint8] = (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8)
    return codes


_TO_PCM = _decode_table()
_TO_MULAW = _encode_table()


def encode(samples: NDArray[np.int16]) -> bytes:
    """Mu-law bytes, one per sample."""
    return _TO_MULAW[samples.view(np.uint16)].tobytes()


def decode(data: bytes) -> NDArray[np.int16]:
    """16-bit linear samples, one per mu-law byte."""
    return _TO_PCM[np.frombuffer(data, dtype=np.uint8)]
