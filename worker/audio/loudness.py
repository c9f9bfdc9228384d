"""How loud telephone audio is, and making it as loud as it should be.

Voices differ by several dB, and so would phrases rendered by one and sentences spoken by another. The level of
speech is measured where there is speech (pauses don't count), and brought near one value by a fixed gain, a table
from mu-law to mu-law. What is near already is not touched: each conversion costs a little.
"""

from __future__ import annotations

import audioop
import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from worker.audio.g711 import decode, decode_bytes, encode

FLOOR_DBFS = -96.0
"""What digital silence is reported as: the quietest a 16-bit sample can be."""

SPEECH_DBFS = -20.0
"""Level of speech on the line, root mean square where there is speech. Its peaks are some 15 dB above, so it is
about the loudest that stays whole in G.711."""
NEAR_DB = 3.0
"""Nobody notices a difference this small between two sentences."""
MOST_GAIN_DB = 12.0
"""More would only make the noise of a broken voice loud."""
PEAK = 0.95
"""Of full scale. What a gain would bring above `_KNEE` is bent towards this, and not clipped."""
_KNEE = 0.7

ACTIVE_DBFS = -42.0
"""Frames quieter than this are no speech (or its softest consonants), and don't count."""
_ACTIVE = 10 ** (ACTIVE_DBFS / 10)
_FRAME = 80
"""Samples measured at once: 10 ms."""
_ENOUGH_FRAMES = 100
"""Of speech, to judge a voice by: 1 s. Single syllables differ by 6 dB and more."""
_REMEMBERED_FRAMES = 1_000
"""10 s of speech: what a voice did before counts less and less."""

_POWER = np.square(decode(bytes(range(256))).astype(np.float64) / 32768)


def powers(mulaw: bytes, frame: int) -> NDArray[np.float64]:
    """Mean power of each frame of so many samples, relative to full scale squared; the last may be shorter."""
    power = _POWER.take(np.frombuffer(mulaw, dtype=np.uint8))
    whole = len(power) // frame * frame
    # As mean() does, without what it does around it: with every piece of audio that a voice gives.
    means: NDArray[np.float64] = np.add.reduce(power[:whole].reshape(-1, frame), axis=1) / frame
    return means if whole == len(power) else np.append(means, power[whole:].mean())


def rms_dbfs(mulaw: bytes) -> float:
    """Root-mean-square level in dB relative to full scale (a full-scale sine is -3). No audio is silence."""
    return pcm_rms_dbfs(decode_bytes(mulaw))


def pcm_rms_dbfs(pcm: bytes) -> float:
    """The same of linear 16-bit samples. Several times for each 20 ms of every call, so by audioop, which takes a
    tenth of what numpy does for so few; its whole numbers are within 0.1 dB down to -50."""
    rms = audioop.rms(pcm, 2) if pcm else 0
    return 20 * math.log10(rms / 32768) if rms else FLOOR_DBFS


def speech_dbfs(mulaw: bytes) -> float:
    """The same where there is speech: pauses don't count."""
    active = _active(mulaw)
    return _dbfs(float(active.mean())) if active.size else FLOOR_DBFS


class Level:
    """What is known of a voice's level, learnt from all it has said. The gain changes between clauses only, so
    that no sentence swells."""

    def __init__(self) -> None:
        self.gain_db = 0.0
        self._power = 0.0
        self._frames = 0

    @property
    def known(self) -> bool:
        """Whether the voice has said enough to be judged."""
        return self._frames >= _ENOUGH_FRAMES

    def note(self, mulaw: bytes) -> None:
        """Some more of what the voice said, as it said it."""
        active = _active(mulaw)
        if not active.size:
            return
        self._power += float(active.sum())
        self._frames += active.size
        if self._frames > _REMEMBERED_FRAMES:
            self._power *= _REMEMBERED_FRAMES / self._frames
            self._frames = _REMEMBERED_FRAMES

    def settle(self) -> None:
        """Choose the gain for what is said next."""
        if self.known:
            self.gain_db = _wanted_gain_db(_dbfs(self._power / self._frames), self.gain_db)


def amplified(mulaw: bytes, gain_db: float) -> bytes:
    """Louder or quieter by whole dB, without clipping."""
    gain = round(gain_db)
    return mulaw.translate(_table(gain)) if gain else mulaw


def _wanted_gain_db(level_dbfs: float, present_db: float) -> float:
    wanted = SPEECH_DBFS - level_dbfs
    if abs(wanted - present_db) <= NEAR_DB:
        return present_db
    return max(-MOST_GAIN_DB, min(MOST_GAIN_DB, float(round(wanted))))


@lru_cache(maxsize=32)
def _table(gain_db: int) -> bytes:
    wave = decode(bytes(range(256))).astype(np.float64) / 32768 * 10 ** (gain_db / 20)
    size = np.abs(wave)
    room = PEAK - _KNEE
    bent = np.where(size > _KNEE, _KNEE + room * np.tanh((size - _KNEE) / room), size)
    return encode(np.round(np.sign(wave) * bent * 32768).astype(np.int16))


def _active(mulaw: bytes) -> NDArray[np.float64]:
    frames = powers(mulaw, _FRAME)
    return frames[frames > _ACTIVE]


def _dbfs(power: float) -> float:
    return max(FLOOR_DBFS, 10 * math.log10(power)) if power > 0 else FLOOR_DBFS
