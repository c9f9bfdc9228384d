"""`google.cloud.speech.v1.Speech/StreamingRecognize` over gRPC (Cloud Speech-to-Text v1 reference).

    client: one request with `streaming_config`, then requests with `audio_content`
    server: responses with `results` (interim: `is_final` false, growing; then a final), or a `speech_event_type`

Held to Google's rules: the configuration first; at most 25 KB a request; audio close to real time (ten seconds
without any end the stream with ABORTED); a stream ends after 305 seconds with OUT_OF_RANGE. Encodings: MULAW and
LINEAR16 at 8,000 Hz, one channel. Only the first alternative is ever given.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
from google.cloud import speech_v1 as speech
from numpy.typing import NDArray

from rehearsal import g711
from rehearsal.google.results import SAMPLE_RATE, Listening, Result
from rehearsal.scenario import Fault
from rehearsal.state import RehearsalState

MAX_REQUEST_BYTES = 25 * 1024
MAX_STREAM_S = 305.0
MAX_GAP_S = 10.0
SLOW_S = 5.0
HOST = "127.0.0.1"

_REQUEST: Any = speech.StreamingRecognizeRequest.pb()
_RESPONSE: Any = speech.StreamingRecognizeResponse.pb()
_MULAW = speech.RecognitionConfig.AudioEncoding.MULAW
_LINEAR16 = speech.RecognitionConfig.AudioEncoding.LINEAR16
_EVENTS = speech.StreamingRecognizeResponse.SpeechEventType

STABLE = 0.9
"""The ear only reports words whose end it has heard."""
CONFIDENCE = 0.95


class _Refused(Exception):
    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


async def start(state: RehearsalState, port: int) -> tuple[grpc.aio.Server, int]:
    """Serve on loopback; 0 is any free port. Returns the server and its port. Raises OSError for a taken one."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])

    async def recognize(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for response in _Stream(state).run(requests, context):
            yield response

    handler = grpc.stream_stream_rpc_method_handler(
        recognize,
        request_deserializer=_REQUEST.FromString,
        response_serializer=_RESPONSE.SerializeToString,
    )
    handlers = {"StreamingRecognize": handler}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("google.cloud.speech.v1.Speech", handlers),)
    )
    try:
        bound = server.add_insecure_port(f"{HOST}:{port}")
    except RuntimeError as error:
        raise OSError(f"port {port} cannot be opened: {error}") from None
    await server.start()
    return server, bound


class _Stream:
    """One call of StreamingRecognize."""

    def __init__(self, state: RehearsalState) -> None:
        self._state = state
        self._out: asyncio.Queue[Any] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._config: Any = None

    async def run(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        fault = self._state.faults.take("recognizer")
        reading = asyncio.create_task(self._read(requests, fault))
        try:
            while True:
                item = await self._out.get()
                if item is None:
                    break
                if isinstance(item, _Refused):
                    await context.abort(item.code, item.message)
                yield item
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading

    async def _read(self, requests: AsyncIterator[Any], fault: Fault | None) -> None:
        pending: set[asyncio.Task[None]] = set()
        try:
            if fault is not None and fault.kind == "error":
                raise _Refused(grpc.StatusCode.INTERNAL, "Internal error encountered.")
            if fault is not None and fault.kind == "slow":
                await asyncio.sleep(SLOW_S if fault.at is None else fault.at)
            iterator = aiter(requests)
            self._config = _checked_config(await anext(iterator, None))
            listening = Listening(self._state.phrasebook, self._state.delays)
            await self._listen(iterator, listening, fault, pending)
            self._tell(listening.finish(self._loop.time()), pending)
            await asyncio.gather(*pending)
            self._out.put_nowait(None)
        except _Refused as refusal:
            self._out.put_nowait(refusal)
        finally:
            for task in pending:
                task.cancel()

    async def _listen(
        self,
        requests: AsyncIterator[Any],
        listening: Listening,
        fault: Fault | None,
        pending: set[asyncio.Task[None]],
    ) -> None:
        decode = _decoder(self._config)
        speaking = False
        while True:
            request = await self._next(requests, fault)
            if request is None:
                return
            if not request.audio_content:
                raise _Refused(grpc.StatusCode.INVALID_ARGUMENT, "Malformed request: audio_content expected.")
            if len(request.audio_content) > MAX_REQUEST_BYTES:
                raise _Refused(
                    grpc.StatusCode.INVALID_ARGUMENT,
                    f"Request audio must not exceed {MAX_REQUEST_BYTES} bytes; got {len(request.audio_content)}.",
                )
            results = listening.feed(decode(request.audio_content), self._loop.time())
            if self._config.enable_voice_activity_events and listening.speaking != speaking:
                speaking = listening.speaking
                begins, ends = _EVENTS.SPEECH_ACTIVITY_BEGIN, _EVENTS.SPEECH_ACTIVITY_END
                self._out.put_nowait(_RESPONSE(speech_event_type=int(begins if speaking else ends)))
            self._tell(results, pending)
            if self._config.single_utterance and any(result.is_final for result in results):
                self._out.put_nowait(_RESPONSE(speech_event_type=int(_EVENTS.END_OF_SINGLE_UTTERANCE)))
                return

    async def _next(self, requests: AsyncIterator[Any], fault: Fault | None) -> Any:
        """The next request; None when the client has said it is done."""
        age_s = self._loop.time() - self._began
        limit_s = MAX_STREAM_S - age_s
        dies_s = (fault.at or 0.0) - age_s if fault is not None and fault.kind == "die" else None
        wait_s = min(MAX_GAP_S, limit_s, *([] if dies_s is None else [dies_s]))
        try:
            async with asyncio.timeout(max(0.0, wait_s)):
                return await anext(requests, None)
        except TimeoutError:
            pass
        if dies_s is not None and wait_s == dies_s:
            raise _Refused(grpc.StatusCode.UNAVAILABLE, "The service is currently unavailable.")
        if wait_s == limit_s:
            raise _Refused(
                grpc.StatusCode.OUT_OF_RANGE, "Exceeded maximum allowed stream duration of 305 seconds."
            )
        raise _Refused(
            grpc.StatusCode.ABORTED,
            "Max duration of 10 seconds reached without audio: send it close to real time.",
        )

    def _tell(self, results: list[Result], pending: set[asyncio.Task[None]]) -> None:
        for result in results:
            if not result.is_final and not self._config.interim_results:
                continue
            task = self._loop.create_task(self._send(result))
            pending.add(task)
            task.add_done_callback(pending.discard)

    async def _send(self, result: Result) -> None:
        await asyncio.sleep(max(0.0, result.due_s - self._loop.time()))
        self._out.put_nowait(_response(result, self._config.config.language_code))


def _checked_config(request: Any) -> Any:
    """The `StreamingRecognitionConfig` of the first request. Raises `_Refused`."""
    if request is None or not request.HasField("streaming_config"):
        raise _Refused(grpc.StatusCode.INVALID_ARGUMENT, "Malformed request: streaming_config must come first.")
    config = request.streaming_config.config
    if not config.language_code:
        raise _Refused(grpc.StatusCode.INVALID_ARGUMENT, "Invalid recognition 'config': bad language code.")
    if config.encoding not in (_MULAW, _LINEAR16):
        raise _Refused(grpc.StatusCode.INVALID_ARGUMENT, "This stand-in takes the encodings MULAW and LINEAR16.")
    if config.sample_rate_hertz != SAMPLE_RATE:
        raise _Refused(
            grpc.StatusCode.INVALID_ARGUMENT,
            f"This stand-in takes sample_rate_hertz {SAMPLE_RATE}, as telephones do.",
        )
    return request.streaming_config


def _decoder(config: Any) -> Any:
    if config.config.encoding == _MULAW:
        return g711.decode

    def linear16(audio: bytes) -> NDArray[np.int16]:
        return np.frombuffer(audio[: len(audio) // 2 * 2], dtype="<i2")

    return linear16


def _response(result: Result, language: str) -> Any:
    response = _RESPONSE()
    entry = response.results.add()
    alternative = entry.alternatives.add()
    alternative.transcript = result.text
    if result.is_final:
        alternative.confidence = CONFIDENCE
    entry.is_final = result.is_final
    entry.stability = 0.0 if result.is_final else STABLE
    entry.language_code = language.lower()
    whole = int(result.end_s)
    entry.result_end_time.seconds = whole
    entry.result_end_time.nanos = int((result.end_s - whole) * 1e9)
    return response
