"""OpenAI's streaming transcription behind the `Recognizer` protocol, by the official client.

Telephone audio goes as it comes: OpenAI takes mu-law at 8,000 Hz. Any server with the Realtime API's transcription
will do (OPENAI_BASE_URL).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from openai import AsyncOpenAI

from worker.speech.openai_transcription_events import configure
from worker.speech.openai_transcription_session import Configuration, TranscriptionSession
from worker.speech.openai_transcription_socket import SocketDied, Sockets
from worker.speech.recognizer import RecognitionSession, RecognizerUnavailable

if TYPE_CHECKING:
    from worker.settings import Settings


class OpenAIRecognizer:
    """Fulfils `worker.speech.recognizer.Recognizer`. One for all calls; build it inside the running loop."""

    def __init__(self, settings: Settings) -> None:
        if settings.openai_api_key is None:
            raise ValueError("OPENAI_API_KEY is not set")
        self._model = settings.openai_transcription_model
        self._client = AsyncOpenAI(
            api_key=settings.openai_api_key.get_secret_value(), base_url=settings.openai_base_url, max_retries=0
        )
        self._sockets = Sockets(self._client)

    async def open(self, *, language: str, hints: Sequence[str]) -> RecognitionSession:
        await self.warm_up()
        configuration = Configuration(
            model=self._model,
            full=configure(self._model, language=language, hints=hints),
            plain=configure(self._model),
        )
        return TranscriptionSession(self._sockets, configuration)

    async def warm_up(self) -> None:
        """Have a connected socket at hand. Raises `RecognizerUnavailable`."""
        try:
            await asyncio.shield(self._sockets.expect())
        except SocketDied as error:
            raise RecognizerUnavailable(f"OpenAI's transcription can't be reached: {error}") from error

    async def close(self) -> None:
        await self._sockets.close()
        await self._client.close()
