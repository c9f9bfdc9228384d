"""What the model is told of the conversation: what was really heard, by both sides."""

from __future__ import annotations

import re
from xml.sax.saxutils import unescape

from worker.model.language_model import Message
from worker.model.tags import tag

SILENCE = "(silence)"
"""The user's message when a turn begins without a word of the callee."""

MAX_MESSAGES = 400
"""Older ones are left out, should none of them have been folded: a model's context is bounded."""

MAX_NOTES = 20
"""Of those that were said before the summary's end."""

_OWNER_SAID = re.compile(r"<owner_said>(.*)</owner_said>", re.DOTALL)


class Memory:
    """The messages after the system prompt. Callee: user; Floyd: assistant; news from outside, and the owner's
    words on the line: system.

    The beginning of a long conversation is folded into `summary`."""

    def __init__(self) -> None:
        self.summary = ""
        self._messages: list[Message] = []
        self._notes: list[Message] = []
        """From the folded part."""
        self._passing: set[str] = set()

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

    def owner_said(self, text: str) -> None:
        """Words that the owner spoke on the line."""
        self.note(tag("owner_said", text), lasts=False)

    def note(self, text: str, *, lasts: bool = True) -> None:
        """News from the program. With `lasts`, it is still news when what was said around it is folded."""
        self._messages.append(Message("system", text))
        if not lasts:
            self._passing.add(text)

    def unfolded(self) -> list[Message]:
        return self._messages

    def fold(self, count: int, summary: str) -> None:
        """From now on `summary` stands for the first `count` unfolded messages, and for the summary before it."""
        folded, self._messages = self._messages[:count], self._messages[count:]
        notes = [
            message for message in folded if message.role == "system" and message.content not in self._passing
        ]
        self._notes = [*self._notes, *notes][-MAX_NOTES:]
        self.summary = summary

    def last_callee_text(self) -> str:
        said = (message.content for message in reversed(self._messages) if message.role == "user")
        return next((text for text in said if text != SILENCE), "")

    def last_floyd_text(self) -> str:
        return next((message.content for message in reversed(self._messages) if message.role == "assistant"), "")

    def messages(self, *, floyd_is_saying: str = "", callee_is_saying: str = "") -> list[Message]:
        """The conversation for the model's next turn: the last to have spoken is the user.

        `floyd_is_saying` and `callee_is_saying` are lines that will have been said by then."""
        messages = [*self._earlier(), *self._messages[-MAX_MESSAGES:]]
        if callee_is_saying:
            return _with_callee(messages, callee_is_saying)
        if floyd_is_saying:
            return [*messages, Message("assistant", floyd_is_saying), Message("user", SILENCE)]
        if self._last_speaker() != "user":
            return [*messages, Message("user", SILENCE)]
        return messages

    def _earlier(self) -> list[Message]:
        if not self.summary:
            return self._notes
        return [Message("system", tag("earlier", self.summary)), *self._notes]

    def _last_speaker(self) -> str | None:
        return next((message.role for message in reversed(self._messages) if message.role != "system"), None)


def owners_words(message: Message) -> str:
    """What the owner said, if that is what a message holds."""
    found = _OWNER_SAID.fullmatch(message.content) if message.role == "system" else None
    return unescape(found[1]) if found else ""


def _with_callee(messages: list[Message], text: str) -> list[Message]:
    text = text.strip()
    if not text:
        return messages
    last = messages[-1] if messages else None
    if last is not None and last.role == "user":
        # Several models refuse two messages of one role in a row.
        return [*messages[:-1], Message("user", f"{last.content} {text}")]
    return [*messages, Message("user", text)]
