"""Two voices in one: what somebody hears who listens in."""

from __future__ import annotations

import numpy as np

from worker.audio.g711 import decode, encode
from worker.web.rtc.transport import SILENT_FRAME


def mixed(one: bytes, other: bytes) -> bytes:
    """Two frames of mu-law as one. Where only one side speaks, its bytes are left as they are."""
    if other == SILENT_FRAME:
        return one
    if one == SILENT_FRAME:
        return other
    both = decode(one).astype(np.int32) + decode(other)
    return encode(np.clip(both, -32768, 32767).astype(np.int16))
