"""G.711 mu-law to and from linear PCM.

The code is ITU-T G.711's mu-law: sign, three bits of segment, four of step, all bits inverted. Linear samples
are 16-bit; the 14 bits that mu-law resolves are their upper ones.
"""

from __future__ import annotations

import audioop

import numpy as np
from numpy.typing import NDArray

Pcm16 = NDArray[np.int16]
Wave = NDArray[np.float32]

SILENCE = 0xFF
"""The code of a zero sample."""

_BIAS = 0x84
"""132: added to a magnitude so that each segment begins at a power of two (G.711, 16-bit scale)."""
_CLIP = 32635
"""The largest magnitude that stays within 15 bits after the bias."""


def _decoding_table() -> Pcm16:
    code = ~np.arange(256, dtype=np.uint8)
    segment = (code >> 4 & 0x07).astype(np.int32)
    step = (code & 0x0F).astype(np.int32)
    magnitude = (((step << 3) + _BIAS) << segment) - _BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _encoding_table() -> NDArray[np.uint8]:
    """Indexed by the sample seen as unsigned, so that it can be looked up without an offset."""
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    sign = np.where(sample < 0, 0x80, 0)
    biased = np.minimum(np.abs(sample), _CLIP) + _BIAS
    segment = np.floor(np.log2(biased)).astype(np.int32) - 7
    step = biased >> (segment + 3) & 0x0F
    codes: NDArray[np.uint8] = (~(sign | segment << 4 | step)).astype(np.uint8)
    return codes


_TO_LINEAR = _decoding_table()
_TO_WAVE = _TO_LINEAR.astype(np.float32) / np.float32(32768)
_TO_MULAW = _encoding_table()


def decode(mulaw: bytes) -> Pcm16:
    """Mu-law bytes to 16-bit samples, one a byte."""
    return _TO_LINEAR.take(np.frombuffer(mulaw, dtype=np.uint8))


def decode_bytes(mulaw: bytes) -> bytes:
    """The same as bytes, two a sample, in the machine's order: a tenth of the work, where no array is wanted."""
    return audioop.ulaw2lin(mulaw, 2)


def decode_wave(mulaw: bytes) -> Wave:
    """Mu-law bytes to samples between -1 and 1."""
    return _TO_WAVE.take(np.frombuffer(mulaw, dtype=np.uint8))


def encode(samples: Pcm16) -> bytes:
    """16-bit samples to mu-law bytes, one a sample. Louder than G.711 can hold is clipped."""
    return _TO_MULAW.take(np.ascontiguousarray(samples, dtype=np.int16).view(np.uint16)).tobytes()
