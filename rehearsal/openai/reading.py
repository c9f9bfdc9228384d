"""What a request to the language model holds, as far as the stand-in can read it.

The stand-in understands prompts that begin with `<task>NAME</task>` and keep their data in tags: `<request>`,
`<person name=...>`, `<facts><fact id=...>`, `<contacts><contact id=... name=... phone=...>`, `<plan>`,
`<answers>`, `<earlier_call>`, `<kinds><kind name=...>`, `<transcript>` with lines `[3] callee: ...`, and, between
the turns of a conversation, `<owner_answer question=...>`. Text in tags is XML-escaped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

_ATTRIBUTE = re.compile(r"""(\w+)=(?:"([^"]*)"|'([^']*)')""")
_LINE = re.compile(r"^\[(\d+)\] (\w+): (.*)$", re.MULTILINE)
_OWNER_ANSWER = re.compile(r"<owner_answer\b([^>]*?)(?:/>|>(.*?)</owner_answer>)", re.DOTALL)

INTRODUCTION = re.compile(r"\ban AI assistant calling\b", re.IGNORECASE)
"""How a caller introduces itself before its model speaks."""

SILENCE = "(silence)"


@dataclass(frozen=True)
class Tagged:
    """One element: its attributes and its text, unescaped."""

    attributes: dict[str, str]
    text: str


@dataclass(frozen=True)
class TranscriptLine:
    number: int
    speaker: str
    text: str


@dataclass(frozen=True)
class Turn:
    """What a reply in a conversation answers."""

    prompt: str
    """The callee's words since Floyd's last, or `(start)`, `(silence)`, `(owner) ...`, `(owner silent)`."""
    spoken: tuple[str, ...]
    """What Floyd has said before in this call."""


class Reading:
    """`messages` are those of the Chat Completions API, checked by the server to have a role and a text."""

    def __init__(self, messages: Sequence[dict[str, Any]]) -> None:
        self.messages = [(str(message["role"]), _text(message.get("content"))) for message in messages]
        self.data = "\n".join(text for role, text in self.messages if role in ("system", "developer"))
        if not any(role == "assistant" for role, _ in self.messages):
            # Tasks without a conversation carry their data in the user's message.
            self.data += "\n" + "\n".join(text for role, text in self.messages if role == "user")

    @property
    def task(self) -> str:
        """The task's name, or `` for a prompt that names none."""
        return self.one("task").text if self.all("task") else ""

    def all(self, name: str) -> list[Tagged]:
        found = re.finditer(rf"<{name}\b([^>]*?)(?:/>|>(.*?)</{name}>)", self.data, re.DOTALL)
        return [Tagged(_attributes(match[1]), unescape((match[2] or "").strip())) for match in found]

    def one(self, name: str) -> Tagged:
        return next(iter(self.all(name)), Tagged({}, ""))

    @property
    def request(self) -> str:
        return self.one("request").text

    @property
    def call(self) -> int:
        """The number of this call of the request, from 1."""
        return len(self.all("earlier_call")) + 1

    def transcript(self) -> list[TranscriptLine]:
        lines = _LINE.findall("\n".join(block.text for block in self.all("transcript")))
        return [TranscriptLine(int(number), speaker, text) for number, speaker, text in lines]

    def turn(self) -> Turn:
        messages = self._without_introduction()
        spoken = tuple(text for role, text in messages if role == "assistant")
        return Turn(_prompt(messages, bool(spoken)), spoken)

    def _without_introduction(self) -> list[tuple[str, str]]:
        """The messages without the caller's first words, if those introduce it: its model had no part in them."""
        for index, (role, text) in enumerate(self.messages):
            if role == "assistant":
                introduced = INTRODUCTION.search(text) is not None
                return self.messages[:index] + self.messages[index + 1 :] if introduced else self.messages
        return self.messages


def _prompt(messages: Sequence[tuple[str, str]], spoke: bool) -> str:
    heard: list[str] = []
    for role, text in reversed(messages):
        if role == "assistant":
            break
        owner = _OWNER_ANSWER.search(text) if role == "system" else None
        if owner is not None and "<task>" not in text:
            answer = unescape((owner[2] or "").strip())
            silent = "expired" in _attributes(owner[1]) or not answer
            return "(owner silent)" if silent else f"(owner) {answer}"
        if role == "user":
            heard.append(text)
    if not spoke:
        return "(start)"
    words = " ".join(text for text in reversed(heard) if text != SILENCE)
    return words or SILENCE


def words_of(text: str) -> list[str]:
    """A text's words in lower case, without punctuation."""
    return re.findall(r"[a-z0-9']+", text.casefold())


def _attributes(text: str) -> dict[str, str]:
    return {name: unescape(double or single) for name, double, single in _ATTRIBUTE.findall(text)}


def _text(content: Any) -> str:
    """A message's content: a text, or a list of parts of which the texts count."""
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
