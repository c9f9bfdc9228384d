"""Google Speech-to-Text behind the `Recognizer` protocol: v1 StreamingRecognize by the official async client.

Telephone audio goes as it comes: Google takes MULAW at 8,000 Hz, and resampling it would only add delay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import grpc.aio
import structlog
from google.api_core.client_options import ClientOptions
from google.cloud import speech_v1
from google.cloud.speech_v1.services.speech.transports import SpeechGrpcAsyncIOTransport

from worker.speech.google_account import CHANNEL_OPTIONS, NoCredentials, credentials
from worker.speech.google_session import GoogleSession
from worker.speech.recognizer import RecognitionSession, RecognizerUnavailable

if TYPE_CHECKING:
    from worker.settings import Settings

log = structlog.get_logger(__name__)

CONNECT_DEADLINE_S = 5.0
"""Connecting takes a few round trips; whoever needs longer is of no use to a conversation."""

MAX_HINTS = 200
MAX_HINT_CHARS = 100
"""Google's limit for one phrase; its limit for their number is 5,000, but too many hints blur each other."""
HINT_BOOST = 10.0
"""Google recommends up to 20; half of that makes a name likelier without hearing it everywhere."""

_TELEPHONE_MODEL_LANGUAGES = frozenset({"en-US"})
"""Where v1's `phone_call` model exists in its enhanced form; elsewhere Google chooses the model."""


class GoogleRecognizer:
    """Fulfils `worker.speech.recognizer.Recognizer`. One connection serves all calls."""

    def __init__(self, settings: Settings) -> None:
        self._endpoint = settings.google_speech_endpoint
        self._plaintext = settings.google_speech_plaintext
        self._key_file = settings.google_application_credentials
        self._client: Any = None
        self._channel: grpc.aio.Channel | None = None
        self._connecting = asyncio.Lock()

    async def open(self, *, language: str, hints: Sequence[str]) -> RecognitionSession:
        await self.warm_up()
        return GoogleSession(self._client, streaming_config(language, hints))

    async def warm_up(self) -> None:
        """Connect, or make sure of the connection. Raises `RecognizerUnavailable`."""
        async with self._connecting:
            if self._client is None:
                self._client = await self._make_client()
                self._channel = self._client.transport.grpc_channel
        assert self._channel is not None
        try:
            async with asyncio.timeout(CONNECT_DEADLINE_S):
                await self._channel.channel_ready()
        except TimeoutError as error:
            where = self._endpoint or "Google Speech"
            raise RecognizerUnavailable(f"{where} could not be reached in {CONNECT_DEADLINE_S:g} s") from error

    async def close(self) -> None:
        if self._client is not None:
            await self._client.transport.close()
            self._client = self._channel = None

    async def _make_client(self) -> Any:
        if self._plaintext:
            if not self._endpoint:
                raise RecognizerUnavailable("GOOGLE_SPEECH_PLAINTEXT is set but GOOGLE_SPEECH_ENDPOINT is not")
            # The client's own options always mean TLS, so it gets a transport with a channel of ours.
            channel = grpc.aio.insecure_channel(self._endpoint, options=CHANNEL_OPTIONS)
            return speech_v1.SpeechAsyncClient(transport=SpeechGrpcAsyncIOTransport(channel=channel))
        try:
            found = await credentials(self._key_file)
        except NoCredentials as error:
            raise RecognizerUnavailable(str(error)) from error
        options = ClientOptions(api_endpoint=self._endpoint) if self._endpoint else None
        return speech_v1.SpeechAsyncClient(credentials=found, client_options=options)


def streaming_config(language: str, hints: Sequence[str]) -> speech_v1.StreamingRecognitionConfig:
    """What Google is told about the audio. `language` is a BCP-47 tag."""
    config = speech_v1.RecognitionConfig(
        encoding=speech_v1.RecognitionConfig.AudioEncoding.MULAW,
        sample_rate_hertz=8_000,
        audio_channel_count=1,
        language_code=language,
        max_alternatives=1,
        enable_automatic_punctuation=True,
    )
    if language in _TELEPHONE_MODEL_LANGUAGES:
        config.model = "phone_call"
        config.use_enhanced = True
    phrases = _phrases(hints)
    if phrases:
        config.speech_contexts = [speech_v1.SpeechContext(phrases=phrases, boost=HINT_BOOST)]
    return speech_v1.StreamingRecognitionConfig(config=config, interim_results=True, single_utterance=False)


def _phrases(hints: Sequence[str]) -> list[str]:
    cleaned = (" ".join(hint.split()) for hint in hints)
    fitting = (hint for hint in cleaned if 0 < len(hint) <= MAX_HINT_CHARS)
    return list(dict.fromkeys(fitting))[:MAX_HINTS]
