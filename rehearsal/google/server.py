"""Google Speech-to-Text v1 `StreamingRecognize` over gRPC, for one who knows what will be said.

The wire is Google's (cloud.google.com/speech-to-text/docs/reference/rpc/google.cloud.speech.v1): the first
message holds `streaming_config`, all others `audio_content`; answers are interim results (if asked for),
finals and speech events. Served: `MULAW` and `LINEAR16` at 8,000 Hz, one channel, `interim_results`,
`single_utterance`, `enable_voice_activity_events`; other settings are accepted and have no effect.

Limits, with Google's codes: a message over 25 KB and a wrong configuration are INVALID_ARGUMENT; a stream
longer than 305 s is OUT_OF_RANGE; 10 s without audio end it with ABORTED.

Faults (`on: recognizer`), struck when a stream opens: `die` ends it with UNAVAILABLE, `error` with INTERNAL,
both `at` seconds into it; `empty` understands nothing; `slow` gives all results `at` seconds later (2).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any, NoReturn, Protocol

import grpc
import numpy as np
from google.cloud import speech_v1
from numpy.typing import NDArray

from rehearsal import g711
from rehearsal.google import voice
from rehearsal.google.recognition import CONFIDENCE, STABILITY, Activity, Recognition, Transcript
from rehearsal.state import Result

MAX_AUDIO_BYTES = 25 * 1024
MAX_STREAM_S = 305.0
MAX_AUDIO_GAP_S = 10.0
SLOW_S = 2.0
HOST = "127.0.0.1"

# The generated messages, without their proto-plus wrappers: a stream makes fifty of them a second.
_Request: Any = type(speech_v1.StreamingRecognizeRequest.pb(speech_v1.StreamingRecognizeRequest()))
_Response: Any = type(speech_v1.StreamingRecognizeResponse.pb(speech_v1.StreamingRecognizeResponse()))
_Encoding: Any = speech_v1.RecognitionConfig.AudioEncoding
_Event: Any = speech_v1.StreamingRecognizeResponse.SpeechEventType


class State(voice.State, Protocol):
    """What the recogniser needs of the rehearsal's state, beside the voice."""

    @property
    def recognised(self) -> deque[Result]: ...


class _Refused(Exception):
    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


async def start(state: State, port: int) -> tuple[grpc.aio.Server, int]:
    """Serve speech recognition, and a voice beside it, on loopback and without TLS. Returns the server and its
    port; port 0 is any free one.

    Raises OSError if the port is taken.
    """
    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(
        _Service(state).streaming_recognize,
        request_deserializer=_Request.FromString,
        response_serializer=_Response.SerializeToString,
    )
    service = grpc.method_handlers_generic_handler(
        "google.cloud.speech.v1.Speech", {"StreamingRecognize": handler}
    )
    server.add_generic_rpc_handlers((service, voice.handler(state)))
    try:
        bound = server.add_insecure_port(f"{HOST}:{port}")
    except RuntimeError as error:
        raise OSError(f"port {port} can't be listened on: {error}") from error
    await server.start()
    return server, bound


class _Service:
    def __init__(self, state: State) -> None:
        self._state = state

    async def streaming_recognize(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        stream = _Stream(self._state)
        try:
            async for response in stream.responses(requests):
                yield response
        except _Refused as refused:
            await context.abort(refused.code, refused.message)


class _Stream:
    """One call of StreamingRecognize."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._queue: asyncio.Queue[Transcript | Activity | _Refused | None] = asyncio.Queue()
        self._opened = time.monotonic()
        self._slow_s = 0.0
        self._deaf = False
        self._doom: _Refused | None = None
        self._doomed_at = self._opened + MAX_STREAM_S
        self._strike()

    def _strike(self) -> None:
        fault = self._state.faults.take("recognizer")
        if fault is None:
            return
        if fault.kind == "slow":
            self._slow_s = SLOW_S if fault.at is None else fault.at
        elif fault.kind == "empty":
            self._deaf = True
        else:
            code = grpc.StatusCode.UNAVAILABLE if fault.kind == "die" else grpc.StatusCode.INTERNAL
            self._doom = _Refused(code, "The service is currently unavailable.")
            self._doomed_at = self._opened + (fault.at or 0.0)

    async def responses(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        config = await self._configuration(requests)
        listening = asyncio.create_task(self._listen(requests, config))
        heard_s = 0.0
        try:
            while (item := await self._next()) is not None:
                wait_s = item.due + self._slow_s - time.monotonic()
                if wait_s > 0:
                    await asyncio.sleep(min(wait_s, max(self._doomed_at - time.monotonic(), 0)))
                    self._die_if_due()
                for response in _responses(item, config):
                    if isinstance(item, Transcript):
                        self._state.recognised.append(Result(item.text, item.final, time.time() * 1000))
                    yield response
                if isinstance(item, Transcript) and item.final and config.single_utterance:
                    heard_s = item.end_s
                    break
        finally:
            listening.cancel()
            await asyncio.wait([listening])
        ending = _Response()
        ending.total_billed_time.FromSeconds(int(heard_s) + 1)
        yield ending

    async def _next(self) -> Transcript | Activity | None:
        """What comes next; None: nothing more. Raises what ends the stream."""
        try:
            async with asyncio.timeout(self._doomed_at - time.monotonic()):
                item = await self._queue.get()
        except TimeoutError:
            self._die_if_due()
            raise
        if isinstance(item, _Refused):
            raise item
        return item

    def _die_if_due(self) -> None:
        if time.monotonic() >= self._doomed_at - 0.001:
            raise self._doom or _Refused(
                grpc.StatusCode.OUT_OF_RANGE,
                f"Exceeded maximum allowed stream duration of {MAX_STREAM_S:g} seconds.",
            )

    async def _configuration(self, requests: AsyncIterator[Any]) -> Any:
        first = await self._request(requests)
        if first is None or first.WhichOneof("streaming_request") != "streaming_config":
            _invalid("The first message must hold streaming_config and no audio_content.")
        config = first.streaming_config.config
        if config.encoding not in (_Encoding.MULAW, _Encoding.LINEAR16):
            _invalid("encoding: this recogniser takes MULAW and LINEAR16.")
        if config.sample_rate_hertz != g711.SAMPLE_RATE:
            _invalid(f"sample_rate_hertz: this recogniser takes 8000, not {config.sample_rate_hertz}.")
        if config.audio_channel_count > 1:
            _invalid("audio_channel_count: this recogniser takes one channel.")
        if not config.language_code:
            _invalid("language_code must be set, as in en-US.")
        return first.streaming_config

    async def _listen(self, requests: AsyncIterator[Any], config: Any) -> None:
        """Everything the client sends, until it stops or does what it must not."""
        recognition = Recognition(self._state.phrasebook, self._state.delays)
        mulaw = config.config.encoding == _Encoding.MULAW
        odd = b""
        try:
            while (request := await self._request(requests)) is not None:
                if request.WhichOneof("streaming_request") != "audio_content":
                    _invalid("Only the first message may hold streaming_config.")
                audio = odd + request.audio_content
                if len(request.audio_content) > MAX_AUDIO_BYTES:
                    _invalid(f"Request audio can be a maximum of {MAX_AUDIO_BYTES} bytes.")
                odd = audio[len(audio) // 2 * 2 :] if not mulaw else b""
                samples = _samples(audio, mulaw)
                self._publish(recognition.feed(samples, time.monotonic()))
            self._publish(recognition.finish(time.monotonic()))
            self._queue.put_nowait(None)
        except _Refused as refused:
            self._queue.put_nowait(refused)

    def _publish(self, items: Sequence[Transcript | Activity]) -> None:
        if not self._deaf:
            for item in items:
                self._queue.put_nowait(item)

    async def _request(self, requests: AsyncIterator[Any]) -> Any:
        """The client's next message; None: it has sent all."""
        try:
            async with asyncio.timeout(MAX_AUDIO_GAP_S):
                return await anext(requests, None)
        except TimeoutError:
            raise _Refused(
                grpc.StatusCode.ABORTED,
                f"Max duration of {MAX_AUDIO_GAP_S:g} seconds reached without audio: send it close to real time.",
            ) from None


def _invalid(message: str) -> NoReturn:
    raise _Refused(grpc.StatusCode.INVALID_ARGUMENT, message)


def _samples(audio: bytes, mulaw: bool) -> NDArray[np.int16]:
    if mulaw:
        return g711.decode(audio)
    return np.frombuffer(audio[: len(audio) // 2 * 2], dtype="<i2")


def _responses(item: Transcript | Activity, config: Any) -> list[Any]:
    """What goes over the wire for an item, which may be nothing."""
    if isinstance(item, Activity):
        return _events(item, config)
    if not item.final and not config.interim_results:
        return []
    response = _Response()
    result = response.results.add()
    alternative = result.alternatives.add()
    alternative.transcript = item.text
    result.is_final = item.final
    if item.final:
        alternative.confidence = CONFIDENCE
    else:
        result.stability = STABILITY
    result.result_end_time.FromMilliseconds(round(item.end_s * 1000))
    result.language_code = config.config.language_code.lower()
    return [response]


def _events(item: Activity, config: Any) -> list[Any]:
    kinds = []
    if config.enable_voice_activity_events:
        begins = item.kind == "begin"
        kinds.append(_Event.SPEECH_ACTIVITY_BEGIN if begins else _Event.SPEECH_ACTIVITY_END)
    if config.single_utterance and item.kind == "end":
        kinds.append(_Event.END_OF_SINGLE_UTTERANCE)
    responses = []
    for kind in kinds:
        response = _Response()
        response.speech_event_type = kind
        response.speech_event_time.FromMilliseconds(round(item.at_s * 1000))
        responses.append(response)
    return responses
