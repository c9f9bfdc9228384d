"""A line that plays what it is sent and keeps the sound, and a voice with real speech, in (virtual) real time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import numpy as np
from numpy.typing import NDArray

from rehearsal.voice import Voice as Espeak
from worker.audio.g711 import decode
from worker.audio.resample import PcmToMulaw
from worker.phone.media import MediaEvent

RATE = 8_000
ESPEAK = Espeak()


def now() -> float:
    return asyncio.get_running_loop().time()


class Recorder:
    """The carrier's end of a media stream, `away_s` from here each way. It plays what has come, in real time."""

    def __init__(self, away_s: float = 0.0) -> None:
        self.on_mark: Callable[[str], None] = lambda name: None
        self._away_s = away_s
        self._pieces: list[tuple[float, bytes]] = []  # when each begins to play
        self._marks: dict[str, asyncio.TimerHandle] = {}
        self._ends = 0.0
        self.begun = asyncio.Event()
        """Something has been sent."""

    @property
    def began_at(self) -> float:
        return self._pieces[0][0]

    @property
    def sound(self) -> bytes:
        """From the first sample played to the last; where nothing was there to be played it is silent."""
        out = bytearray()
        start = self._pieces[0][0]
        for at, audio in self._pieces:
            out += b"\xff" * (round((at - start) * RATE) - len(out))
            out += audio
        return bytes(out)

    @property
    def gaps_s(self) -> list[float]:
        """How long nothing was there to be played, between two pieces."""
        ends = [at + len(audio) / RATE for at, audio in self._pieces]
        return [at - end for (at, _), end in zip(self._pieces[1:], ends, strict=False) if at - end > 1e-6]

    async def send_audio(self, mulaw: bytes) -> None:
        start = max(self._ends, now() + self._away_s)
        self._pieces.append((start, mulaw))
        self.begun.set()
        self._ends = start + len(mulaw) / RATE

    def take_pairs(self, wanted: bool) -> None: ...

    async def send_mark(self, name: str) -> None:
        at = max(self._ends, now() + self._away_s) + self._away_s
        self._marks[name] = asyncio.get_running_loop().call_at(at, self._echo, name)

    async def clear(self) -> None:
        at = now() + self._away_s
        kept = [(start, audio[: max(0, round((at - start) * RATE))]) for start, audio in self._pieces]
        self._pieces = [(start, audio) for start, audio in kept if audio]
        self._ends = min(self._ends, at)
        for name, timer in list(self._marks.items()):
            timer.cancel()
            self._marks[name] = asyncio.get_running_loop().call_at(at + self._away_s, self._echo, name)

    async def close(self) -> None: ...

    async def events(self) -> AsyncIterator[MediaEvent]:
        raise NotImplementedError
        yield

    def _echo(self, name: str) -> None:
        self._marks.pop(name, None)
        self.on_mark(name)


class SpeakingVoice:
    """espeak-ng as a vendor would stream it: 24 kHz in pieces of 100 ms, four times as fast as it is spoken, with
    as much silence (and the noise of it) around it as vendors put there."""

    def __init__(
        self, *, before_s: float = 0.0, after_s: float = 0.0, gain_db: float = 0.0, first_s: float = 0.25
    ):
        self.before_s, self.after_s = before_s, after_s
        self.gain_db = gain_db
        self.first_s = first_s
        self.said: dict[str, bytes] = {}
        """What each text sounds like, without the silence."""

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        speech = ESPEAK.render(text.strip(), voice="en-us+f5").pcm16_24k.astype(np.float64)
        wave = speech * 10 ** (self.gain_db / 20)
        self.said[text.strip()] = mulaw_of(wave)
        noise = np.random.default_rng(1).normal(0, 8, round((self.before_s + self.after_s) * 24_000))
        before = round(self.before_s * 24_000)
        whole = np.concatenate([noise[:before], wave, noise[before:]])
        pcm = np.clip(np.round(whole), -32768, 32767).astype("<i2").tobytes()
        converter = PcmToMulaw()
        await asyncio.sleep(self.first_s)
        for start in range(0, len(pcm), 4_801):
            if mulaw := converter.feed(pcm[start : start + 4_801]):
                yield mulaw
            await asyncio.sleep(0.025)
        yield converter.flush()

    async def warm_up(self) -> None: ...
    async def close(self) -> None: ...


def mulaw_of(wave: NDArray[np.float64]) -> bytes:
    converter = PcmToMulaw()
    pcm = np.clip(np.round(wave), -32768, 32767).astype("<i2").tobytes()
    return converter.feed(pcm) + converter.flush()


def linear(mulaw: bytes) -> NDArray[np.float64]:
    return decode(mulaw).astype(np.float64) / 32768


def db(power: float) -> float:
    return 10 * float(np.log10(power + 1e-12))


def is_sound(mulaw: bytes, above_dbfs: float = -54.0) -> NDArray[np.bool_]:
    """By frames of 5 ms."""
    wave = linear(mulaw)
    frames = wave[: len(wave) // 40 * 40].reshape(-1, 40)
    return np.asarray((frames**2).mean(axis=1) > 10 ** (above_dbfs / 10))


def sound_of(mulaw: bytes, above_dbfs: float = -54.0) -> tuple[int, int]:
    """Where the sound begins and ends."""
    loud = np.flatnonzero(is_sound(mulaw, above_dbfs))
    return int(loud[0]) * 40, int(loud[-1] + 1) * 40
