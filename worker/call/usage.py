"""What a call uses of its vendors, counted where it is used.

Tokens are as the model's server reports them at the end of a streamed answer. Where no report is seen (the answer
was broken off by an interruption, or a guess was wrong; a summary asked for as a whole) they are estimated: it
costs all the same. Characters are those handed to the voice for this call; phrases that were rendered once and
kept cost nothing again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from worker.model.language_model import (
    Finished,
    LanguageModel,
    Message,
    ModelEvent,
    Prompt,
    TextDelta,
)
from worker.speech.voice import Voice

CHARS_PER_TOKEN = 4.0
"""Of English text, about."""


@dataclass(slots=True)
class Usage:
    prompt_tokens: int = 0
    completion_tokens: int = 0
    speech_chars: int = 0
    recognised_s: float = 0.0
    call_s: float = 0.0
    """On the line."""

    def note_answer(self, messages: Sequence[Message], pieces: int, finished: Finished | None) -> None:
        """An answer of the model that is over: `pieces` of text have come of it."""
        reported = finished is not None and finished.input_tokens is not None
        if finished is not None and reported:
            self.prompt_tokens += finished.input_tokens or 0
            self.completion_tokens += finished.output_tokens or 0
        else:
            self.prompt_tokens += round(sum(len(message.content) for message in messages) / CHARS_PER_TOKEN)
            self.completion_tokens += pieces

    def with_tokens_of(self, other: Usage) -> Usage:
        """This, and the tokens of what was asked besides."""
        return replace(
            self,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
        )

    def row(self) -> dict[str, float]:
        """As the deployment has it."""
        return {
            "promptTokens": self.prompt_tokens,
            "completionTokens": self.completion_tokens,
            "speechChars": self.speech_chars,
            "recognisedSeconds": round(self.recognised_s, 1),
            "seconds": round(self.call_s, 1),
        }


class MeteredModel:
    """Fulfils `LanguageModel` with another one."""

    def __init__(self, model: LanguageModel, usage: Usage) -> None:
        self._model = model
        self._usage = usage

    async def stream(self, prompt: Prompt) -> AsyncIterator[ModelEvent]:
        pieces = 0
        finished: Finished | None = None
        try:
            async with aclosing(self._model.stream(prompt)) as events:  # type: ignore[type-var]
                async for event in events:
                    if isinstance(event, TextDelta):
                        pieces += 1
                    elif isinstance(event, Finished):
                        finished = event
                    yield event
        finally:
            self._usage.note_answer(prompt.messages, pieces, finished)

    async def complete(self, prompt: Prompt) -> str:
        text = ""
        try:
            text = await self._model.complete(prompt)
            return text
        finally:
            self._usage.note_answer(prompt.messages, round(len(text) / CHARS_PER_TOKEN), None)

    async def warm_up(self) -> None:
        await self._model.warm_up()

    async def close(self) -> None:
        await self._model.close()


class MeteredVoice:
    """Fulfils `Voice` with another one."""

    def __init__(self, voice: Voice, usage: Usage) -> None:
        self._voice = voice
        self._usage = usage

    def speak(self, text: str) -> AsyncIterator[bytes]:
        self._usage.speech_chars += len(text)
        return self._voice.speak(text)

    async def warm_up(self) -> None:
        await self._voice.warm_up()

    async def close(self) -> None:
        await self._voice.close()
