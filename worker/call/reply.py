"""One reply of the model on its way to the line: tokens, clauses, audio.

A reply works ahead as soon as it is made, whether or not anyone listens yet: so it can be prepared while the
disclosure plays, or on a guess, and be thrown away unheard. `clauses()` hands it out in order. The next clause is
synthesised while the present one plays.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar, assert_never

from worker.call.bounds import Breach
from worker.call.clock import Clock
from worker.deadline import MovingDeadline
from worker.model.language_model import (
    Finished,
    LanguageModel,
    ModelUnavailable,
    Prompt,
    TextDelta,
    ToolCall,
)
from worker.precedence import ANSWERS
from worker.speech.clauses import ClauseCutter
from worker.speech.voice import Voice, VoiceUnavailable

FIRST_EVENT_DEADLINE_S = 10.0
"""Nobody holds a silent line for longer. The model's own client has deadlines too; this one holds for any."""

NEXT_EVENT_DEADLINE_S = 10.0

NEXT_AUDIO_DEADLINE_S = 8.0
"""For a clause's first audio, and between chunks."""

CLAUSES_AT_ONCE = 2
"""In synthesis: the present one and the next. More would pay for words that an interruption throws away."""

MAX_TOOL_CALLS = 4
"""In one reply. More is a model that has lost its way."""

MAX_REPLY_CHARS = 2_000
"""Over two minutes of speech without a pause: nobody talks like that on a phone."""

Item = TypeVar("Item")


class ClauseAudio(Protocol):
    """A clause to be spoken, and its audio as it comes: mu-law, 8,000 Hz. Raises `VoiceUnavailable`."""

    @property
    def text(self) -> str: ...

    def chunks(self) -> AsyncIterator[bytes]: ...


class SpeechSource(Protocol):
    """Something to say, clause by clause. Raises `ModelUnavailable`."""

    def clauses(self) -> AsyncIterator[ClauseAudio]: ...


@dataclass(slots=True)
class ReplyTimes:
    """Moments on the loop's clock; None: has not happened."""

    model_asked: float | None = None
    first_token: float | None = None
    first_clause: float | None = None
    first_audio: float | None = None


class SynthesisedClause:
    """A clause that is being synthesised: the voice writes, one listener reads."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._chunks: asyncio.Queue[bytes | VoiceUnavailable | None] = asyncio.Queue()

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            chunk = await self._chunks.get()
            if chunk is None:
                return
            if isinstance(chunk, VoiceUnavailable):
                raise chunk
            yield chunk

    async def synthesise(self, voice: Voice, on_audio: Callable[[], None]) -> None:
        """Fill it. A failure before the first audio is tried once more; any other ends the clause."""
        for attempt in (1, 2):
            started = False
            try:
                async with (
                    _closing(voice.speak(self.text)) as chunks,
                    MovingDeadline(NEXT_AUDIO_DEADLINE_S) as deadline,
                ):
                    async for chunk in chunks:
                        deadline.move(NEXT_AUDIO_DEADLINE_S)
                        if chunk:
                            started = True
                            on_audio()
                            self._chunks.put_nowait(chunk)
                self._chunks.put_nowait(None)
                return
            except Exception as error:
                if not started and attempt == 1 and isinstance(error, VoiceUnavailable | TimeoutError):
                    continue
                # Whatever failed, even by a bug of a client, nobody may wait for this clause for ever.
                reason = "no audio in time" if isinstance(error, TimeoutError) else type(error).__name__
                self._chunks.put_nowait(error if isinstance(error, VoiceUnavailable) else VoiceUnavailable(reason))
                return


class Reply(Protocol):
    """An answer. Start it, read `clauses()`, and always `cancel` it."""

    times: ReplyTimes
    tool_calls: list[ToolCall]
    breach: Breach | None
    text: str
    """Of the clauses so far."""
    tokens: int
    """Pieces of text that the model has written, as a measure of what a reply thrown away has cost."""

    def start(self) -> None: ...

    @property
    def ready(self) -> bool:
        """Whether the first sound is there, or it is known that there will be none."""
        ...

    async def until_ready(self) -> None: ...

    def clauses(self) -> AsyncIterator[ClauseAudio]:
        """The clauses as they come; when it ends, `tool_calls` is complete. Raises `ModelUnavailable`."""
        ...

    async def cancel(self) -> None:
        """Stop all its requests; harmless when they are done."""
        ...


class CascadedReply:
    """The model's answer to `prompt`, spoken by `voice`.

    `guard` looks at each clause before it is spoken; one that it refuses is replaced by what `instead` gives
    (nothing, if that is empty), and the reply ends there. `on_ready` is called once, when `ready` becomes true."""

    def __init__(
        self,
        prompt: Prompt,
        *,
        model: LanguageModel,
        voice: Voice,
        clock: Clock,
        guard: Callable[[str], Breach | None] = lambda clause: None,
        instead: Callable[[Breach], str] = lambda breach: "",
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self.times = ReplyTimes()
        self.tool_calls: list[ToolCall] = []
        self.breach: Breach | None = None
        self.text = ""
        """Of the clauses so far."""
        self.tokens = 0
        """Pieces of text that the model has written, as a measure of what a reply thrown away has cost."""
        self._prompt = prompt
        self._model = model
        self._voice = voice
        self._clock = clock
        self._guard = guard
        self._instead = instead
        self._on_ready = on_ready
        self._ready_event = asyncio.Event()
        self._to_speak: asyncio.Queue[SynthesisedClause | None] = asyncio.Queue()
        self._ready: asyncio.Queue[SynthesisedClause | ModelUnavailable | None] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._think())]
        self._tasks += [asyncio.create_task(self._speak()) for _ in range(CLAUSES_AT_ONCE)]

    @property
    def ready(self) -> bool:
        """Whether the first sound is there, or it is known that there will be none."""
        return self._ready_event.is_set()

    async def until_ready(self) -> None:
        await self._ready_event.wait()

    async def clauses(self) -> AsyncIterator[SynthesisedClause]:
        """The clauses as they come; when it ends, `tool_calls` is complete. Raises `ModelUnavailable`."""
        while True:
            clause = await self._ready.get()
            if clause is None:
                return
            if isinstance(clause, ModelUnavailable):
                raise clause
            yield clause

    async def cancel(self) -> None:
        """Stop the model's and the voice's requests; harmless when they are done."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # A cancelled task keeps its traceback, and that this reply: left to the collector, the replies thrown away
        # by many calls would be pauses of 20 ms.
        self._tasks.clear()

    async def _think(self) -> None:
        end: ModelUnavailable | None = None
        try:
            await self._read_model()
        except ModelUnavailable as error:
            end = error
        except TimeoutError:
            end = ModelUnavailable("The language model did not answer in time.")
        except Exception as error:  # a client's bug must not leave the line silent for ever
            end = ModelUnavailable(f"The language model's client failed ({type(error).__name__}).")
        finally:
            for _ in range(CLAUSES_AT_ONCE):
                self._to_speak.put_nowait(None)
        self._ready.put_nowait(end)
        if self.times.first_clause is None:
            self._note_ready()

    async def _read_model(self) -> None:
        ANSWERS.claim()
        cutter = ClauseCutter()
        self.times.model_asked = self._clock.now()
        async with (
            _closing(self._model.stream(self._prompt)) as events,
            MovingDeadline(FIRST_EVENT_DEADLINE_S) as deadline,
        ):
            async for event in events:
                deadline.move(NEXT_EVENT_DEADLINE_S)
                if self.times.first_token is None:
                    self.times.first_token = self._clock.now()
                match event:
                    case TextDelta(text):
                        self.tokens += 1
                        for clause in cutter.feed(text):
                            if not self._say(clause):
                                return
                    case ToolCall():
                        if len(self.tool_calls) < MAX_TOOL_CALLS:
                            self.tool_calls.append(event)
                    case Finished():
                        break
                    case _:
                        assert_never(event)
        for clause in cutter.flush():
            if not self._say(clause):
                return

    def _say(self, clause: str) -> bool:
        """Pass a clause on. False: the reply ends here."""
        if not clause.strip():
            return True
        self.breach = self._guard(clause)
        if self.breach is not None:
            self.tool_calls.clear()
            clause = self._instead(self.breach)
            if not clause:
                return False
        if self.times.first_clause is None:
            self.times.first_clause = self._clock.now()
            ANSWERS.claim()
        self.text = f"{self.text} {clause.strip()}".strip()
        synthesised = SynthesisedClause(clause)
        self._to_speak.put_nowait(synthesised)
        self._ready.put_nowait(synthesised)
        return self.breach is None and len(self.text) < MAX_REPLY_CHARS

    async def _speak(self) -> None:
        while (clause := await self._to_speak.get()) is not None:
            await clause.synthesise(self._voice, self._on_audio)
            self._note_ready()  # also when there was no audio

    def _on_audio(self) -> None:
        if self.times.first_audio is None:
            self.times.first_audio = self._clock.now()
            ANSWERS.claim()
            self._note_ready()

    def _note_ready(self) -> None:
        if not self._ready_event.is_set():
            self._ready_event.set()
            self._on_ready()


@contextlib.asynccontextmanager
async def _closing(items: AsyncIterator[Item]) -> AsyncGenerator[AsyncIterator[Item]]:
    """The iterator, closed in the end whatever happens."""
    try:
        yield items
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            with contextlib.suppress(Exception):
                await close()
