"""What Floyd needs of a speech-to-speech model. Adding one is a file that fulfils `SpeechToSpeech`.

One session of it hears, thinks and speaks, so it takes the place of recogniser, language model and voice at once.
To a call it is a recogniser whose sessions answer too: turns, interruptions, bounds and transcript stay with it.
The session never answers by itself.

It remembers the conversation: what it heard and what it said. The call tells it what it cannot know: what was
said by other means, notes of the program, and how much of an answer was really played.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from worker.model.language_model import Finished, Message, Prompt, TextDelta, ToolCall
from worker.speech.recognizer import RecognitionSession, Recognizer


@dataclass(frozen=True, slots=True)
class SpeechDelta:
    """The next audio of an answer: mu-law, 8,000 Hz."""

    mulaw: bytes


AnswerEvent = TextDelta | SpeechDelta | ToolCall | Finished


class SpokenAnswer(Protocol):
    """One answer. Its words and its audio each come in order; which audio belongs to which words is not told."""

    def events(self) -> AsyncIterator[AnswerEvent]:
        """The answer as it comes, ending with one `Finished`, whose reason is "completed" unless it was cut short.
        To be read once. Raises `ModelUnavailable`."""
        ...

    def cancel(self) -> None:
        """Stop it; harmless when it is done."""
        ...

    def heard(self, audio_s: float | None) -> None:
        """So many seconds of its audio were played: the session forgets the rest, and its tool calls.

        None: all of it. Zero: nothing, and it is as if it had never been. Stops an answer that still comes. The
        first word on it counts."""
        ...


@runtime_checkable
class SpokenSession(RecognitionSession, Protocol):
    """One call's. None of these methods waits: what they ask for goes out in their order."""

    def answer(self, prompt: Prompt) -> SpokenAnswer:
        """Begin to answer what was said so far. One at a time: it ends the answer before it, of which nothing was
        heard if it was not told otherwise.

        Of the prompt the system message, the tools and the length count; the conversation it has is the session's
        own."""
        ...

    def tell(self, message: Message) -> None:
        """Add to the conversation what the session has not heard or said itself."""
        ...

    def remind_by(self, recall: Callable[[], Sequence[Message]]) -> None:
        """Where to get the conversation from if the session has to be opened again."""
        ...


class SpeechToSpeech(Recognizer, Protocol):
    async def open(self, *, language: str, hints: Sequence[str]) -> SpokenSession: ...
