"""Google Speech-to-Text `StreamingRecognize` (gRPC), for utterances that are known by their first frame.

Both versions of the interface are served, v1 and v2, for audio of 8,000 Hz: mu-law, or linear PCM of 16 bits that
was mu-law and has not been touched otherwise.

An interim with the words so far is sent `interim_ms` after each word's last audio has arrived. Its words have no
punctuation. The final is sent `final_ms` after the last voiced audio, with punctuation; in a pause that is longer
than that, what was said so far becomes a final too, without a sentence's end. Coughs and bangs have no result. A
client that has sent its last audio still gets what is due. A stream that begins in the middle of an utterance has
the words from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import grpc
import numpy as np
from google.cloud import speech_v1, speech_v2

from call.delays import Delays
from call.sound import FRAME_BYTES, FRAME_MS, SILENCE, Sound, Sounds, Understood
from rehearsal import g711

STABILITY = 0.9
CONFIDENCE = 0.94
RATE = 8000
LINEAR16 = int(speech_v1.RecognitionConfig.AudioEncoding.LINEAR16)
"""v2 has the same number for it."""


def _message(wrapper: Any) -> Any:
    """The generated class, without its proto-plus wrapper."""
    return type(wrapper.pb(wrapper()))


@dataclass(frozen=True)
class _Version:
    """What differs between the versions of the interface."""

    service: str
    request: Any
    response: Any
    audio: int
    """Tag of the field that holds audio. A message with audio holds nothing else."""
    explicit: bool
    """Encoding and rate stand in a message of their own."""

    def encoding(self, first: bytes) -> tuple[bool, int]:
        """From a stream's first message: whether its audio is linear, and its rate in Hz."""
        config = self.request.FromString(first).streaming_config.config
        decoding = config.explicit_decoding_config if self.explicit else config
        return decoding.encoding == LINEAR16, decoding.sample_rate_hertz


VERSIONS = (
    _Version(
        "google.cloud.speech.v1.Speech",
        _message(speech_v1.StreamingRecognizeRequest),
        _message(speech_v1.StreamingRecognizeResponse),
        audio=2 << 3 | 2,
        explicit=False,
    ),
    _Version(
        "google.cloud.speech.v2.Speech",
        _message(speech_v2.StreamingRecognizeRequest),
        _message(speech_v2.StreamingRecognizeResponse),
        audio=5 << 3 | 2,
        explicit=True,
    ),
)


async def start(sounds: Sounds, delays: Delays) -> tuple[grpc.aio.Server, int]:
    """Serve on loopback, without TLS, on any free port."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(tuple(_service(version, sounds, delays) for version in VERSIONS))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port


def _service(version: _Version, sounds: Sounds, delays: Delays) -> Any:
    async def streaming_recognize(_: Any, context: Any) -> None:
        await _Stream(version, sounds, delays, context).run()

    # Requests stay bytes: parsing the message would cost more than all else that is done with it.
    handler: Any = grpc.stream_stream_rpc_method_handler(
        streaming_recognize, response_serializer=version.response.SerializeToString
    )
    return grpc.method_handlers_generic_handler(version.service, {"StreamingRecognize": handler})


class _Stream:
    """One call of StreamingRecognize."""

    def __init__(self, version: _Version, sounds: Sounds, delays: Delays, context: Any) -> None:
        self._version = version
        self._delays = delays
        self._context = context
        self._results: asyncio.Queue[Any] = asyncio.Queue()
        self._owed = 0
        """Results that are due some time."""
        self._heard_all = False
        self._hearing = Hearing(sounds.by_first_frame, self._understood)
        self._said_before = ""
        """Words before a pause that was too short for a final."""
        self._loop = asyncio.get_running_loop()

    async def run(self) -> None:
        first = await self._context.read()
        if first is grpc.aio.EOF:
            return
        linear, rate = self._version.encoding(first)
        if rate != RATE:
            problem = f"audio of {RATE} Hz is understood, not of {rate}"
            await self._context.abort(grpc.StatusCode.INVALID_ARGUMENT, problem)
        writing = asyncio.create_task(self._write())
        try:
            while (message := await self._context.read()) is not grpc.aio.EOF:
                if message[0] == self._version.audio:
                    audio = _audio(message)
                    self._hearing.feed(g711.encode(np.frombuffer(audio, "<i2")) if linear else audio)
            self._heard_all = True
            if self._owed:
                await writing
        finally:
            writing.cancel()

    async def _write(self) -> None:
        while self._owed or not self._heard_all:
            await self._context.write(await self._results.get())
            self._owed -= 1

    def _understood(self, words: Understood, end_ms: int) -> None:
        delays = self._delays
        text = f"{self._said_before} {words.text}".lstrip()
        self._due(delays.interim_ms, self._result(text, end_ms, final=False))
        if not words.complete:
            return
        if words.pause_ms and not (delays.finals_in_pauses and words.pause_ms > delays.final_ms):
            self._said_before = words.final_text
            return
        final = f"{self._said_before} {words.final_text}".lstrip()
        self._said_before = ""
        self._due(delays.final_ms, self._result(final, end_ms, final=True))

    def _due(self, delay_ms: float, result: Any) -> None:
        self._owed += 1
        if delay_ms:
            self._loop.call_later(delay_ms / 1000, self._results.put_nowait, result)
        else:
            self._results.put_nowait(result)

    def _result(self, text: str, end_ms: int, *, final: bool) -> Any:
        response = self._version.response()
        result = response.results.add()
        alternative = result.alternatives.add()
        alternative.transcript = text
        result.is_final = final
        if final:
            alternative.confidence = CONFIDENCE
        else:
            result.stability = STABILITY
        end = result.result_end_offset if self._version.explicit else result.result_end_time
        end.FromMilliseconds(end_ms)
        result.language_code = "en-us"
        return response


class Hearing:
    """Follows one stream's audio. `understood(words, end_ms)` is called as their last frame arrives."""

    def __init__(self, known: dict[bytes, Sound], understood: Callable[[Understood, int], None]) -> None:
        self._known = known
        self._tell = understood
        self._frames = 0
        self._sound: Sound | None = None
        self._at = 0
        self._heard_nothing = True
        self._missed = 0
        """Words of this part that were said before the stream began."""
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
            sound, self._at = self._known.get(frame), 0
            if sound is None and self._heard_nothing:
                sound = self._begun_before(frame)
            self._sound, self._heard_nothing = sound, False
            if sound is None:
                return
        words = sound.understood.get(self._at)
        if words is not None:
            self._tell(_without_first(self._missed, words), self._frames * FRAME_MS)
            self._missed = 0 if words.complete else self._missed
        if self._at == sound.last:
            self._sound = None

    def _begun_before(self, frame: bytes) -> Sound | None:
        sound = next((sound for sound in self._known.values() if frame in sound.frames), None)
        if sound is not None:
            self._at = sound.frames.index(frame)
            before = [words for at, words in sound.understood.items() if at < self._at]
            self._missed = len(before[-1].text.split()) if before and not before[-1].complete else 0
        return sound


def _without_first(count: int, words: Understood) -> Understood:
    text, final_text = (" ".join(said.split()[count:]) for said in (words.text, words.final_text))
    return replace(words, text=text, final_text=final_text) if count else words


def _audio(message: bytes) -> bytes:
    """The content of the audio field: a varint with its length, then the bytes."""
    at, shift, length = 1, 0, 0
    while True:
        byte = message[at]
        length |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return message[at : at + length]
