"""OpenAI's speech endpoint behind the `Voice` protocol, by the official client.

`POST /audio/speech` with response_format `pcm` streams 24,000 Hz, 16-bit, little-endian, mono samples without a
header. Pieces end anywhere, also in the middle of a sample. They are turned into mu-law at 8,000 Hz as they come.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx2
import structlog
from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    AsyncOpenAI,
    DefaultAioHttpClient,
    InternalServerError,
    OpenAIError,
    RateLimitError,
)
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from worker.again import again
from worker.audio.resample import OUTPUT_RATE_HZ, PcmToMulaw
from worker.deadline import MovingDeadline
from worker.openai_post import post
from worker.precedence import ANSWERS
from worker.spare_connection import SpareConnection
from worker.speech.lead import Lead
from worker.speech.voice import VoiceUnavailable

if TYPE_CHECKING:
    from worker.settings import Settings

log = structlog.get_logger(__name__)

CONNECT_DEADLINE_S = 3.0
FIRST_AUDIO_DEADLINE_S = 5.0
"""One attempt, from the request to its first audio. A good day's value is under half a second; by five the callee
has asked whether anybody is there."""
NEXT_AUDIO_DEADLINE_S = 4.0
"""Between two pieces of audio. Audio comes faster than it is played, so a gap like this is heard."""
ATTEMPTS = 3
KEEPALIVE_S = 300.0
"""An unused connection is kept for this long: over a callee's longest turn or a hold. The client's own 5 s would
make nearly every turn connect again. A connection that the server closed meanwhile is noticed and replaced."""
MAX_CONNECTIONS = 400
READ_BYTES = 16 * 1024
"""What the client reads at once, if it is there; then there is more."""
MAX_TEXT_CHARS = 4_096
"""OpenAI's limit for one request. A clause is far shorter."""

_PASSING = (APIConnectionError, InternalServerError, RateLimitError, TimeoutError)
"""Asking again may help."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer that has begun: its first audio, what follows, and what closes it."""

    request: AsyncExitStack
    first: bytes
    rest: AsyncIterator[bytes]


class OpenAIVoice:
    """Fulfils `worker.speech.voice.Voice`. One for all calls; build it inside the running loop."""

    def __init__(self, settings: Settings) -> None:
        if settings.openai_api_key is None:
            raise ValueError("OPENAI_API_KEY is not set")
        self._model = settings.openai_tts_model
        self._voice = settings.openai_tts_voice
        self._client = AsyncOpenAI(
            api_key=settings.openai_api_key.get_secret_value(),
            base_url=settings.openai_base_url,
            # Tenacity retries, and only before the first audio: the client can't know when that is.
            max_retries=0,
            timeout=httpx2.Timeout(FIRST_AUDIO_DEADLINE_S, connect=CONNECT_DEADLINE_S),
            http_client=DefaultAioHttpClient(
                limits=httpx2.Limits(
                    max_connections=MAX_CONNECTIONS,
                    max_keepalive_connections=MAX_CONNECTIONS,
                    keepalive_expiry=KEEPALIVE_S,
                )
            ),
        )
        self._connections = SpareConnection(self._connect)

    async def speak(self, text: str) -> AsyncGenerator[bytes]:
        text = text.strip()
        if not any(character.isalnum() for character in text):
            return  # nothing to pronounce, which some servers answer with an error
        if len(text) > MAX_TEXT_CHARS:
            raise VoiceUnavailable(
                f"{len(text)} characters are too many to speak at once (at most {MAX_TEXT_CHARS})"
            )
        converter, lead, loop = PcmToMulaw(), Lead(), asyncio.get_running_loop()
        async with AsyncExitStack() as request:
            connection = request.enter_context(self._connections.taken())
            answer = await self._begin(text, request)
            if mulaw := converter.feed(answer.first):
                lead.came(len(mulaw) / OUTPUT_RATE_HZ, loop.time())
                yield mulaw
            async for pcm in _bounded(answer.rest):
                await ANSWERS.give_way()
                if mulaw := converter.feed(pcm):
                    lead.came(len(mulaw) / OUTPUT_RATE_HZ, loop.time())
                    yield mulaw
                if len(pcm) < READ_BYTES and (wait_s := lead.may_wait_s(loop.time())):
                    await asyncio.sleep(wait_s)
            connection.is_whole = True
            if mulaw := converter.flush():
                yield mulaw

    async def warm_up(self) -> None:
        with self._connections.taken() as connection:
            await self._connect()
            connection.is_whole = True

    async def _connect(self) -> None:
        """Open a connection by asking for something small. A server that does not know it is warm as well."""
        try:
            async with asyncio.timeout(CONNECT_DEADLINE_S):
                await self._client.models.retrieve(self._model)
        except APIStatusError:
            return
        except (OpenAIError, TimeoutError) as error:
            raise VoiceUnavailable(f"The voice can't be reached: {_reason(error)}") from error

    async def close(self) -> None:
        await self._connections.close()
        await self._client.close()

    async def _begin(self, text: str, request: AsyncExitStack) -> _Answer:
        try:
            answer = await again(lambda: self._attempt(text), _PASSING, _retrying)
        except (OpenAIError, TimeoutError, httpx2.HTTPError) as error:
            raise VoiceUnavailable(f"The text could not be spoken: {_reason(error)}") from error
        request.push_async_exit(answer.request)
        return answer

    async def _attempt(self, text: str) -> _Answer:
        """One request up to its first audio."""
        async with AsyncExitStack() as stack, asyncio.timeout(FIRST_AUDIO_DEADLINE_S):
            asked = {"model": self._model, "voice": self._voice, "input": text, "response_format": "pcm"}
            response = await post(self._client, "/audio/speech", asked, accept="application/octet-stream")
            stack.push_async_callback(response.aclose)
            pieces = response.aiter_bytes()
            try:
                first = await anext(aiter(pieces))
            except StopAsyncIteration:
                raise TimeoutError("the answer held no audio") from None
            except httpx2.TransportError as error:
                raise APIConnectionError(message=_reason(error), request=response.request) from error
            return _Answer(stack.pop_all(), first, pieces)
        raise AssertionError("unreachable")


def _retrying() -> AsyncRetrying:
    return AsyncRetrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.1, max=0.5),
        retry=retry_if_exception_type(_PASSING),
        before_sleep=lambda state: log.warning("voice.again", attempt=state.attempt_number),
        reraise=True,
    )


async def _bounded(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, each with a deadline. What was spoken can't be taken back, so there is no second attempt."""
    try:
        async with MovingDeadline(NEXT_AUDIO_DEADLINE_S) as deadline:
            async for piece in pieces:
                deadline.pause()
                yield piece
                deadline.move(NEXT_AUDIO_DEADLINE_S)
    except TimeoutError as error:
        raise VoiceUnavailable(f"The voice stopped for {NEXT_AUDIO_DEADLINE_S:g} s in mid-sentence") from error
    except (OpenAIError, httpx2.HTTPError, httpx2.StreamError) as error:
        raise VoiceUnavailable(f"The voice broke off in mid-sentence: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """What to tell of an error. The text of an API error may repeat what was sent, but not the key."""
    if isinstance(error, APIError):
        return error.message[:200]
    return str(error)[:200] or type(error).__name__
