"""Google Cloud Text-to-Speech v1 `StreamingSynthesize` over gRPC, spoken by espeak-ng.

The wire is Google's (cloud.google.com/text-to-speech/docs/reference/rpc/google.cloud.texttospeech.v1): the first
message holds `streaming_config`, all others `input` with a `text`; the answers hold `audio_content`, without a
header. Served: voices of the Chirp 3 HD family, `MULAW` and `PCM`, at 8,000 or 24,000 Hz (24,000 where no rate is
given). `speaking_rate` is heeded; other settings are accepted and have no effect.

Each text is spoken when it has come. The first audio follows `speechFirstByteMs` after its text, the rest at
`speechSpeed` times real time, in pieces of 100 ms. The stream ends when the client has sent all and everything is
spoken.

Refused, with Google's codes: a first message without configuration, another voice, encoding or rate and a text of
more than 5,000 bytes are INVALID_ARGUMENT; five seconds without a message, while nothing is being spoken, end the
stream with ABORTED.

Faults (`on: speech`), struck when a stream opens: `error` ends it with INTERNAL; `slow` gives the first audio `at`
seconds later (5); `empty` speaks nothing; `die` breaks off with UNAVAILABLE halfway.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any, NoReturn, Protocol

import grpc
import numpy as np
from google.cloud import texttospeech_v1
from numpy.typing import NDArray

from rehearsal import g711
from rehearsal.delays import Delays
from rehearsal.ear import PhraseBook
from rehearsal.faults import Faults
from rehearsal.scenario import Fault
from rehearsal.voice import DEFAULT_RATE_WPM, SAMPLE_RATE, Speech, Voice

SERVICE = "google.cloud.texttospeech.v1.TextToSpeech"
MAX_TEXT_BYTES = 5_000
MAX_INPUT_GAP_S = 5.0
PIECE_S = 0.1
SLOW_S = 5.0
RATES = (g711.SAMPLE_RATE, SAMPLE_RATE)

_NAME = re.compile(r"[a-z]{2,3}-[A-Z]{2}-Chirp3-HD-[A-Z][a-z]+")
_VARIANTS = ("f5", "m3", "f2", "m1", "f1", "m7", "f4", "m5")
"""espeak-ng's, of which each of Google's voices has one."""

# The generated messages, without their proto-plus wrappers.
_Request: Any = type(texttospeech_v1.StreamingSynthesizeRequest.pb(texttospeech_v1.StreamingSynthesizeRequest()))
_Response: Any = type(
    texttospeech_v1.StreamingSynthesizeResponse.pb(texttospeech_v1.StreamingSynthesizeResponse())
)
_Encoding: Any = texttospeech_v1.AudioEncoding


class State(Protocol):
    """What the voice needs of the rehearsal's state."""

    @property
    def voice(self) -> Voice: ...
    @property
    def phrasebook(self) -> PhraseBook: ...
    @property
    def delays(self) -> Delays: ...
    @property
    def faults(self) -> Faults: ...


class _Refused(Exception):
    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def handler(state: State) -> grpc.GenericRpcHandler:
    """The service, for a gRPC server."""
    method = grpc.stream_stream_rpc_method_handler(
        _Service(state).streaming_synthesize,
        request_deserializer=_Request.FromString,
        response_serializer=_Response.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(SERVICE, {"StreamingSynthesize": method})


class _Service:
    def __init__(self, state: State) -> None:
        self._state = state

    async def streaming_synthesize(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        try:
            async for response in self._responses(requests):
                yield response
        except _Refused as refused:
            await context.abort(refused.code, refused.message)

    async def _responses(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        fault = self._state.faults.take("speech")
        config = await self._configuration(requests)
        if fault is not None and fault.kind == "error":
            raise _Refused(grpc.StatusCode.INTERNAL, "Internal error encountered.")
        while (request := await _next(requests)) is not None:
            text = _text(request)
            due = asyncio.get_running_loop().time() + self._state.delays.speech_first_byte_ms / 1000
            if fault is not None and fault.kind == "slow":
                due += SLOW_S if fault.at is None else fault.at
            speech = await self._spoken(text, config)
            if fault is None or fault.kind != "empty":
                async for piece in self._pieces(speech, config, due, fault):
                    yield _Response(audio_content=piece)

    async def _configuration(self, requests: AsyncIterator[Any]) -> Any:
        first = await _next(requests)
        if first is None or first.WhichOneof("streaming_request") != "streaming_config":
            _invalid("The first message must hold streaming_config and no input.")
        config = first.streaming_config
        if not config.voice.language_code:
            _invalid("voice.language_code must be set, as in en-US.")
        if not _NAME.fullmatch(config.voice.name):
            _invalid(f"Only Chirp 3: HD voices are supported for streaming synthesis, not {config.voice.name!r}.")
        audio = config.streaming_audio_config
        if audio.audio_encoding not in (_Encoding.MULAW, _Encoding.PCM):
            _invalid("streaming_audio_config.audio_encoding: this voice makes MULAW and PCM.")
        if audio.sample_rate_hertz not in (0, *RATES):
            _invalid("streaming_audio_config.sample_rate_hertz: this voice makes 8000 and 24000.")
        if audio.speaking_rate and not 0.25 <= audio.speaking_rate <= 2.0:
            _invalid("streaming_audio_config.speaking_rate must be from 0.25 to 2.0.")
        return config

    async def _spoken(self, text: str, config: Any) -> Speech:
        rate = round(DEFAULT_RATE_WPM * (config.streaming_audio_config.speaking_rate or 1.0))
        speech = await asyncio.to_thread(
            self._state.voice.render, text, voice=espeak_voice(config.voice.name), rate_wpm=max(80, min(450, rate))
        )
        # Before the audio goes out: whoever hears it must be able to recognise it.
        self._state.phrasebook.add(speech)
        return speech

    async def _pieces(self, speech: Speech, config: Any, due: float, fault: Fault | None) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        rate = config.streaming_audio_config.sample_rate_hertz or SAMPLE_RATE
        samples = speech.pcm16_8k if rate == g711.SAMPLE_RATE else speech.pcm16_24k
        size, speed = round(rate * PIECE_S), self._state.delays.speech_speed
        for start in range(0, len(samples), size):
            wait_s = due + (start / rate / speed if speed else 0.0) - loop.time()
            await asyncio.sleep(max(0.0, wait_s))
            yield _encoded(samples[start : start + size], config.streaming_audio_config.audio_encoding)
            if fault is not None and fault.kind == "die" and start + size >= len(samples) // 2:
                raise _Refused(grpc.StatusCode.UNAVAILABLE, "The service is currently unavailable.")


def espeak_voice(name: str) -> str:
    """Which of espeak-ng's voices speaks for "en-US-Chirp3-HD-Aoede"."""
    language = "en-gb" if name.startswith("en-GB") else "en-us"
    return f"{language}+{_VARIANTS[sum(name.encode()) % len(_VARIANTS)]}"


async def _next(requests: AsyncIterator[Any]) -> Any:
    """The client's next message; None: it has sent all."""
    try:
        async with asyncio.timeout(MAX_INPUT_GAP_S):
            return await anext(requests, None)
    except TimeoutError:
        raise _Refused(
            grpc.StatusCode.ABORTED, "Stream aborted due to long duration elapsed without input sent."
        ) from None


def _text(request: Any) -> str:
    if request.WhichOneof("streaming_request") != "input" or request.input.WhichOneof("input_source") != "text":
        _invalid("Only the first message may hold streaming_config, and input must hold a text.")
    text = str(request.input.text)
    if not text.strip():
        _invalid("input.text must not be empty.")
    if len(text.encode()) > MAX_TEXT_BYTES:
        _invalid(f"input.text is longer than the limit of {MAX_TEXT_BYTES} bytes.")
    return text


def _encoded(samples: NDArray[np.int16], encoding: int) -> bytes:
    return g711.encode(samples) if encoding == _Encoding.MULAW else samples.astype("<i2").tobytes()


def _invalid(message: str) -> NoReturn:
    raise _Refused(grpc.StatusCode.INVALID_ARGUMENT, message)
