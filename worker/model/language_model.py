"""What Floyd needs of a language model. Adding one is a file that fulfils `LanguageModel`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol


class ModelUnavailable(Exception):
    """The model could not be reached, answered with an error, or said nothing in time.

    `message` is fit for a person to read and holds no secret."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool the model may call; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A complete tool call. `arguments` is the model's raw JSON text: hostile until parsed."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Finished:
    reason: str
    input_tokens: int | None = None
    output_tokens: int | None = None


ModelEvent = TextDelta | ToolCall | Finished


@dataclass(frozen=True, slots=True)
class Prompt:
    messages: Sequence[Message]
    tools: Sequence[Tool] = field(default_factory=tuple)
    max_tokens: int = 500
    wants_json: bool = False


class LanguageModel(Protocol):
    def stream(self, prompt: Prompt) -> AsyncIterator[ModelEvent]:
        """The answer as it is written, ending with one `Finished`. Closing the iterator cancels the request.

        Retried only before the first event. Raises `ModelUnavailable`."""
        ...

    async def complete(self, prompt: Prompt) -> str:
        """The whole text of the answer. Raises `ModelUnavailable`."""
        ...

    async def warm_up(self) -> None:
        """Make the connection before it is needed."""
        ...

    async def close(self) -> None: ...
