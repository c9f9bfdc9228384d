"""The callee's voice: utterances as 20 ms frames of mu-law, made once, and what is understood by each frame.

Floyd passes the callee's audio on byte by byte, so a recogniser needs no signal processing here: the first voiced
frame of every utterance carries a number in its lowest bits (inaudible), and the utterance is known by that frame.
"""

from __future__ import annotations

import base64
import math
import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from call.script import Turn
from rehearsal import g711
from rehearsal.voice import Speech, Voice

FRAME_BYTES = 160
FRAME_MS = 20
SILENCE = b"\xff" * FRAME_BYTES
SILENT_PAYLOAD = base64.b64encode(SILENCE).decode()

VOICED_DBFS = -45.0
"""A frame below this is not voiced: the end of the last word's decay."""
MARKED_SAMPLES = 16
"""Of the first frame: the lowest bit of each holds one bit of the utterance's number."""
RATE_WPM = 180

QUIET_PEAK = 400
"""Of 32768: what stays below is no sound that a person would notice on the telephone."""
_QUIET = bytes(code for code in range(256) if abs(int(g711.decode(bytes([code]))[0])) <= QUIET_PEAK)


def audible(mulaw: bytes) -> bool:
    return bool(mulaw.translate(None, _QUIET))


@dataclass(frozen=True)
class Understood:
    """Words that the recogniser knows once a frame has arrived."""

    text: str
    complete: bool
    """All that was said before a silence: the final follows."""
    final_text: str = ""
    pause_ms: int = 0
    """The silence that follows; 0: it is the end."""


@dataclass(frozen=True, eq=False)
class Sound:
    """Frames as they are sent. For words: what is understood by which frame (index), and where the parts end."""

    name: str
    frames: tuple[bytes, ...]
    payloads: tuple[str, ...]
    understood: dict[int, Understood]
    part_ends: tuple[int, ...]
    """Index of the last voiced frame of each part."""
    part_starts: tuple[int, ...]

    @property
    def last(self) -> int:
        return self.part_ends[-1]


class Sounds:
    """Renders what is said; the same words in the same voice are one sound."""

    def __init__(self) -> None:
        self.by_first_frame: dict[bytes, Sound] = {}
        self._voice = Voice()
        self._kept: dict[object, Sound] = {}

    def noise(self, name: str) -> Sound:
        if name not in self._kept:
            samples = {"cough": _cough, "bang": _bang}[name]()
            frames = _frames(samples)
            last = len(frames) - 1
            self._kept[name] = Sound(name, frames, _payloads(frames), {}, (last,), (0,))
        return self._kept[name]

    def utterance(self, turn: Turn, voice: str) -> Sound:
        """Takes milliseconds the first time."""
        key = (turn.say, turn.pause_ms, turn.garbled, turn.take, voice)
        if key not in self._kept:
            sound = self._render(turn, voice)
            self._kept[key] = self.by_first_frame[sound.frames[0]] = sound
        return self._kept[key]

    def _render(self, turn: Turn, voice: str) -> Sound:
        frames: list[bytes] = []
        understood: dict[int, Understood] = {}
        starts, ends = [], []
        for number, text in enumerate(turn.say):
            ends_here = number == len(turn.say) - 1
            if number:
                frames += [SILENCE] * (turn.pause_ms // FRAME_MS)
            manner = _manner(turn.take)
            speech = self._voice.render(text, voice=voice, rate_wpm=round(RATE_WPM * manner.pace))
            part, first_s = _voiced(_spoken(speech, manner))
            base = len(frames)
            frames += part
            starts.append(base)
            ends.append(len(frames) - 1)
            said: list[str] = []
            for word in speech.words[:-1]:
                said.append(word.text.strip(".,?!"))
                at = base + min(
                    len(part) - 1, max(0, math.ceil((word.end_s / manner.pitch - first_s) * 1000 / FRAME_MS) - 1)
                )
                understood[at] = Understood(" ".join(said), complete=False)
            said.append(speech.words[-1].text.strip(".,?!"))
            if turn.garbled and ends_here:
                said = _garbled(said)
            final = text if ends_here else text.rstrip(".,?!")
            pause_ms = 0 if ends_here else turn.pause_ms
            understood[ends[-1]] = Understood(" ".join(said), True, final, pause_ms)
        frames[0] = _marked(frames[0], len(self._kept))
        name = " ... ".join(turn.say)
        whole = tuple(frames)
        return Sound(name, whole, _payloads(whole), understood, tuple(ends), tuple(starts))


def _garbled(words: list[str]) -> list[str]:
    """The last word is missing where the words are many, and wrong where they are few."""
    return words[:-1] if len(words) > 5 else [*words[:-1], "thing"]


@dataclass(frozen=True)
class _Manner:
    """Times the usual, but for the gain."""

    pace: float = 1.0
    pitch: float = 1.0
    gain_db: float = 0.0


def _manner(take: int) -> _Manner:
    if not take:
        return _Manner()
    chance = random.Random(take)
    return _Manner(1 + chance.uniform(-0.12, 0.12), 1 + chance.uniform(-0.04, 0.04), chance.uniform(-4, 4))


def _spoken(speech: Speech, manner: _Manner) -> NDArray[np.int16]:
    """Pitch by another speed, which moves the whole voice up or down."""
    samples = speech.pcm16_8k.astype(np.float64)
    if manner.pitch != 1.0:
        at = np.arange(int(len(samples) / manner.pitch)) * manner.pitch
        samples = np.interp(at, np.arange(len(samples)), samples)
    return _pcm(samples * 10 ** (manner.gain_db / 20))


def _voiced(samples: NDArray[np.int16]) -> tuple[list[bytes], float]:
    """The frames from the first voiced one to the last, and the second at which they begin."""
    frames = _frames(samples)
    loud = [index for index, frame in enumerate(frames) if _dbfs(frame) > VOICED_DBFS]
    first, last = loud[0], loud[-1]
    return list(frames[first : last + 1]), first * FRAME_MS / 1000


def _frames(samples: NDArray[np.int16]) -> tuple[bytes, ...]:
    mulaw = g711.encode(samples)
    return tuple(
        _one_zero(mulaw[start : start + FRAME_BYTES].ljust(FRAME_BYTES, b"\xff"))
        for start in range(0, len(mulaw), FRAME_BYTES)
    )


def _payloads(frames: tuple[bytes, ...]) -> tuple[str, ...]:
    return tuple(base64.b64encode(frame).decode() for frame in frames)


def _dbfs(frame: bytes) -> float:
    samples = g711.decode(frame).astype(np.float64)
    rms = float(np.sqrt(np.mean(samples * samples)))
    return 20 * math.log10(max(rms, 1.0) / 32768)


def _marked(frame: bytes, number: int) -> bytes:
    if number >= 1 << MARKED_SAMPLES:
        raise ValueError("too many utterances to tell apart")
    marked = bytearray(frame)
    for bit in range(MARKED_SAMPLES):
        marked[bit] = marked[bit] & 0xFE | number >> bit & 1
    return _one_zero(bytes(marked))


def _one_zero(frame: bytes) -> bytes:
    """Mu-law has two codes for zero. With one of them a frame is the same again after it has been linear."""
    return frame.replace(b"\x7f", b"\xff")


def _cough() -> NDArray[np.int16]:
    """A burst of noise of 250 ms: a sudden beginning, a slower end."""
    count = 2000
    noise = np.random.default_rng(1).standard_normal(count)
    envelope = np.minimum(1, np.arange(count) / 120) * np.exp(-np.arange(count) / 700)
    return _pcm(noise * envelope * 6000)


def _bang() -> NDArray[np.int16]:
    """A click that decays within 80 ms."""
    count = 640
    noise = np.random.default_rng(2).standard_normal(count)
    return _pcm(noise * np.exp(-np.arange(count) / 110) * 12000)


def _pcm(samples: NDArray[np.float64]) -> NDArray[np.int16]:
    return np.asarray(samples.clip(-32000, 32000), np.int16)
