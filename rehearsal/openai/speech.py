"""`POST /v1/audio/speech` (OpenAI API reference, "Create speech"): text in, audio out, streamed as it is made.

`pcm` is 24 kHz, 16 bits, little-endian, one channel, without a header; `wav` has one. The first byte comes after
`speechFirstByteMs`, the rest at `speechSpeed` times real time, in chunks that may split a sample in two.
"""

from __future__ import annotations

import asyncio
import struct

from aiohttp import web

from rehearsal.openai.errors import check_key, json_object, refusal
from rehearsal.scenario import Fault
from rehearsal.state import RehearsalState
from rehearsal.voice import DEFAULT_RATE_WPM, SAMPLE_RATE, Speech

MOST_CHARACTERS = 4096
"""OpenAI's own limit."""
CHUNK_BYTES = 4801
"""About 100 ms, and odd: a reader must carry half a sample to the next chunk."""
SLOW_S = 5.0
FORMATS = {"pcm": "audio/pcm", "wav": "audio/wav"}
VOICES = {
    "alloy": "en-us+f5",
    "ash": "en-us+m3",
    "ballad": "en-us+m4",
    "coral": "en-us+f2",
    "echo": "en-us+m1",
    "fable": "en-gb+m2",
    "nova": "en-us+f1",
    "onyx": "en-us+m7",
    "sage": "en-us+f4",
    "shimmer": "en-us+f3",
    "verse": "en-us+m5",
}
"""OpenAI's voices, and which of espeak-ng's speaks for each."""


class SpeechSynthesis:
    def __init__(self, state: RehearsalState) -> None:
        self._state = state

    async def create(self, request: web.Request) -> web.StreamResponse:
        check_key(request)
        text, voice, kind, rate = _order(await json_object(request))
        fault = self._state.faults.take("speech")
        if fault is not None and fault.kind == "error":
            raise refusal(500, "The server had an error while processing your request.", kind="server_error")
        loop = asyncio.get_running_loop()
        due = loop.time() + self._state.delays.speech_first_byte_ms / 1000
        if fault is not None and fault.kind == "slow":
            due += SLOW_S if fault.at is None else fault.at
        speech = await asyncio.to_thread(self._state.voice.render, text, voice=VOICES[voice], rate_wpm=rate)
        # Before the audio goes out: whoever hears it must be able to recognise it.
        self._state.phrasebook.add(speech)
        audio = b"" if fault is not None and fault.kind == "empty" else _bytes(speech, kind)
        return await self._stream(request, audio, kind, due, fault)

    async def _stream(
        self, request: web.Request, audio: bytes, kind: str, due: float, fault: Fault | None
    ) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        response = web.StreamResponse(headers={"Content-Type": FORMATS[kind]})
        response.enable_chunked_encoding()
        await asyncio.sleep(max(0.0, due - loop.time()))
        await response.prepare(request)
        speed = self._state.delays.speech_speed
        for start in range(0, len(audio), CHUNK_BYTES):
            if speed:
                wait = due + start / (SAMPLE_RATE * 2 * speed) - loop.time()
                await asyncio.sleep(max(0.0, wait))
            await response.write(audio[start : start + CHUNK_BYTES])
            if fault is not None and fault.kind == "die" and start + CHUNK_BYTES >= len(audio) // 2:
                if request.transport is not None:
                    request.transport.abort()
                return response
        await response.write_eof()
        return response


def _order(body: dict[str, object]) -> tuple[str, str, str, int]:
    """Text, voice, format and words per minute. Raises the refusal."""
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise refusal(400, "you must provide a model parameter", param="model")
    text = body.get("input")
    if not isinstance(text, str) or not text.strip():
        raise refusal(400, "input must be a text that is not empty", param="input")
    if len(text) > MOST_CHARACTERS:
        raise refusal(400, f"input must have at most {MOST_CHARACTERS} characters", param="input")
    voice = body.get("voice")
    if not isinstance(voice, str) or voice not in VOICES:
        raise refusal(400, f"voice must be one of {', '.join(VOICES)}", param="voice")
    kind = body.get("response_format", "mp3")
    if not isinstance(kind, str) or kind not in FORMATS:
        raise refusal(
            400, "response_format must be pcm or wav: this stand-in makes no other", param="response_format"
        )
    speed = body.get("speed", 1.0)
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0.25 <= speed <= 4:
        raise refusal(400, "speed must be a number from 0.25 to 4", param="speed")
    # espeak-ng knows 80 to 450 words a minute.
    return text, voice, kind, max(80, min(450, round(DEFAULT_RATE_WPM * speed)))


def _bytes(speech: Speech, kind: str) -> bytes:
    pcm = speech.pcm16_24k.astype("<i2").tobytes()
    return _wav_header(len(pcm)) + pcm if kind == "wav" else pcm


def _wav_header(size: int) -> bytes:
    """RIFF/WAVE: one channel of 16-bit PCM."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLE_RATE, SAMPLE_RATE * 2, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE") + form + struct.pack("<4sI", b"data", size)
