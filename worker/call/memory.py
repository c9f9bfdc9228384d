"""What the model is told of the conversation: what was really heard, by both sides."""

from __future__ import annotations

from worker.model.language_model import Message

SILENCE = "(silence)"
"""The user's message when a turn begins without a word of the callee."""

MAX_MESSAGES = 400
"""Older ones are left out: an hour of talk has about as many, and a model's context is bounded."""


class Memory:
    """The messages after the system prompt. Callee: user; Floyd: assistant; news from outside: system."""

    def __init__(self) -> None:
        self._messages: list[Message] = []

    def callee_said(self, text: str) -> None:
        """Words of the callee; what they say in several goes before Floyd answers is one message."""
        self._messages = _with_callee(self._messages, text)

    def floyd_said(self, heard: str) -> None:
        """Words of Floyd's that were heard. Between two lines of Floyd's the callee was silent."""
        text = heard.strip()
        if not text:
            return
        if self._last_speaker() == "assistant":
            self._messages.append(Message("user", SILENCE))
        self._messages.append(Message("assistant", text))

    def note(self, text: str) -> None:
        self._messages.append(Message("system", text))

    def last_callee_text(self) -> str:
        said = (message.content for message in reversed(self._messages) if message.role == "user")
        return next((text for text in said if text != SILENCE), "")

    def last_floyd_text(self) -> str:
        return next((message.content for message in reversed(self._messages) if message.role == "assistant"), "")

    def messages(self, *, floyd_is_saying: str = "", callee_is_saying: str = "") -> list[Message]:
        """The conversation for the model's next turn: the last to have spoken is the user.

        `floyd_is_saying` and `callee_is_saying` are lines that will have been said by then."""
        messages = self._messages[-MAX_MESSAGES:]
        if callee_is_saying:
            return _with_callee(messages, callee_is_saying)
        if floyd_is_saying:
            return [*messages, Message("assistant", floyd_is_saying), Message("user", SILENCE)]
        if self._last_speaker() != "user":
            return [*messages, Message("user", SILENCE)]
        return messages

    def _last_speaker(self) -> str | None:
        return next((message.role for message in reversed(self._messages) if message.role != "system"), None)


def _with_callee(messages: list[Message], text: str) -> list[Message]:
    text = text.strip()
    if not text:
        return messages
    last = messages[-1] if messages else None
    if last is not None and last.role == "user":
        # Several models refuse two messages of one role in a row.
        return [*messages[:-1], Message("user", f"{last.content} {text}")]
    return [*messages, Message("user", text)]
