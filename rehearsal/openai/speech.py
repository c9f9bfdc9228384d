"""`POST /audio/speech`: https://platform.openai.com/docs/api-reference/audio/createSpeech

Served: `response_format` `pcm` (24,000 Hz, 16 bits, little-endian, mono, no header) and `wav`, streamed: the
first byte `speech_first_byte_ms` after the request, then `speech_speed` times real time. Pieces end anywhere,
also in the middle of a sample. OpenAI's other formats are refused, as there is no encoder here.

`voice` is one of OpenAI's names, each an espeak-ng voice here, or an espeak-ng voice itself.

Faults (`on: speech`), one for each request: `error` answers 500; `empty` answers no audio; `slow` waits `at`
seconds (5) more; `die` breaks the connection in the middle of the audio.
"""

from __future__ import annotations

import asyncio
import struct
import time
from typing import Any

from aiohttp import web

from rehearsal.openai.errors import ApiError
from rehearsal.openai.shared import SLOW_S, STATE, State, read_body, required_text
from rehearsal.voice import DEFAULT_RATE_WPM, SAMPLE_RATE, Speech, UnknownVoice

MAX_INPUT_CHARS = 4096
MIN_SPEED, MAX_SPEED = 0.25, 4.0
FORMATS = {"pcm": "audio/pcm", "wav": "audio/wav"}
REFUSED_FORMATS = ("mp3", "opus", "aac", "flac")
VOICES = {
    "alloy": "en-us",
    "ash": "en-us+m1",
    "ballad": "en-us+m2",
    "coral": "en-us+f1",
    "echo": "en-us+m3",
    "fable": "en-us+m4",
    "nova": "en-us+f2",
    "onyx": "en-us+m7",
    "sage": "en-us+f4",
    "shimmer": "en-us+f5",
    "verse": "en-us+m6",
    "marin": "en-us+f3",
    "cedar": "en-us+m8",
}
PIECE_S = 0.1
PIECE_OFFSETS = (1, 0, -1, 2, 3)
"""Bytes by which pieces in turn are longer than 0.1 s, so that odd sizes are met all the time."""
_WAV_SIZE_UNKNOWN = 0xFFFFFFFF


async def create(request: web.Request) -> web.StreamResponse:
    arrived = time.monotonic()
    state = request.app[STATE]
    body = await read_body(request)
    text, voice, form, rate_wpm = _checked(body)
    fault = state.faults.take("speech")
    speech = await asyncio.to_thread(_render, state, text, voice, rate_wpm)
    audio = speech.pcm16_24k.astype("<i2").tobytes()
    if fault is not None and fault.kind == "empty":
        audio = b""
    dies_at = len(audio) // 2 if fault is not None and fault.kind == "die" else None
    if form == "wav":
        audio = _wav_header() + audio
    wait_s = state.delays.speech_first_byte_ms / 1000
    if fault is not None and fault.kind == "slow":
        wait_s += SLOW_S if fault.at is None else fault.at
    await asyncio.sleep(max(arrived + wait_s - time.monotonic(), 0))
    if fault is not None and fault.kind == "error":
        raise ApiError(500, "The server had an error while processing your request. Sorry about that!")
    return await _stream(request, audio, FORMATS[form], state.delays.speech_speed, dies_at)


def _checked(body: dict[str, Any]) -> tuple[str, str, str, int]:
    """The text, the espeak-ng voice, the format and the words per minute."""
    required_text(body, "model")
    text = required_text(body, "input")
    if not text.strip():
        raise ApiError(400, "'input' must not be empty.", param="input")
    if len(text) > MAX_INPUT_CHARS:
        message = f"'input' has {len(text)} characters; at most {MAX_INPUT_CHARS} are allowed."
        raise ApiError(400, message, param="input", code="string_above_max_length")
    voice = required_text(body, "voice")
    form = body.get("response_format", "mp3")
    if form in REFUSED_FORMATS:
        message = f"The rehearsal has no encoder for '{form}': set response_format to 'pcm' or 'wav'."
        raise ApiError(400, message, param="response_format")
    if form not in FORMATS:
        allowed = ", ".join(repr(name) for name in (*REFUSED_FORMATS, *FORMATS))
        raise ApiError(400, f"Invalid response_format {form!r}: one of {allowed}.", param="response_format")
    speed = body.get("speed", 1.0)
    if not isinstance(speed, int | float) or not MIN_SPEED <= speed <= MAX_SPEED:
        raise ApiError(400, f"'speed' must be between {MIN_SPEED} and {MAX_SPEED}.", param="speed")
    return text, VOICES.get(voice, voice), form, round(DEFAULT_RATE_WPM * speed)


def _render(state: State, text: str, voice: str, rate_wpm: int) -> Speech:
    """Render, and make it known to the ears before anybody can hear it."""
    try:
        speech = state.voice.render(text, voice=voice, rate_wpm=rate_wpm)
    except UnknownVoice:
        message = f"Invalid voice {voice!r}: one of {', '.join(VOICES)}."
        raise ApiError(400, message, param="voice") from None
    state.phrasebook.add(speech)
    return speech


async def _stream(
    request: web.Request, audio: bytes, content_type: str, speed: float, dies_at: int | None
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type})
    started = time.monotonic()
    sent = 0
    try:
        await response.prepare(request)
        while sent < len(audio):
            if speed:
                await asyncio.sleep(max(started + sent / (2 * SAMPLE_RATE * speed) - time.monotonic(), 0))
            if dies_at is not None and sent >= dies_at:
                if request.transport is not None:
                    request.transport.abort()
                return response
            size = round(PIECE_S * 2 * SAMPLE_RATE) + PIECE_OFFSETS[sent // 4000 % len(PIECE_OFFSETS)]
            await response.write(audio[sent : sent + size])
            sent += size
        await response.write_eof()
    except ConnectionResetError:
        pass  # the client has heard enough
    return response


def _wav_header() -> bytes:
    """Of a stream whose length isn't known yet, as OpenAI's."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLE_RATE, SAMPLE_RATE * 2, 2, 16)
    riff = struct.pack("<4sI4s", b"RIFF", _WAV_SIZE_UNKNOWN, b"WAVE")
    return riff + form + struct.pack("<4sI", b"data", _WAV_SIZE_UNKNOWN)
