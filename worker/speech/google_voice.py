"""Google Cloud Text-to-Speech behind the `Voice` protocol: v1 StreamingSynthesize by the official async client.

The wire (cloud.google.com/text-to-speech/docs/reference/rpc/google.cloud.texttospeech.v1): the first request
holds `streaming_config`, the next ones `input`; responses hold `audio_content` as it is made. Its
`StreamingAudioConfig` takes PCM, ALAW, MULAW and OGG_OPUS, so the audio is asked for as the telephone has it and
needs no conversion. Only voices of the Chirp 3 HD family stream. A request holds at most 5,000 bytes of text,
and a stream whose client sends nothing for five seconds is aborted: so each clause has a stream of its own, at
once closed for sending. All share one connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import grpc.aio
import structlog
from google.api_core import exceptions as api
from google.api_core.client_options import ClientOptions
from google.cloud import texttospeech_v1
from google.cloud.texttospeech_v1.services.text_to_speech.transports import TextToSpeechGrpcAsyncIOTransport
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random

from worker.again import again
from worker.speech.google_account import CHANNEL_OPTIONS, NoCredentials, credentials
from worker.speech.voice import VoiceUnavailable

if TYPE_CHECKING:
    from worker.settings import Settings

log = structlog.get_logger(__name__)

CONNECT_DEADLINE_S = 5.0
FIRST_AUDIO_DEADLINE_S = 5.0
"""One attempt, from the request to its first audio. A good day's value is under half a second; by five the callee
has asked whether anybody is there."""
NEXT_AUDIO_DEADLINE_S = 4.0
"""Between two pieces of audio. Audio comes faster than it is played, so a gap like this is heard."""
STREAM_DEADLINE_S = 60.0
"""For a whole clause, on Google's side too: nothing is synthesised for one who is gone."""
ATTEMPTS = 2
"""A second one only before the first audio: what was spoken can't be taken back."""
MAX_TEXT_BYTES = 5_000
"""Google's limit for one request. A clause is far shorter."""

RATE_HZ = 8_000

_PASSING = (
    api.ServiceUnavailable,
    api.InternalServerError,
    api.DeadlineExceeded,
    api.ResourceExhausted,
    api.Aborted,
    api.Unknown,
    TimeoutError,
)
_FAILED = (api.GoogleAPICallError, grpc.aio.AioRpcError)


class GoogleVoice:
    """Fulfils `worker.speech.voice.Voice`. One connection serves all calls."""

    def __init__(self, settings: Settings) -> None:
        self._endpoint = settings.google_tts_endpoint
        self._plaintext = settings.google_tts_plaintext
        self._key_file = settings.google_application_credentials
        self._config = texttospeech_v1.StreamingSynthesizeRequest(
            streaming_config=streaming_config(settings.google_tts_voice)
        )
        self._client: Any = None
        self._connecting = asyncio.Lock()

    async def speak(self, text: str) -> AsyncGenerator[bytes]:
        text = text.strip()
        if not any(character.isalnum() for character in text):
            return  # nothing to pronounce, which Google answers with an error
        if (size := len(text.encode())) > MAX_TEXT_BYTES:
            raise VoiceUnavailable(f"{size} bytes are too many to speak at once (at most {MAX_TEXT_BYTES})")
        client = await self._connected()
        first, rest = await self._begin(client, text)
        async with aclosing(rest):
            yield first
            while True:
                try:
                    async with asyncio.timeout(NEXT_AUDIO_DEADLINE_S):
                        piece = await anext(rest)
                except StopAsyncIteration:
                    return
                except TimeoutError as error:
                    raise VoiceUnavailable(
                        f"The voice stopped for {NEXT_AUDIO_DEADLINE_S:g} s in mid-sentence"
                    ) from error
                except _FAILED as error:
                    raise VoiceUnavailable(f"The voice broke off in mid-sentence: {_reason(error)}") from error
                yield piece

    async def warm_up(self) -> None:
        """Connect, or make sure of the connection."""
        client = await self._connected()
        try:
            async with asyncio.timeout(CONNECT_DEADLINE_S):
                await client.transport.grpc_channel.channel_ready()
        except TimeoutError as error:
            where = self._endpoint or "Google Text-to-Speech"
            raise VoiceUnavailable(f"{where} could not be reached in {CONNECT_DEADLINE_S:g} s") from error

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.transport.close()

    async def _begin(self, client: Any, text: str) -> tuple[bytes, AsyncGenerator[bytes]]:
        """A stream whose first audio is there, and what follows."""
        try:
            begun = await again(lambda: self._attempt(client, text), _PASSING, _retrying)
        except (*_FAILED, TimeoutError) as error:
            raise VoiceUnavailable(f"The text could not be spoken: {_reason(error)}") from error
        return begun

    async def _attempt(self, client: Any, text: str) -> tuple[bytes, AsyncGenerator[bytes]]:
        audio = self._stream(client, text)
        try:
            async with asyncio.timeout(FIRST_AUDIO_DEADLINE_S):
                return await anext(audio), audio
        except StopAsyncIteration:
            raise TimeoutError("the answer held no audio") from None
        except BaseException:
            await audio.aclose()
            raise

    async def _stream(self, client: Any, text: str) -> AsyncGenerator[bytes]:
        """The audio of one request. Closing it cancels the call."""
        # retry=None: a stream that is half spoken must not be repeated by the generated client.
        call = await client.streaming_synthesize(
            requests=self._requests(text), retry=None, timeout=STREAM_DEADLINE_S
        )
        try:
            is_first = True
            async for response in call:
                if piece := _without_header(response.audio_content) if is_first else response.audio_content:
                    is_first = False
                    yield piece
        finally:
            call.cancel()

    async def _requests(self, text: str) -> AsyncIterator[texttospeech_v1.StreamingSynthesizeRequest]:
        yield self._config
        yield texttospeech_v1.StreamingSynthesizeRequest(input=texttospeech_v1.StreamingSynthesisInput(text=text))

    async def _connected(self) -> Any:
        async with self._connecting:
            if self._client is None:
                self._client = await self._make_client()
            return self._client

    async def _make_client(self) -> Any:
        if self._plaintext:
            if not self._endpoint:
                raise VoiceUnavailable("GOOGLE_TTS_PLAINTEXT is set but GOOGLE_TTS_ENDPOINT is not")
            # The client's own options always mean TLS, so it gets a transport with a channel of ours.
            channel = grpc.aio.insecure_channel(self._endpoint, options=CHANNEL_OPTIONS)
            return texttospeech_v1.TextToSpeechAsyncClient(
                transport=TextToSpeechGrpcAsyncIOTransport(channel=channel)
            )
        try:
            found = await credentials(self._key_file)
        except NoCredentials as error:
            raise VoiceUnavailable(str(error)) from error
        options = ClientOptions(api_endpoint=self._endpoint) if self._endpoint else None
        return texttospeech_v1.TextToSpeechAsyncClient(credentials=found, client_options=options)


def streaming_config(voice: str) -> texttospeech_v1.StreamingSynthesizeConfig:
    """What Google is told about the audio. `voice` is a name like "en-US-Chirp3-HD-Aoede", its language first."""
    return texttospeech_v1.StreamingSynthesizeConfig(
        voice=texttospeech_v1.VoiceSelectionParams(language_code="-".join(voice.split("-")[:2]), name=voice),
        streaming_audio_config=texttospeech_v1.StreamingAudioConfig(
            audio_encoding=texttospeech_v1.AudioEncoding.MULAW, sample_rate_hertz=RATE_HZ
        ),
    )


def _retrying() -> AsyncRetrying:
    return AsyncRetrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random(0.05, 0.2),
        retry=retry_if_exception_type(_PASSING),
        before_sleep=lambda state: log.warning("voice.again", attempt=state.attempt_number),
        reraise=True,
    )


def _without_header(audio: bytes) -> bytes:
    """Where MULAW is not streamed it comes as a WAV file; a header would be heard as a crack."""
    if audio[:4] != b"RIFF" or audio[8:12] != b"WAVE":
        return audio
    data = audio.find(b"data")
    return audio[data + 8 :] if data >= 0 else b""


def _reason(error: BaseException) -> str:
    if isinstance(error, api.GoogleAPICallError):
        return str(error.message)[:200]
    if isinstance(error, grpc.aio.AioRpcError):
        return str(error.details())[:200]
    return str(error)[:200] or type(error).__name__
