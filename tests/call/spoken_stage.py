"""A whole call in memory whose session hears, thinks and speaks: the stage, with one in place of three."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stage import BYTES_PER_CHAR, Callee, FakeModel, FakeRecognition, PhoneLine, Script, Theatre

from worker.model.language_model import Finished, Message, ModelUnavailable, Prompt, TextDelta, ToolCall
from worker.model.speech_to_speech import AnswerEvent, SpeechDelta
from worker.speech.recognizer import UNKNOWN_WORDS, Recognition, RecognizerUnavailable

TOKEN_S = 0.017
FIRST_AUDIO_S = 0.25
"""After the first word."""
SPEED = 4.0
LATE_BEGUN_S = 0.2
LATE_WORDS_S = 0.75
"""After the last sound: what OpenAI's own sessions take."""
CHUNK_BYTES = 800
PAUSE = b"\xff" * 1600
"""0.2 s, after a sentence. Who listens does not hear it as a letter."""


def voice_of(text: str) -> bytes:
    """As the stage's fake voice, each letter a run of its own byte, but with a pause after each sentence."""
    audio = bytearray()
    for before, char in itertools.pairwise(f" {text.strip()} "):
        audio += bytes([ord(char) & 0x7F]) * BYTES_PER_CHAR
        if char == " " and before in ".?!":
            audio += PAUSE
    return bytes(audio)


def begun_within(text: str, audio_s: float) -> str:
    """So much of a text is spoken in that time."""
    sizes = [len(voice_of(text[:count]).rstrip(PAUSE[:1])) - BYTES_PER_CHAR for count in range(len(text) + 1)]
    return text[: sum(size <= audio_s * 8000 + BYTES_PER_CHAR for size in sizes) - 1].strip()


class SpokenLine(PhoneLine):
    async def _hear(self, audio: bytes) -> None:
        await super()._hear(audio.replace(PAUSE[:1], b""))


@dataclass
class Entry:
    role: str
    text: str


@dataclass
class FakeAnswer:
    prompt: Prompt
    parts: Sequence[object]
    entry: Entry
    first_token_s: float
    verdict: float | None = -1.0
    """What was told of how much was heard; -1: nothing was."""
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    forget: Callable[[Entry], None] = lambda entry: None

    def cancel(self) -> None:
        self.stopped.set()

    def heard(self, audio_s: float | None) -> None:
        if self.verdict != -1.0:
            return
        self.verdict = audio_s
        self.cancel()
        if audio_s is not None:
            self.entry.text = begun_within(self.entry.text.strip(), audio_s)
        if audio_s == 0.0:
            self.forget(self.entry)

    async def events(self) -> AsyncIterator[AnswerEvent]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for at, event in self._timeline():
            if await self._stopped_within(began + at - loop.time()):
                yield Finished("cancelled")
                return
            if isinstance(event, ModelUnavailable):
                raise event
            if event is None:
                await self.stopped.wait()
                yield Finished("cancelled")
                return
            if isinstance(event, TextDelta):
                self.entry.text += event.text
            yield event
        yield Finished("completed")

    def _timeline(self) -> list[tuple[float, AnswerEvent | ModelUnavailable | None]]:
        at = self.first_token_s
        words: list[tuple[float, AnswerEvent]] = []
        rest: list[tuple[float, AnswerEvent | ModelUnavailable | None]] = []
        for part in self.parts:
            if isinstance(part, str):
                for word in part.split(" "):
                    words.append((at, TextDelta(f"{word} ")))
                    at += TOKEN_S
            elif part is None or isinstance(part, ToolCall | ModelUnavailable):
                rest.append((at, part))
        audio = (
            voice_of("".join(event.text for _, event in words if isinstance(event, TextDelta))) if words else b""
        )
        speech: list[tuple[float, AnswerEvent]] = [
            (
                self.first_token_s + FIRST_AUDIO_S + start / 8000 / SPEED,
                SpeechDelta(audio[start : start + CHUNK_BYTES]),
            )
            for start in range(0, len(audio), CHUNK_BYTES)
        ]
        streamed = sorted([*words, *speech], key=lambda one: one[0])
        end = streamed[-1][0] if streamed else 0.0
        return [*streamed, *((max(at, end), event) for at, event in rest)]

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self.stopped.wait()
        except TimeoutError:
            return self.stopped.is_set()
        return True


class FakeSession(FakeRecognition):
    """Fulfils `SpokenSession`. It knows what it heard, what it said and what it is told, and no more."""

    def __init__(self, model: FakeModel, *, late: bool = False) -> None:
        super().__init__()
        self._late = late
        self.answers: list[FakeAnswer] = []
        self.told: list[Message] = []
        self.recall: Callable[[], Sequence[Message]] = list
        self._model = model
        self._conversation: list[Entry] = []
        self._hearing: Entry | None = None

    def answer(self, prompt: Prompt) -> FakeAnswer:
        for before in self.answers[-1:]:
            before.heard(0.0)
        messages = [*prompt.messages[:1], *self.messages()]
        self._model.prompts.append(messages)
        entry = Entry("assistant", "")
        answer = FakeAnswer(
            prompt,
            self._model.script(messages),
            entry,
            self._model.first_token_s,
            forget=self._conversation.remove,
        )
        self._conversation.append(entry)
        self.answers.append(answer)
        return answer

    def tell(self, message: Message) -> None:
        self.told.append(message)
        self._conversation.append(Entry(message.role, message.content))

    def remind_by(self, recall: Callable[[], Sequence[Message]]) -> None:
        self.recall = recall

    def messages(self) -> list[Message]:
        """What a chat model would be sent."""
        messages: list[Message] = []
        for entry in self._conversation:
            text = entry.text.strip()
            if messages and messages[-1].role == entry.role == "user":
                messages[-1] = Message("user", f"{messages[-1].content} {text}")
            elif text:
                messages.append(Message(entry.role, text))  # type: ignore[arg-type]
        speakers = [message.role for message in messages if message.role != "system"]
        return messages if speakers[-1:] == ["user"] else [*messages, Message("user", "(silence)")]

    async def understand(self, text: str, start: float, length: float, *, final: bool) -> None:
        if not self._late:
            return await super().understand(text, start, length, final=final)
        # That somebody speaks is known at once, and what they said when they have stopped.
        loop = asyncio.get_running_loop()
        await asyncio.sleep(LATE_BEGUN_S)
        self._results.put_nowait(Recognition(UNKNOWN_WORDS, False, 0.5, self.fed / 8000))
        await asyncio.sleep(max(0.0, start + length + LATE_WORDS_S - loop.time()))
        return self._put(text, is_final=True)

    def _put(self, text: str, *, is_final: bool) -> None:
        if self._hearing is None:
            self._hearing = Entry("user", "")
            self._conversation.append(self._hearing)
        self._hearing.text = text
        if is_final:
            self._hearing = None
        self._results.put_nowait(Recognition(text, is_final, 0.9, self.fed / 8000))


class FakeSpeechToSpeech:
    def __init__(self, theatre: SpokenTheatre) -> None:
        self._theatre = theatre
        self._recognizer = theatre.recognizer

    async def open(self, *, language: str, hints: Sequence[str]) -> FakeSession:
        if self._recognizer.fails:
            self._recognizer.fails -= 1
            raise RecognizerUnavailable("no connection")
        session = FakeSession(self._theatre.model, late=self._theatre.late)
        if self._theatre.line.recognition is None:
            self._theatre.session = session
        return self._theatre.opened(session)


class SpokenTheatre(Theatre):
    session: FakeSession
    late = False
    """Words are known only after the fact."""

    def __init__(self, tmp_path: Path, script: Script, callee: Callee) -> None:
        super().__init__(tmp_path, script, callee)
        self.line.hang_up()
        self.line = SpokenLine()
        speech_to_speech = FakeSpeechToSpeech(self)
        self.recognizer.open = speech_to_speech.open  # type: ignore[method-assign]
