"""The edges of synthesised speech: the silence that a voice puts around it, cut to what is wanted, without clicks.

Voices begin with up to 300 ms of silence and end with as much or more, each differently. In front of an answer
it is waiting time, and between clauses it makes pauses where none belong. `Edges` takes the audio as it comes:
sound is given out at once (but for the last 5 ms, which may turn out to be the end), silence in front is
dropped, silence behind is made as long as the pause that is asked for. Pauses inside the speech stay as they
are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from worker.audio.g711 import SILENCE, decode, encode
from worker.audio.loudness import powers

RATE_HZ = 8_000
FRAME = 40
"""Samples judged at once: 5 ms."""

SOUND_DBFS = -54.0
"""Quieter frames are silence. The weakest consonants of speech at a usual level (an "f", an "h") are about -45, a
voice's own noise about -65; digital silence has no level at all."""
_SOUND = 10 ** (SOUND_DBFS / 10)

LEAD = 160
"""Samples kept in front of the first sound (20 ms): a soft consonant begins below the threshold."""
FADE = 24
"""Samples of a fade (3 ms): too short to be heard as one, long enough not to be heard as a click."""


class Edges:
    """One per clause. `feed` it mu-law at 8,000 Hz in any pieces, `flush` it at the end."""

    def __init__(self, pause_s: float) -> None:
        """`pause_s`: how long the silence at the end shall be."""
        self._pause = round(pause_s * RATE_HZ)
        self._pending = b""
        """In front of the first sound what may be its beginning; later what may be the end."""
        self._begun = False
        self._quiet = 0
        """Samples of silence since the last sound that were given out."""
        self._held = bytearray()
        """Silence beyond the pause: given out if sound follows, else dropped."""

    def feed(self, mulaw: bytes) -> bytes:
        data = self._pending + mulaw
        if not self._begun:
            data = self._begin(data, len(data) // FRAME * FRAME)
            if not self._begun:
                self._pending = data
                return b""
        whole = max(0, len(data) // FRAME - 1) * FRAME  # the last whole frame may be the end, and is faded then
        self._pending = data[whole:]
        return self._go_on(data[:whole])

    def flush(self) -> bytes:
        """The end: the last sound faded, then the pause. Nothing if there was no sound at all."""
        rest = self._pending if self._begun else self._begin(self._pending, len(self._pending))
        self._pending = b""
        if not self._begun:
            return b""
        out = self._go_on(rest)
        if out and not self._quiet:
            out = out[:-FADE] + _faded(out[-FADE:], out=True)
        return out + bytes([SILENCE]) * (self._pause - self._quiet)

    def _begin(self, data: bytes, judged: int) -> bytes:
        """From a little before the first sound on, if there is one in so much of the data; else what may still be
        the beginning of it. Whole frames are dropped, so that what follows is judged in the same frames."""
        sound = np.flatnonzero(_is_sound(data[:judged]))
        if not sound.size:
            return data[max(0, (len(data) - LEAD) // FRAME * FRAME) :]
        self._begun = True
        data = data[max(0, int(sound[0]) * FRAME - LEAD) :]
        return _faded(data[:FADE], out=False) + data[FADE:]

    def _go_on(self, data: bytes) -> bytes:
        if not data:
            return b""
        sound = np.flatnonzero(_is_sound(data))
        out = b""
        if sound.size:
            end = min(len(data), (int(sound[-1]) + 1) * FRAME)
            out = bytes(self._held) + data[:end]
            self._held.clear()
            self._quiet = 0
            data = data[end:]
        room = self._pause - self._quiet
        self._quiet += len(data[:room])
        self._held += data[room:]
        return out + data[:room]


def soften(audio: bytearray, at: int) -> None:
    """Let the sound come in softly at `at`, where it begins in the middle of a word."""
    end = min(at + FADE, len(audio))
    audio[at:end] = _faded(bytes(audio[at:end]), out=False)


def silence_at_end(mulaw: bytes) -> int:
    """How many samples at the end hold no sound, in frames of 5 ms."""
    sound = np.flatnonzero(_is_sound(mulaw))
    return max(0, len(mulaw) - (int(sound[-1]) + 1) * FRAME) if sound.size else len(mulaw)


def _is_sound(mulaw: bytes) -> NDArray[np.bool_]:
    return powers(mulaw, FRAME) > _SOUND


def _faded(mulaw: bytes, *, out: bool) -> bytes:
    ramp = np.linspace(0.0, 1.0, len(mulaw) + 2)[1:-1]
    return encode(np.round(decode(mulaw) * (ramp[::-1] if out else ramp)).astype(np.int16))
