"""OpenAI's speech-to-speech model behind `SpeechToSpeech`, by the official client's WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog
from openai import AsyncOpenAI

from worker.model import openai_realtime_events as wire
from worker.model.openai_realtime_session import RealtimeSession
from worker.model.openai_realtime_socket import Socket, SocketDied, connect
from worker.speech.recognizer import RecognizerUnavailable

if TYPE_CHECKING:
    from worker.settings import Settings

log = structlog.get_logger(__name__)

READY_DEADLINE_S = 6.0
"""For a session to be connected and configured."""

SPARES = 4
SPARE_S = 90.0
"""A socket that was made while a phone rang is kept for so long: over the longest ringing. Idle it is free."""


class OpenAIRealtime:
    """Fulfils `SpeechToSpeech`. One for all calls; build it inside the running loop."""

    def __init__(self, settings: Settings) -> None:
        if settings.openai_api_key is None:
            raise ValueError("OPENAI_API_KEY is not set")
        self._model = settings.openai_realtime_model
        self._voice = settings.openai_tts_voice
        self._client = AsyncOpenAI(
            api_key=settings.openai_api_key.get_secret_value(),
            base_url=settings.openai_base_url,
            max_retries=0,
        )
        self._spares: list[tuple[Socket, asyncio.TimerHandle]] = []
        self._tidying: set[asyncio.Task[None]] = set()

    async def open(self, *, language: str, hints: Sequence[str]) -> RealtimeSession:
        configuration = wire.configure(voice=self._voice, language=language, hints=hints)
        session = RealtimeSession(lambda: self._configured(configuration), self._model)
        try:
            async with asyncio.timeout(READY_DEADLINE_S):
                await session.ready()
        except TimeoutError:
            await session.close()
            raise RecognizerUnavailable(
                f"OpenAI's realtime session was not there within {READY_DEADLINE_S:g} s"
            ) from None
        except BaseException:
            await session.close()
            raise
        return session

    async def warm_up(self) -> None:
        """Have a socket for the next call: connecting takes several round trips, and somebody would wait."""
        if len(self._spares) >= SPARES:
            return
        try:
            socket = await connect(self._client, self._model)
        except SocketDied as error:
            raise RecognizerUnavailable(str(error)) from error
        timer = asyncio.get_running_loop().call_later(SPARE_S, self._drop, socket)
        self._spares.append((socket, timer))

    async def close(self) -> None:
        while self._spares:
            self._discard(self._take_spare())
        await asyncio.gather(*self._tidying, return_exceptions=True)
        await self._client.close()

    async def _configured(self, configuration: str) -> Socket:
        """A socket whose session has been told how to be: a spare one, else a new one. Raises like `connect`."""
        while True:
            is_spare = bool(self._spares)
            socket = self._take_spare() if is_spare else await connect(self._client, self._model)
            try:
                await socket.send(configuration)
            except BaseException as error:
                self._discard(socket)
                if is_spare and isinstance(error, SocketDied):
                    continue
                raise
            return socket

    def _take_spare(self) -> Socket:
        socket, timer = self._spares.pop()
        timer.cancel()
        return socket

    def _drop(self, socket: Socket) -> None:
        self._spares = [spare for spare in self._spares if spare[0] is not socket]
        self._discard(socket)

    def _discard(self, socket: Socket) -> None:
        task = asyncio.create_task(socket.close())
        self._tidying.add(task)
        task.add_done_callback(self._tidying.discard)
