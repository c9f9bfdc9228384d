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
        self._add("user", text)

    def floyd_said(self, heard: str) -> None:
        self._add("assistant", heard)

    def note(self, text: str) -> None:
        self._messages.append(Message("system", text))

    def last_callee_text(self) -> str:
        return next((message.content for message in reversed(self._messages) if message.role == "user"), "")

    def messages(self, *, floyd_is_saying: str = "") -> list[Message]:
        """The conversation for the model's next turn: the last to have spoken is the user.

        `floyd_is_saying` is a line that will have been said by then."""
        messages = self._messages[-MAX_MESSAGES:]
        if floyd_is_saying:
            messages = [*messages, Message("assistant", floyd_is_saying)]
        last_spoken = next((message.role for message in reversed(messages) if message.role != "system"), None)
        if last_spoken != "user":
            messages = [*messages, Message("user", SILENCE)]
        return messages

    def _add(self, role: str, text: str) -> None:
        text = text.strip()
        if not text:
            return
        assert role in ("user", "assistant")
        last = self._messages[-1] if self._messages else None
        if last is not None and last.role == role:
            # Several models refuse two messages of one role in a row.
            self._messages[-1] = Message(last.role, f"{last.content} {text}")
        else:
            self._messages.append(Message("user" if role == "user" else "assistant", text))
