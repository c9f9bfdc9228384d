"""Google Speech-to-Text v1 `StreamingRecognize` (gRPC), for utterances that are known by their first frame.

An interim with the words so far is sent `interim_ms` after each word's last audio has arrived. Its words have no
punctuation. The final is sent `final_ms` after the last voiced audio, with punctuation; in a pause that is longer
than that, what was said so far becomes a final too, without a sentence's end. Coughs and bangs have no result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
from google.cloud import speech_v1

from call.delays import Delays
from call.sound import FRAME_BYTES, FRAME_MS, SILENCE, Sound, Sounds, Understood

STABILITY = 0.9
CONFIDENCE = 0.94

# The generated messages, without their proto-plus wrappers.
_Request: Any = type(speech_v1.StreamingRecognizeRequest.pb(speech_v1.StreamingRecognizeRequest()))
_Response: Any = type(speech_v1.StreamingRecognizeResponse.pb(speech_v1.StreamingRecognizeResponse()))

_AUDIO_CONTENT = 0x12
"""Tag of field 2 (`audio_content`): bytes. A message that holds audio holds nothing else."""


async def start(sounds: Sounds, delays: Delays) -> tuple[grpc.aio.Server, int]:
    """Serve on loopback, without TLS, on any free port."""

    async def streaming_recognize(_: Any, context: Any) -> None:
        await _Stream(sounds, delays, context).run()

    # Requests stay bytes: parsing the message would cost more than all else that is done with it.
    handler: Any = grpc.stream_stream_rpc_method_handler(
        streaming_recognize, response_serializer=_Response.SerializeToString
    )
    service = grpc.method_handlers_generic_handler(
        "google.cloud.speech.v1.Speech", {"StreamingRecognize": handler}
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port


class _Stream:
    """One call of StreamingRecognize."""

    def __init__(self, sounds: Sounds, delays: Delays, context: Any) -> None:
        self._delays = delays
        self._context = context
        self._results: asyncio.Queue[Any] = asyncio.Queue()
        self._hearing = Hearing(sounds.by_first_frame, self._understood)
        self._said_before = ""
        """Words before a pause that was too short for a final."""
        self._loop = asyncio.get_running_loop()

    async def run(self) -> None:
        writing = asyncio.create_task(self._write())
        try:
            while (message := await self._context.read()) is not grpc.aio.EOF:
                if message[0] == _AUDIO_CONTENT:
                    self._hearing.feed(_audio(message))
        finally:
            writing.cancel()

    async def _write(self) -> None:
        while True:
            await self._context.write(await self._results.get())

    def _understood(self, words: Understood, end_ms: int) -> None:
        delays = self._delays
        text = f"{self._said_before} {words.text}".lstrip()
        self._due(delays.interim_ms, _result(text, end_ms, final=False))
        if not words.complete:
            return
        if words.pause_ms and not (delays.finals_in_pauses and words.pause_ms > delays.final_ms):
            self._said_before = words.final_text
            return
        final = f"{self._said_before} {words.final_text}".lstrip()
        self._said_before = ""
        self._due(delays.final_ms, _result(final, end_ms, final=True))

    def _due(self, delay_ms: float, result: Any) -> None:
        if delay_ms:
            self._loop.call_later(delay_ms / 1000, self._results.put_nowait, result)
        else:
            self._results.put_nowait(result)


class Hearing:
    """Follows one stream's audio. `understood(words, end_ms)` is called as their last frame arrives."""

    def __init__(self, known: dict[bytes, Sound], understood: Callable[[Understood, int], None]) -> None:
        self._known = known
        self._tell = understood
        self._frames = 0
        self._sound: Sound | None = None
        self._at = 0
        self._rest = b""

    def feed(self, audio: bytes) -> None:
        if self._rest or len(audio) % FRAME_BYTES:
            audio = self._rest + audio
            whole = len(audio) // FRAME_BYTES * FRAME_BYTES
            audio, self._rest = audio[:whole], audio[whole:]
        for start in range(0, len(audio), FRAME_BYTES):
            self._hear(audio if len(audio) == FRAME_BYTES else audio[start : start + FRAME_BYTES])

    def _hear(self, frame: bytes) -> None:
        self._frames += 1
        sound = self._sound
        if sound is not None and sound.frames[self._at + 1] == frame:
            self._at += 1
        elif frame == SILENCE and sound is None:
            return
        else:  # the beginning of an utterance, or (audio was lost) of no known sound
            sound = self._sound = self._known.get(frame)
            self._at = 0
            if sound is None:
                return
        words = sound.understood.get(self._at)
        if words is not None:
            self._tell(words, self._frames * FRAME_MS)
        if self._at == sound.last:
            self._sound = None


def _audio(message: bytes) -> bytes:
    """The content of field 2: a varint with its length, then the bytes."""
    at, shift, length = 1, 0, 0
    while True:
        byte = message[at]
        length |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return message[at : at + length]


def _result(text: str, end_ms: int, *, final: bool) -> Any:
    response = _Response()
    result = response.results.add()
    alternative = result.alternatives.add()
    alternative.transcript = text
    result.is_final = final
    if final:
        alternative.confidence = CONFIDENCE
    else:
        result.stability = STABILITY
    result.result_end_time.FromMilliseconds(end_ms)
    result.language_code = "en-us"
    return response
