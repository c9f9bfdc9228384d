"""Pipecat 1.14, set up for telephone calls as its documentation has it, and for speed where it gives the choice.

All calls are in this process, each with a pipeline, services and a runner of its own: FastAPI's WebSocket with the
Twilio serializer, Google's recogniser (v2), OpenAI's model and voice, Silero's voice activity.

- 8,000 Hz in and out, so that the callee's audio is never resampled; the voice is told that it comes with 24,000.
- A turn is over with the recogniser's final words, once the voice-activity detector has heard 0.2 s of silence
  (its default): `SpeechTimeoutUserTurnStopStrategy` with no wait of its own. The default strategy, a network that
  judges the sound, takes some 80 ms of a core for each pause, and 3 s of waiting where it errs.
- No tracking of turns, idleness or metrics, no RTVI, and in the log warnings only: each is work for every frame.
- The OpenAI services share one HTTP client that keeps its connections, and the recognisers one gRPC channel:
  making them for each call would hold up the others. For the same reason a thread loads the voice-activity
  network. All of it runs on uvloop.
- The carrier is given 100 ms at a time instead of 40: fewer frames, and less of a gap when the loop is late. An
  interruption is no slower for it, since the carrier is told to drop what it holds.

The first half second of a sentence's audio is waited for before any of it is played. That is no setting in 1.14
(`TTSService.chunk_size`); with a voice at four times real time it is 100 ms of what Pipecat adds.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import grpc
import uvicorn
import uvloop
from fastapi import FastAPI, Request, Response, WebSocket
from google.cloud.speech_v2 import SpeechAsyncClient
from google.cloud.speech_v2.services.speech.transports import SpeechGrpcAsyncIOTransport
from loguru import logger
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import FunctionCallResultProperties
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.runner.utils import parse_telephony_websocket
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.services.google.stt import GoogleSTTService
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.http import connection_limits
from pipecat.workers.runner import WorkerRunner

from call.bots._telephone import connect, dial
from call.until_told import until_told

TELEPHONE_HZ = 8000
VOICE_HZ = 24_000
"""OpenAI's, whatever the pipeline's rate is."""
CHUNK_10_MS = 10
"""Audio for the carrier, in units of 10 ms."""
ENDS_WITHIN_S = 1


class Vendors:
    """Connections that all calls share."""

    def __init__(self) -> None:
        self.base_url = os.environ["OPENAI_BASE_URL"]
        self.api_key = os.environ["OPENAI_API_KEY"]
        limits = connection_limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=None)
        self.http = DefaultAsyncHttpxClient(limits=limits)
        self.openai = AsyncOpenAI(api_key=self.api_key, base_url=self.base_url, http_client=self.http)
        self._channel = grpc.aio.insecure_channel(os.environ["GOOGLE_SPEECH_ENDPOINT"])
        self.speech = SpeechAsyncClient(transport=SpeechGrpcAsyncIOTransport(channel=self._channel))

    async def ready(self) -> None:
        await self._channel.channel_ready()


class Recogniser(GoogleSTTService):
    """The framework's own client insists on TLS."""

    def __init__(self, vendors: Vendors) -> None:
        super().__init__()
        self._client = vendors.speech


class Model(OpenAILLMService):
    def __init__(self, vendors: Vendors, instructions: str) -> None:
        self._shared = vendors.openai
        super().__init__(settings=OpenAILLMService.Settings(model="fixed", system_instruction=instructions))
        self.register_function("end_call", _do_nothing)

    def create_client(self, **_: Any) -> AsyncOpenAI:
        return self._shared


async def _do_nothing(params: Any) -> None:
    """The callee hangs up. Otherwise the framework would ask the model what to make of a missing function."""
    await params.result_callback({"ok": True}, properties=FunctionCallResultProperties(run_llm=False))


async def talk(websocket: WebSocket, vendors: Vendors) -> None:
    """One call, from its first messages until the callee hangs up."""
    _, call = await parse_telephony_websocket(websocket)
    transport = FastAPIWebsocketTransport(
        websocket,
        FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_out_10ms_chunks=CHUNK_10_MS,
            serializer=TwilioFrameSerializer(
                call.stream_id, params=TwilioFrameSerializer.InputParams(auto_hang_up=False)
            ),
        ),
    )
    user, assistant = LLMContextAggregatorPair(
        LLMContext(),
        user_params=LLMUserAggregatorParams(
            user_turn_strategies=UserTurnStrategies(
                stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0)]
            ),
            vad_analyzer=await asyncio.to_thread(SileroVADAnalyzer),
        ),
    )
    voice = OpenAITTSService(
        api_key=vendors.api_key, base_url=vendors.base_url, http_client=vendors.http, sample_rate=VOICE_HZ
    )
    model = Model(vendors, f'<task>converse</task> <callee phone="{call.body["to"]}"/>')
    pipeline = Pipeline(
        [transport.input(), Recogniser(vendors), user, model, voice, transport.output(), assistant]
    )
    worker = PipelineWorker(
        pipeline,
        params=PipelineParams(audio_in_sample_rate=TELEPHONE_HZ, audio_out_sample_rate=TELEPHONE_HZ),
        enable_rtvi=False,
        enable_turn_tracking=False,
        idle_timeout_secs=None,
    )

    async def hung_up(*_: Any) -> None:
        await worker.cancel()

    transport.add_event_handler("on_client_disconnected", hung_up)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


def _app(host: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.vendors = Vendors()
        await app.state.vendors.ready()
        async with aiohttp.ClientSession(raise_for_status=True) as app.state.http:
            yield

    async def call(request: Request) -> dict[str, str]:
        to = (await request.json())["to"]
        return {"sid": await dial(request.app.state.http, host, to)}

    async def answered(request: Request) -> Response:
        posted = dict(parse_qsl((await request.body()).decode()))
        return Response(connect(host, posted["To"]), media_type="text/xml")

    async def media(websocket: WebSocket) -> None:
        await websocket.accept()
        await talk(websocket, websocket.app.state.vendors)

    app = FastAPI(lifespan=lifespan)
    app.add_api_route("/call", call, methods=["POST"])
    app.add_api_route("/answered", answered, methods=["POST"])
    app.add_api_websocket_route("/media", media)
    return app


@contextmanager
def _google_account() -> Iterator[None]:
    """The framework wants one for each call, though nobody asks for it here. A person's has no key to be checked,
    as a service account's has, for which all other calls would have to wait."""
    account = {"type": "authorized_user", "client_id": "x", "client_secret": "x", "refresh_token": "x"}
    with NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(account | {"quota_project_id": "bench"}, file)
        file.flush()
        os.environ |= {"GOOGLE_APPLICATION_CREDENTIALS": file.name, "GOOGLE_CLOUD_PROJECT": "bench"}
        yield


async def main() -> None:
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    with _google_account(), socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        config = uvicorn.Config(
            _app(f"127.0.0.1:{port}"),
            log_level="warning",
            timeout_graceful_shutdown=ENDS_WITHIN_S,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        gc.collect()
        gc.freeze()
        print(json.dumps({"port": port}), flush=True)
        await until_told()
        server.should_exit = True
        await serving


if __name__ == "__main__":
    uvloop.run(main())
