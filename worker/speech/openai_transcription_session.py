"""The transcription of one call over as many of OpenAI's sessions as it takes.

What Floyd does and why:

* Floyd commits, not the server's voice detection: the streaming models have none, and the others do without. So
  where each utterance begins and ends in the session's audio is known exactly (`openai_transcription_cuts`).
* Only utterances are sent, each frame as it comes. Silence would be paid for, and made into words.
* Utterances are published one after the other, however they complete: hypotheses of one, its final, then the next.
* What has no final stays in `UnsettledAudio`. When a socket dies, all of it goes through the next one. Since an
  utterance is settled as a whole, nothing is lost or doubled.
* OpenAI ends a session after 60 minutes (30 before 2025-08, and elsewhere still). From `ROLL_S` on, the first
  moment in which nothing is under way is used to go on with the spare socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import structlog
import webrtcvad
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from worker.audio.g711 import decode
from worker.phone.media import FRAME_BYTES, SAMPLE_RATE_HZ
from worker.speech import openai_transcription_events as wire
from worker.speech.openai_realtime_wire import CONFIGURE, Problem, append
from worker.speech.openai_transcription_cuts import LEAD_MS, Cuts, Place
from worker.speech.openai_transcription_items import Item, Items
from worker.speech.openai_transcription_socket import Socket, SocketDied, Sockets, hopeless
from worker.speech.recognizer import Recognition, RecognizerUnavailable
from worker.speech.unsettled import BYTES_PER_SECOND, UnsettledAudio

log = structlog.get_logger(__name__)

ROLL_S = 25 * 60.0
"""From here on the first silence is used: minutes to find one, whichever limit the vendor has."""
ROLL_HARD_S = 29 * 60.0
READY_BEFORE_S = 20.0
"""So long before `ROLL_S` the next socket is made ready."""
UNSETTLED_S = 30.0
"""How much audio is kept for sending again: the longest utterance, and the longest wait for its final."""
FINAL_DEADLINE_S = 6.0
"""From a commit to its final, which takes half a second: a socket that needs longer is dead, though it says
nothing."""
LOOK_S = 0.25
"""How often deadlines are looked at."""
BETWEEN_BYTES = 3 * FRAME_BYTES
"""Between utterances it is enough to listen for a voice every 60 ms: what was said meanwhile is sent in one go."""
MAX_APPEND_BYTES = 24_000
"""Three seconds. OpenAI takes 15 MiB a message, servers of one's own less."""
VOICE_MODE = 2
"""WebRTC's voice detection, 0 (lets most through) to 3: who is missed here is not heard at all. 2 hears speech
30 dB softer than usual, and no voice in noise up to -35 dBFS; 3 misses soft speech, 1 is kept busy by noise."""
STABILITY = 0.9
"""Of a hypothesis: deltas only add words, and the final seldom changes them."""

ATTEMPTS = 8
"""Sockets in a row that die young, before recognition is given up: with the pauses, about ten seconds."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 3.0
YOUNG_S = 2.0
MAX_DEATHS = 30
"""In one call, however long each lived: beyond it something is wrong that opening again does not mend."""
LAST_WORDS_S = 0.5
"""When nothing can be sent any more, what has come until then is still read: it may hold the reason."""
SAME_PLACE_S = 1.0
"""Two failures within this of each other are of the same utterance."""
MAX_RESULTS = 256
"""Results that may wait to be read; then reading from OpenAI pauses."""

_LEAD_BYTES = LEAD_MS * BYTES_PER_SECOND // 1000


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a session is told first; `plain` is without language and hints, for servers that don't take them."""

    model: str
    full: str
    plain: str


@dataclass(slots=True)
class _Stream:
    """One socket's share of the call."""

    socket: Socket
    opened_at: float
    voice: webrtcvad.Vad = field(default_factory=lambda: webrtcvad.Vad(VOICE_MODE))
    cuts: Cuts = field(default_factory=Cuts)
    items: Items = field(default_factory=Items)
    pending: bytearray = field(default_factory=bytearray)
    """Heard and not sent: the lead of the next utterance, or what is about to be sent of this one."""


class TranscriptionSession:
    """Fulfils `worker.speech.recognizer.RecognitionSession`. Build it inside the running loop."""

    def __init__(self, sockets: Sockets, configuration: Configuration) -> None:
        self._sockets = sockets
        self._configuration = configuration
        self._with_hints = True
        self._loop = asyncio.get_running_loop()
        self._audio = UnsettledAudio(int(UNSETTLED_S * BYTES_PER_SECOND))
        self._fed = asyncio.Event()
        self._enough = FRAME_BYTES
        """How much audio is worth looking at."""
        self._results: asyncio.Queue[Recognition | RecognizerUnavailable | None] = asyncio.Queue(MAX_RESULTS)
        self._settled = 0
        self._shown = ""
        """The hypothesis that was published and has no final yet."""
        self._failed_at: int | None = None
        self._deaths = 0
        self._closed = False
        self._task = asyncio.create_task(self._run(), name="openai-transcription")

    def feed(self, mulaw: bytes) -> None:
        self._audio.feed(mulaw)
        if self._audio.unsent >= self._enough:
            self._fed.set()

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
            retry=retry_if_exception_type(SocketDied),
            reraise=True,
        )
        try:
            await retrying(self._run_stream)
        except SocketDied as error:
            raise RecognizerUnavailable(
                f"{ATTEMPTS} sockets in a row died at once, the last with: {error}"
            ) from error

    async def _run_stream(self) -> None:
        """One socket, to its end. Raises `SocketDied` if it died young, `RecognizerUnavailable` if for good."""
        opened_at = self._loop.time()
        try:
            socket = await self._sockets.take()
        except SocketDied as error:
            self._note_death(opened_at, error)
            return
        stream = _Stream(socket, opened_at)
        self._audio.rewind(self._settled)
        reading, sending, watching = tasks = [
            asyncio.create_task(run(stream)) for run in (self._read, self._send, self._watch)
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and not watching.done():
                await asyncio.wait([reading], timeout=LAST_WORDS_S)
            for task in tasks:
                if task.done():
                    task.result()
            log.info("recognizer.rolled", age_s=round(socket.age_s, 1))
        except SocketDied as error:
            self._note_death(opened_at, error)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._sockets.discard(socket)

    def _note_death(self, opened_at: float, error: SocketDied) -> None:
        age_s = self._loop.time() - opened_at
        self._deaths += 1
        log.warning("recognizer.died", age_s=round(age_s, 2), deaths=self._deaths, reason=str(error)[:200])
        if self._deaths > MAX_DEATHS:
            raise RecognizerUnavailable(f"{self._deaths} sockets died, the last with: {error}") from error
        if age_s < YOUNG_S:
            raise error

    async def _send(self, stream: _Stream) -> None:
        """Pass on what is fed."""
        configuration = self._configuration
        # Nobody waits for the answer: audio may follow at once, and a refusal comes as an error.
        await stream.socket.send(configuration.full if self._with_hints else configuration.plain)
        while True:
            self._fed.clear()
            while (whole := min(self._audio.unsent, MAX_APPEND_BYTES) // FRAME_BYTES * FRAME_BYTES) > 0:
                await self._pass_on(self._audio.take(whole), stream)
            self._enough = FRAME_BYTES if stream.cuts.within else BETWEEN_BYTES
            await self._fed.wait()

    async def _watch(self, stream: _Stream) -> None:
        """Return when it is time for another socket. Raises `SocketDied` when this one is dead without a word."""
        while not self._is_time_to_roll(stream):
            await asyncio.sleep(LOOK_S)
            waiting_since = stream.items.waiting_since()
            if waiting_since is not None and self._loop.time() - waiting_since > FINAL_DEADLINE_S:
                raise SocketDied(f"no final came within {FINAL_DEADLINE_S:g} s")
            if stream.socket.is_stalled:
                raise SocketDied("no audio was taken any more")

    async def _pass_on(self, mulaw: bytes, stream: _Stream) -> None:
        """Whole frames, behind the last of which the audio's cursor is."""
        end = self._audio.cursor - len(mulaw)
        for at in range(0, len(mulaw), FRAME_BYTES):
            frame = mulaw[at : at + FRAME_BYTES]
            end += FRAME_BYTES
            stream.pending += frame
            was_within = stream.cuts.within
            place = stream.cuts.take(stream.voice.is_speech(decode(frame).tobytes(), SAMPLE_RATE_HZ))
            if place is Place.BETWEEN:
                del stream.pending[:-_LEAD_BYTES]
                continue
            if not was_within:
                stream.items.begin(end - len(stream.pending))
            if place is Place.LAST:
                await self._flush(stream)
                voice_end = end - stream.cuts.silence_ms * BYTES_PER_SECOND // 1000
                stream.items.commit(end, voice_end, self._loop.time())
                await stream.socket.send(wire.COMMIT)
        if stream.cuts.within:
            await self._flush(stream)
        elif not stream.items:
            self._settle(end - len(stream.pending))

    async def _flush(self, stream: _Stream) -> None:
        message = append(bytes(stream.pending))
        stream.pending.clear()
        await stream.socket.send(message)

    def _is_time_to_roll(self, stream: _Stream) -> bool:
        age_s = stream.socket.age_s
        if age_s >= ROLL_S - READY_BEFORE_S:
            self._sockets.expect()
        if age_s < ROLL_S:
            return False
        return age_s >= ROLL_HARD_S or not stream.items

    async def _read(self, stream: _Stream) -> None:
        while True:
            match await stream.socket.receive():
                case wire.Delta(name, text):
                    stream.items.on_delta(name, text)
                case wire.Committed(name):
                    stream.items.on_committed(name)
                case wire.Completed(name, text):
                    stream.items.on_completed(name, text)
                case wire.Failed(name, problem):
                    self._on_failed(name, problem, stream)
                case Problem() as problem:
                    self._on_problem(problem)
                case _:
                    continue
            await self._publish(stream.items)

    def _on_failed(self, name: str, problem: Problem, stream: _Stream) -> None:
        """Once, the utterance is sent again; then what was heard of it must do."""
        if (refusal := hopeless(problem, self._configuration.model)) is not None:
            raise refusal
        before, self._failed_at = self._failed_at, self._settled
        if before is None or abs(self._settled - before) > SAME_PLACE_S * BYTES_PER_SECOND:
            raise SocketDied(f"an utterance failed: {problem.message or problem.code}")
        log.warning("recognizer.utterance_failed", reason=problem.message or problem.code)
        stream.items.give_up(name)

    def _on_problem(self, problem: Problem) -> None:
        reason = problem.message or problem.code or "an error without words"
        if (refusal := hopeless(problem, self._configuration.model)) is not None:
            raise refusal
        if problem.about == CONFIGURE:
            if not self._with_hints:
                raise RecognizerUnavailable(
                    f"OpenAI's transcription refuses the session: {reason}. Is OPENAI_TRANSCRIPTION_MODEL "
                    f'("{self._configuration.model}") one for streaming?'
                )
            self._with_hints = False
        raise SocketDied(reason)

    async def _publish(self, items: Items) -> None:
        """The finals whose turn it is, then the hypothesis of the first item that has none."""
        while (item := items.take_final()) is not None:
            await self._publish_final(item)
        first = items.first
        text = first.text.strip() if first is not None else ""
        if first is not None and text and text != self._shown:
            self._shown = text
            end = self._audio.cursor if first.end is None else first.voice_end
            await self._results.put(Recognition(text, False, STABILITY, end / BYTES_PER_SECOND))

    async def _publish_final(self, item: Item) -> None:
        assert item.end is not None
        self._settle(item.end)
        text = item.text.strip()
        if text or self._shown:  # an empty final takes back the hypothesis
            self._shown = ""
            await self._results.put(Recognition(text, True, 1.0, item.voice_end / BYTES_PER_SECOND))

    def _settle(self, position: int) -> None:
        self._settled = max(self._settled, position)
        self._audio.settle(self._settled)
