"""The recognition of one call over as many of Google's streams as it takes.

What Google's documentation says of StreamingRecognize: a stream ends after about 305 seconds; a request holds at
most 25 KB; audio should come at about the pace it is spoken; the first request holds the configuration and all
others audio. And streams die.

So the audio since the last final is kept. A new stream is opened, and that audio sent again, when

* a stream is old (`ROLL_S`) and nothing is being said: only the last moments are sent again;
* a stream is very old (`ROLL_HARD_S`), whatever is being said: the unfinished utterance is sent again;
* a stream dies or takes no more audio: likewise, after a pause that grows when it dies at once.

Times of results are shifted to the session's audio; a final that comes a second time is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
import structlog
from google.api_core import exceptions as api
from google.cloud import speech_v1
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from worker.speech.recognizer import Recognition, RecognizerUnavailable
from worker.speech.unsettled import BYTES_PER_SECOND, UnsettledAudio

log = structlog.get_logger(__name__)

ROLL_S = 240.0
"""From here on the first silence is used: over a minute to find one before the limit."""
ROLL_HARD_S = 290.0
"""Google ends a stream at about 305 s."""
QUIET_S = 1.0
"""Nothing recognised for so long, and nothing unfinished: a silence."""
OVERLAP_S = 2.0
"""Sent again when nothing was unfinished: covers words that were on their way but had no result yet."""
OVERLAP_AFTER_DEATH_S = 5.0
"""The same after a death: a stream may have stopped listening a while before it was noticed."""
UNSETTLED_S = 20.0
"""How much audio is kept for sending again. Longer than an utterance on the telephone, and short enough that
sending it at once is no flood."""
MAX_REQUEST_BYTES = 24_000
"""Google takes 25 KB a request, the envelope included."""
STALLED_S = 8.0
"""A stream that has taken no audio for so long is dead, though nobody said so."""

ATTEMPTS = 8
"""Streams in a row that die young, before recognition is given up: with the pauses, about ten seconds."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 3.0
YOUNG_S = 2.0
MAX_DEATHS = 30
"""In one session, however long each lived: beyond it something is wrong that opening again does not mend."""

SAME_END_S = 0.1
"""Two finals that end within this are the same one."""
REPEAT_S = 1.0
"""The same words again, first thing on a new stream and ending within this of the last final: a repetition."""
MAX_RESULTS = 256
"""Results that may wait to be read; then reading from Google pauses."""

_HOPELESS = (
    api.InvalidArgument,
    api.Unauthorized,
    api.Forbidden,
    api.NotFound,
    api.MethodNotImplemented,
)
"""Trying again won't help: a wrong configuration or no permission. (OutOfRange, which is Google's "too long",
is a kind of BadRequest but not of InvalidArgument.)"""

_Request = speech_v1.StreamingRecognizeRequest
_RequestPb = _Request.pb()
_Response = speech_v1.StreamingRecognizeResponse


class _Died(Exception):
    """A stream ended that should not have."""


@dataclass(slots=True)
class _Stream:
    base: int
    opened_at: float
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    stalled: bool = False
    closed: bool = False


class GoogleSession:
    """Fulfils `worker.speech.recognizer.RecognitionSession`. Build it inside the running loop."""

    def __init__(self, client: Any, config: speech_v1.StreamingRecognitionConfig) -> None:
        self._client = client
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._audio = UnsettledAudio(int(UNSETTLED_S * BYTES_PER_SECOND))
        self._fed = asyncio.Event()
        self._results: asyncio.Queue[Recognition | RecognizerUnavailable | None] = asyncio.Queue(MAX_RESULTS)
        self._stream: _Stream | None = None
        self._settled = 0
        self._last_final = ""
        self._unfinished = False
        self._heard_at = self._loop.time()
        self._last_sent_at = self._loop.time()
        self._deaths = 0
        self._last_died = False
        self._closed = False
        self._task = asyncio.create_task(self._run(), name="google-speech")

    def feed(self, mulaw: bytes) -> None:
        self._audio.feed(mulaw)
        self._fed.set()
        stream = self._stream
        if stream is None:
            return
        now = self._loop.time()
        if now - self._last_sent_at > STALLED_S and self._audio.unsent > STALLED_S * BYTES_PER_SECOND / 2:
            stream.stalled = True
            stream.leave.set()
        elif self._is_time_to_roll(now - stream.opened_at, now):
            stream.leave.set()

    async def results(self) -> AsyncIterator[Recognition]:
        while True:
            result = await self._results.get()
            if result is None:
                return
            if isinstance(result, RecognizerUnavailable):
                raise result
            yield result

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._end(None)

    def _end(self, last: RecognizerUnavailable | None) -> None:
        """Let `results` end, after what is waiting to be read; with a full queue the oldest gives way."""
        if self._results.full():
            self._results.get_nowait()
        self._results.put_nowait(last)

    def _is_time_to_roll(self, age_s: float, now: float) -> bool:
        if age_s < ROLL_S:
            return False
        return age_s >= ROLL_HARD_S or (not self._unfinished and now - self._heard_at >= QUIET_S)

    async def _run(self) -> None:
        try:
            while True:
                await self._open_until_one_lives()
        except RecognizerUnavailable as error:
            log.error("recognizer.unavailable", reason=str(error))
            self._end(error)

    async def _open_until_one_lives(self) -> None:
        """Run streams until one has lived a while (then the count of attempts starts anew)."""
        retrying = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential_jitter(multiplier=FIRST_PAUSE_S, max=LONGEST_PAUSE_S, jitter=FIRST_PAUSE_S),
            retry=retry_if_exception_type(_Died),
            reraise=True,
        )
        try:
            await retrying(self._run_stream)
        except _Died as error:
            raise RecognizerUnavailable(
                f"{ATTEMPTS} streams in a row died at once, the last with: {error}"
            ) from error

    async def _run_stream(self) -> None:
        """One stream, to its end. Raises `_Died` when it died young, `RecognizerUnavailable` when for good."""
        base = self._audio.rewind(self._replay_from())
        stream = _Stream(base=base, opened_at=self._loop.time())
        self._last_sent_at = stream.opened_at
        self._stream = stream
        self._last_died = False
        call: Any = None
        reading: asyncio.Task[None] | None = None
        leaving = asyncio.create_task(stream.leave.wait())
        try:
            # retry and timeout: the generated defaults would repeat a stream whose audio is half gone.
            call = await self._client.streaming_recognize(
                requests=self._requests(stream), retry=None, timeout=ROLL_HARD_S + 60
            )
            reading = asyncio.create_task(self._read(call, stream))
            await asyncio.wait({reading, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                await reading
            if stream.stalled:
                raise _Died(f"no audio was taken for {STALLED_S:g} s")
            log.info("recognizer.rolled", age_s=round(self._loop.time() - stream.opened_at, 1))
        except _HOPELESS as error:
            raise RecognizerUnavailable(f"Google Speech refused: {error.message}") from error
        except (_Died, api.GoogleAPICallError, grpc.aio.AioRpcError) as error:
            self._note_death(stream, error)
        finally:
            stream.closed = True
            self._stream = None
            self._fed.set()  # wakes a sender that waits for audio, so that it sees that it is over
            leaving.cancel()
            if call is not None:
                call.cancel()
            if reading is not None:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    def _note_death(self, stream: _Stream, error: Exception) -> None:
        age_s = self._loop.time() - stream.opened_at
        self._deaths += 1
        self._last_died = True
        reason = f"{type(error).__name__}: {error}"
        log.warning("recognizer.died", age_s=round(age_s, 2), deaths=self._deaths, reason=reason[:200])
        if self._deaths > MAX_DEATHS:
            raise RecognizerUnavailable(f"{self._deaths} streams died, the last with: {reason}") from error
        if age_s < YOUNG_S:
            raise _Died(reason) from error

    def _replay_from(self) -> int:
        if self._unfinished:
            return self._settled
        overlap_s = OVERLAP_AFTER_DEATH_S if self._last_died else OVERLAP_S
        return max(self._settled, self._audio.cursor - int(overlap_s * BYTES_PER_SECOND))

    async def _requests(self, stream: _Stream) -> AsyncIterator[Any]:
        yield _Request(streaming_config=self._config)
        while True:
            self._fed.clear()
            if stream.closed:
                return
            if not self._audio.unsent:
                self._last_sent_at = self._loop.time()
                await self._fed.wait()
                continue
            # wrap(): building the message by the wrapper class costs several times as much, 50 times a second.
            yield _Request.wrap(_RequestPb(audio_content=self._audio.take(MAX_REQUEST_BYTES)))
            self._last_sent_at = self._loop.time()

    async def _read(self, call: Any, stream: _Stream) -> None:
        async for response in call:
            message = _Response.pb(response)
            if message.error.code:
                raise _Died(f"{message.error.message} (code {message.error.code})")
            await self._take(message.results, stream)
        raise _Died("the stream was ended by the other side")

    async def _take(self, results: Any, stream: _Stream) -> None:
        """Finals settle words one by one; all that is interim in a response is one hypothesis."""
        text, stability, end = "", 1.0, 0
        for result in results:
            if not result.alternatives:
                continue
            words = result.alternatives[0].transcript
            position = self._position(result, stream)
            if result.is_final:
                await self._settle(words.strip(), position, stream)
            else:
                text += words
                stability = min(stability, result.stability)
                end = max(end, position)
        text = text.strip()
        if not text or (self._is_reopened(stream) and end <= self._settled):
            return
        self._unfinished = True
        self._heard_at = self._loop.time()
        await self._results.put(Recognition(text, False, stability, end / BYTES_PER_SECOND))

    async def _settle(self, text: str, end: int, stream: _Stream) -> None:
        self._unfinished = False
        self._heard_at = self._loop.time()
        if self._is_repetition(text, end, stream):
            log.info("recognizer.repetition_dropped", end_s=end / BYTES_PER_SECOND)
            return
        self._settled = max(self._settled, end)
        self._audio.settle(self._settled)
        if text:
            self._last_final = text
            await self._results.put(Recognition(text, True, 1.0, end / BYTES_PER_SECOND))

    def _is_reopened(self, stream: _Stream) -> bool:
        return stream.base > 0 or self._deaths > 0

    def _is_repetition(self, text: str, end: int, stream: _Stream) -> bool:
        if not self._last_final or not self._is_reopened(stream):
            return False
        if end <= self._settled + SAME_END_S * BYTES_PER_SECOND:
            return True
        first_on_stream = self._settled <= stream.base
        return (
            first_on_stream
            and _bare(text) == _bare(self._last_final)
            and end <= self._settled + REPEAT_S * BYTES_PER_SECOND
        )

    def _position(self, result: Any, stream: _Stream) -> int:
        """Where a result ends in the session's audio; where nothing is said of it, at what was sent last."""
        offset_s = result.result_end_time.seconds + result.result_end_time.nanos / 1e9
        if offset_s <= 0:
            return self._audio.cursor
        return stream.base + self._audio.skipped + int(offset_s * BYTES_PER_SECOND)


def _bare(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
