"""The rehearsal's voice: espeak-ng, loaded at run time as a shared library.

espeak-ng comes with its voices in the PyPI wheel `espeakng-loader` (GPL-3.0, so this folder only).
The library keeps global state (one voice, one rate, one callback), hence one lock around it; it renders
about a thousand times faster than real time, so nobody waits long.

Voices are espeak-ng's: a language, perhaps with a variant (`en-us`, `en-gb`, `en-us+f3`). A text may hold
`[pause 0.7]` marks: that many seconds of silence, not spoken and not part of the words.
"""

from __future__ import annotations

import ctypes
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

from rehearsal.resample import resample

SAMPLE_RATE = 24_000
"""What OpenAI's speech endpoint calls `pcm`; 8 kHz for the telephone is exactly a third."""
DEFAULT_VOICE = "en-us"
DEFAULT_RATE_WPM = 170
CACHE_SECONDS = 1200.0
"""Rendered speech kept: 20 minutes at 24 kHz are 58 MB."""

_ESPEAK_RATE = 22_050
_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_UTF8 = 1
_POSITION_IS_CHARACTER = 1
_PARAMETER_RATE = 1
_EVENT_END = 0
_EVENT_WORD = 1
_AUDIBLE = 0.02
"""Amplitude (of full scale) below which the end of a word counts as the pause after it."""
_ALIASES = {"en-gb": "en"}
"""Names in use for what espeak-ng calls otherwise."""
_PAUSE = re.compile(r"\s*\[pause (\d+(?:\.\d+)?)\]\s*")


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it stands in the text, punctuation included; seconds from the start of the clip."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Speech:
    """A rendered text. Don't write to its arrays: they are shared."""

    text: str
    voice: str
    rate_wpm: int
    pcm16_24k: NDArray[np.int16]
    words: tuple[Word, ...]

    @cached_property
    def pcm16_8k(self) -> NDArray[np.int16]:
        return resample(self.pcm16_24k, SAMPLE_RATE, 8000)

    @property
    def key(self) -> tuple[str, str, int]:
        return self.text, self.voice, self.rate_wpm

    @property
    def duration_s(self) -> float:
        return self.pcm16_24k.size / SAMPLE_RATE


class UnknownVoice(ValueError):
    """espeak-ng has no such language or variant."""


class _Event(ctypes.Structure):
    """`espeak_EVENT` of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class _Espeak:
    """The library, initialised once per process; callers hold `lock`."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._library: Any = None
        self._keep: Any = None
        self._pieces: list[NDArray[np.int16]] = []
        self._marks: list[tuple[int, int]] = []
        self._variants: set[str] = set()

    def _load(self) -> None:
        data = Path(espeakng_loader.get_data_path())
        library = ctypes.CDLL(espeakng_loader.get_library_path())
        rate = library.espeak_Initialize(_SYNCHRONOUS, 200, str(data).encode(), _DONT_EXIT)
        if rate != _ESPEAK_RATE:
            raise RuntimeError(f"espeak-ng did not start with its data in {data} (answer {rate})")
        self._variants = {path.name for path in (data / "voices" / "!v").iterdir()}
        self._keep = _Callback(self._collect)
        library.espeak_SetSynthCallback(self._keep)
        self._library = library

    def _collect(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self._pieces.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
        index = 0
        while events[index].type != _EVENT_END:
            if events[index].type == _EVENT_WORD:
                self._marks.append((events[index].text_position - 1, events[index].sample))
            index += 1
        return 0

    def synthesise(self, text: str, voice: str, rate_wpm: int) -> tuple[NDArray[np.int16], list[tuple[int, int]]]:
        """Samples at 22,050 Hz, and (character index, sample) where each word starts."""
        if self._library is None:
            self._load()
        language, plus, variant = voice.partition("+")
        name = _ALIASES.get(language, language) + plus + variant
        if (variant and variant not in self._variants) or self._library.espeak_SetVoiceByName(name.encode()):
            raise UnknownVoice(f"voice {voice!r} is not one of espeak-ng's; try en-us, en-gb or en-us+f3")
        self._library.espeak_SetParameter(_PARAMETER_RATE, rate_wpm, 0)
        self._pieces, self._marks = [], []
        data = text.encode()
        failed = self._library.espeak_Synth(data, len(data) + 1, 0, _POSITION_IS_CHARACTER, 0, _UTF8, None, None)
        if failed:
            raise RuntimeError(f"espeak-ng could not render {text[:40]!r} (answer {failed})")
        samples = np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.int16)
        return samples, self._marks


_espeak = _Espeak()


class Voice:
    """Renders text to speech, and remembers what it rendered. Safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cache: OrderedDict[tuple[str, str, int], Speech] = OrderedDict()
        self._cached_s = 0.0

    def render(self, text: str, *, voice: str = DEFAULT_VOICE, rate_wpm: int = DEFAULT_RATE_WPM) -> Speech:
        """The text as speech; takes milliseconds, so call it by `asyncio.to_thread`.

        Raises `UnknownVoice`. A text without anything to say gives an empty clip.
        """
        key = (text, voice, rate_wpm)
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        speech = _render(text, voice, rate_wpm)
        with self._lock:
            if key not in self._cache:
                self._cached_s += speech.duration_s
            self._cache[key] = speech
            while self._cached_s > CACHE_SECONDS and len(self._cache) > 1:
                self._cached_s -= self._cache.popitem(last=False)[1].duration_s
        return speech


def _render(text: str, voice: str, rate_wpm: int) -> Speech:
    clips: list[NDArray[np.int16]] = []
    words: list[Word] = []
    offset_s = 0.0
    pieces = _PAUSE.split(text)  # text, seconds, text, seconds, ... text
    for index, piece in enumerate(pieces):
        if index % 2:
            clip = np.zeros(round(float(piece) * SAMPLE_RATE), np.int16)
        else:
            with _espeak.lock:
                raw, marks = _espeak.synthesise(piece, voice, rate_wpm)
            words += _words(piece, raw, marks, offset_s)
            clip = resample(raw, _ESPEAK_RATE, SAMPLE_RATE)
        clips.append(clip)
        offset_s += clip.size / SAMPLE_RATE
    spoken = " ".join(piece.strip() for piece in pieces[::2] if piece.strip())
    pcm = np.concatenate(clips)
    pcm.flags.writeable = False
    return Speech(spoken, voice, rate_wpm, pcm, tuple(words))


def _words(text: str, raw: NDArray[np.int16], marks: list[tuple[int, int]], offset_s: float) -> list[Word]:
    """One `Word` per blank-separated token that espeak-ng spoke (it may mark several in one, or none)."""
    starts: dict[int, int] = {}
    tokens = [(match.start(), match.end(), match.group()) for match in re.finditer(r"\S+", text)]
    for character, sample in marks:
        for index, (_, end, _) in enumerate(tokens):
            if character < end:
                starts.setdefault(index, min(sample, raw.size))
                break
    ordered = sorted(starts.items())
    words: list[Word] = []
    for place, (index, start) in enumerate(ordered):
        limit = ordered[place + 1][1] if place + 1 < len(ordered) else raw.size
        loud = np.flatnonzero(np.abs(raw[start:limit].astype(np.int32)) > _AUDIBLE * 32768)
        end = start + int(loud[-1]) + 1 if loud.size else limit
        following = ordered[place + 1][0] if place + 1 < len(ordered) else len(tokens)
        label = " ".join(token for _, _, token in tokens[index:following])
        if place == 0 and index > 0:
            label = " ".join(token for _, _, token in tokens[:index]) + " " + label
        words.append(Word(label, offset_s + start / _ESPEAK_RATE, offset_s + end / _ESPEAK_RATE))
    return words
