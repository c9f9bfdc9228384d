"""LiveKit Agents 1.8.9, set up for quick answers on the telephone with what its documentation offers.

Each call has an `AgentSession`, all in one process (its own server has a process for each). Not left as it comes:

- A turn is over when its final words are there and the framework's voice-activity network hears nobody (`vad`, no
  `min_delay`). Its network that judges whether somebody has finished would wait 2.5 s wherever it doubts. So
  whoever pauses for longer than an answer takes is talked over.
- Model and voice begin at the final words, also before the turn is over (`preemptive_tts`).
- 0.2 s of speech interrupt instead of 0.5, and from the first word on: there is no echo canceller to warm up.
- The recogniser gets the telephone's 8,000 Hz: to upsample it to the default of 16,000 holds it back.
- The voice's PCM is brought to 8,000 Hz by the filter that Floyd and the floor bot have, since the framework's
  holds back some 30 ms. It goes to the carrier ahead of time, and not in real time.
- The model's text isn't searched for Markdown, which would hold each sentence back by a token.
- All calls share an OpenAI client, on aiohttp and with connections that stay open, a gRPC channel, and a thread
  for voice activity: a core has room for one.

Nothing aligns words with the audio, as the framework's own rooms do: of an interrupted answer the model remembers
all.
"""

from __future__ import annotations

import asyncio
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
import grpc
import httpx2
import openai
import uvloop
from aiohttp import web
from google.auth.credentials import AnonymousCredentials
from google.cloud.speech_v1 import SpeechAsyncClient
from google.cloud.speech_v1.services.speech.transports import SpeechGrpcAsyncIOTransport
from livekit.agents import Agent, AgentSession, function_tool, inference
from livekit.plugins import google as google_plugin
from livekit.plugins import openai as openai_plugin

from call.bots._livekit_line import RATE, Ears, Mouth, listen
from call.bots._telephone import Telephone

KEEPALIVE_S = 120.0
"""As the plugin's own client has it."""
TIMEOUT = httpx2.Timeout(connect=15.0, read=5.0, write=5.0, pool=5.0)
"""Likewise."""
INTERRUPTS_S = 0.2

TURNS: Any = {
    "turn_detection": "vad",
    "endpointing": {"min_delay": 0.0},
    "interruption": {"mode": "vad", "min_duration": INTERRUPTS_S, "resume_false_interruption": False},
    "preemptive_generation": {"preemptive_tts": True},
}


class Recognition(google_plugin.STT):
    """The plugin has no setting for an endpoint without TLS, so it is given the client."""

    def __init__(self, client: SpeechAsyncClient) -> None:
        nobody = AnonymousCredentials()  # type: ignore[no-untyped-call]
        super().__init__(credentials=nobody, sample_rate=RATE)
        self._client = client

    async def _create_client(self, timeout: float) -> SpeechAsyncClient:
        return self._client


class Caller(Agent):
    def __init__(self, to: str) -> None:
        super().__init__(instructions=f'<task>converse</task> <callee phone="{to}"/>')

    @function_tool
    async def end_call(self, reason: str) -> None:
        """Call when the goodbyes are said."""
        # The callee hangs up.


class Shared:
    """What is there once for all calls."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._speech = SpeechAsyncClient(transport=SpeechGrpcAsyncIOTransport(channel=channel))
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=KEEPALIVE_S)
        http = openai.DefaultAioHttpClient(timeout=TIMEOUT, limits=limits)
        self._openai = openai.AsyncClient(max_retries=0, http_client=http)

    def session(self) -> Any:
        """Plugins tell all sessions that hold them what happens, so each has its own. They are light: what is
        heavy (the voice-activity network) is there once."""
        return AgentSession(
            stt=Recognition(self._speech),
            vad=inference.VAD(executor=self._thread),
            llm=openai_plugin.LLM(model="gpt-4.1-mini", client=self._openai),
            tts=openai_plugin.TTS(model="tts-1", response_format="pcm", client=self._openai),
            turn_handling=TURNS,
            tts_text_transforms=None,
            aec_warmup_duration=None,
            user_away_timeout=None,
        )


async def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    async with (
        aiohttp.ClientSession(raise_for_status=True) as http,
        grpc.aio.insecure_channel(os.environ["GOOGLE_SPEECH_ENDPOINT"]) as channel,
    ):
        await channel.channel_ready()
        shared = Shared(channel)

        async def talk(socket: web.WebSocketResponse, stream_sid: str, to: str) -> None:
            ears, mouth = Ears(), Mouth(stream_sid)
            session = shared.session()
            session.input.audio, session.output.audio = ears, mouth
            sending = asyncio.create_task(mouth.send(socket))
            try:
                await session.start(Caller(to))
                await listen(socket, ears, mouth)
            finally:
                sending.cancel()
                await session.aclose()

        await Telephone(http, talk).serve()


if __name__ == "__main__":
    uvloop.run(main())
