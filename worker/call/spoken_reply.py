"""A reply whose words and audio come from one speech-to-speech session. To its speaker, a reply like any other.

No audio is handed out before its words were checked (see `spoken_pieces`). A clause that may not be spoken ends
the answer; what is said instead has the voice of the ready-made phrases.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import assert_never

from worker.call.bounds import Breach
from worker.call.clock import Clock
from worker.call.ready_made import RecordedClause
from worker.call.reply import (
    FIRST_EVENT_DEADLINE_S,
    MAX_REPLY_CHARS,
    MAX_TOOL_CALLS,
    NEXT_EVENT_DEADLINE_S,
    ClauseAudio,
    ReplyTimes,
    SynthesisedClause,
)
from worker.call.spoken_pieces import BYTES_PER_S, Pace, SpokenPieces
from worker.call.usage import Usage
from worker.model.language_model import Finished, ModelUnavailable, Prompt, TextDelta, ToolCall
from worker.model.speech_to_speech import AnswerEvent, SpeechDelta, SpokenAnswer, SpokenSession
from worker.speech.clauses import ClauseCutter
from worker.speech.voice import Voice


class SpokenReply:
    """Fulfils `worker.call.reply.Reply`. `on_spoken(reply)` is called when somebody begins to speak it: from then
    on, `heard` will tell what became of it."""

    def __init__(
        self,
        prompt: Prompt,
        *,
        session: SpokenSession,
        voice: Voice,
        clock: Clock,
        pace: Pace,
        usage: Usage,
        on_spoken: Callable[[SpokenReply], None],
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
        """Pieces of text that the model has written."""
        self._prompt = prompt
        self._session = session
        self._voice = voice
        self._clock = clock
        self._usage = usage
        self._on_spoken = on_spoken
        self._guard = guard
        self._instead = instead
        self._on_ready = on_ready
        self._ready_event = asyncio.Event()
        self._pieces = SpokenPieces(pace)
        self._clauses: list[RecordedClause] = []
        """Handed out."""
        self._stopped = False
        """A clause may not be spoken, or there were too many."""
        self._said_instead = ""
        self._is_whole = False
        """The answer came to its end."""
        self._is_judged = False
        self._ready: asyncio.Queue[ClauseAudio | ModelUnavailable | None] = asyncio.Queue()
        self._answer: SpokenAnswer | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.times.model_asked = self._clock.now()
        self._answer = self._session.answer(self._prompt)
        self._task = asyncio.create_task(self._read(self._answer))

    @property
    def ready(self) -> bool:
        """Whether the first sound is there, or it is known that there will be none."""
        return self._ready_event.is_set()

    async def until_ready(self) -> None:
        await self._ready_event.wait()

    async def clauses(self) -> AsyncIterator[ClauseAudio]:
        """The clauses as they come; when it ends, `tool_calls` is complete. Raises `ModelUnavailable`."""
        self._on_spoken(self)
        while True:
            clause = await self._ready.get()
            if clause is None:
                return
            if isinstance(clause, ModelUnavailable):
                raise clause
            yield clause

    async def cancel(self) -> None:
        """Stop it. If nobody spoke it, it is as if it had never been."""
        if self._answer is not None:
            self._answer.cancel()
            if not self._is_judged:
                self._answer.heard(0.0)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None  # its traceback holds this reply

    def heard(self, text: str) -> str:
        """What was heard while this was spoken: the session forgets what was not. Returns the words among it that
        are not the session's, because somebody else's voice said them."""
        self._is_judged = True
        if self._answer is None:
            return text
        own = " ".join(clause.text.strip() for clause in self._clauses)
        before, rest = _split(text, " ".join(part for part in (own, self._said_instead) if part))
        own_heard = rest[: len(own)].strip()
        is_all = self._is_whole and not self._stopped and own_heard == own
        self._answer.heard(None if is_all else self._seconds_of(own_heard))
        return " ".join(part for part in (before, rest[len(own) :].strip()) if part)

    def _seconds_of(self, heard: str) -> float:
        """The length of the audio of these words, the first of the clauses'."""
        size = 0.0
        for clause in self._clauses:
            text = clause.text.strip()
            if not heard:
                break
            size += len(clause.mulaw) * min(1.0, len(heard) / max(1, len(text)))
            heard = heard[len(text) :].strip()
        return size / BYTES_PER_S

    async def _read(self, answer: SpokenAnswer) -> None:
        end: ModelUnavailable | None = None
        try:
            await self._read_answer(answer)
        except ModelUnavailable as error:
            end = error
        except TimeoutError:
            end = ModelUnavailable("The speech-to-speech model did not answer in time.")
        except Exception as error:  # a client's bug must not leave the line silent for ever
            end = ModelUnavailable(f"The speech-to-speech model's client failed ({type(error).__name__}).")
        if self._said_instead:
            await self._say_instead()
        self._ready.put_nowait(end)
        self._note_ready()

    async def _read_answer(self, answer: SpokenAnswer) -> None:
        cutter = ClauseCutter()
        events = answer.events()
        deadline_s = FIRST_EVENT_DEADLINE_S
        while not (self._is_whole or self._stopped):
            async with asyncio.timeout(deadline_s):
                event = await anext(events)
            deadline_s = NEXT_EVENT_DEADLINE_S
            if self.times.first_token is None:
                self.times.first_token = self._clock.now()
            self._take(event, cutter)
            self._hand_out()
        answer.cancel()
        if self.text and not self._clauses and not self._stopped:
            raise ModelUnavailable("The speech-to-speech model wrote words and did not speak them.")

    def _take(self, event: AnswerEvent, cutter: ClauseCutter) -> None:
        match event:
            case TextDelta(text):
                self.tokens += 1
                for clause in cutter.feed(text):
                    self._check(clause)
            case SpeechDelta(mulaw):
                self._pieces.add_audio(mulaw)
            case ToolCall():
                if len(self.tool_calls) < MAX_TOOL_CALLS and not self._stopped:
                    self.tool_calls.append(event)
            case Finished(reason):
                self._usage.note_answer(self._prompt.messages, self.tokens, event)
                for clause in cutter.flush():
                    self._check(clause)
                self._is_whole = True
                self._pieces.end(cut=reason != "completed")
            case _:
                assert_never(event)

    def _check(self, clause: str) -> None:
        """Look at the next clause's words."""
        if not clause.strip() or self._stopped:
            return
        if self.times.first_clause is None:
            self.times.first_clause = self._clock.now()
        self.breach = self._guard(clause)
        if self.breach is not None:
            self._stop(self._instead(self.breach).strip())
        elif len(self.text) + len(clause) > MAX_REPLY_CHARS:
            self._stop("")
        else:
            self._pieces.add_words(clause)
            self.text = f"{self.text} {clause.strip()}".strip()

    def _stop(self, instead: str) -> None:
        """The answer ends here: what was not handed out yet is not spoken."""
        self._stopped = True
        self._said_instead = instead
        self._pieces.stop()
        self.tool_calls.clear()
        self.text = " ".join(part for part in [*(clause.text for clause in self._clauses), instead] if part)

    def _hand_out(self) -> None:
        """Pass on what may be played by now."""
        for piece in self._pieces.take():
            clause = RecordedClause(piece.text, piece.mulaw)
            self._clauses.append(clause)
            self._ready.put_nowait(clause)
            self._on_audio()

    async def _say_instead(self) -> None:
        clause = SynthesisedClause(self._said_instead)
        self._ready.put_nowait(clause)
        await clause.synthesise(self._voice, self._on_audio)

    def _on_audio(self) -> None:
        if self.times.first_audio is None:
            self.times.first_audio = self._clock.now()
            self._note_ready()

    def _note_ready(self) -> None:
        if not self._ready_event.is_set():
            self._ready_event.set()
            self._on_ready()


def _split(heard: str, intended: str) -> tuple[str, str]:
    """What was heard, parted into what was said before (a filler) and the beginning of `intended`."""
    at = 0
    while at < len(heard):
        if intended.startswith(heard[at:]):
            return heard[:at].strip(), heard[at:]
        following = heard.find(" ", at)
        at = len(heard) if following < 0 else following + 1
    return heard, ""
