"""What a request to the language model holds, as far as the stand-in can read it.

The stand-in understands prompts that begin with `<task>NAME</task>` and keep their data in tags: `<request>`,
`<person name=...>`, `<facts><fact id=...>`, `<contacts><contact id=... name=... phone=...>`, `<plan>`,
`<answers>`, `<earlier_call>`, `<kinds><kind name=...>`, `<transcript>` with lines `[3] callee: ...`, and, between
the turns of a conversation, `<owner_answer question=...>` and `<earlier>`, which holds the stand-in's own summary:
what Floyd said, parted by semicolons. Text in tags is XML-escaped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

_ATTRIBUTE = re.compile(r"""(?<!\w)(\w+)=(?:"([^"]*)"|'([^']*)')""")
_LINE = re.compile(r"^\[(\d+)\] (\w+): (.*)$", re.MULTILINE)
_TAG = re.compile(r"<(?P<close>/?)(?P<name>\w+)(?P<attributes>(?:\s[^<>]*|/)?)>")
_PROGRAM = frozenset(("system", "developer"))
"""Roles in which the program speaks that runs the call."""

INTRODUCTION = re.compile(r"\ban AI assistant calling\b", re.IGNORECASE)
"""How a caller introduces itself before its model speaks."""

SILENCE = "(silence)"
CONVERSATIONS = frozenset(("converse", "leave_message"))
"""Tasks in which the user's messages are the callee's words: whatever those hold is no data."""


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
        self.data = "\n".join(text for role, text in self.messages if role in _PROGRAM)
        if self.task not in CONVERSATIONS:
            self.data += "\n" + "\n".join(text for role, text in self.messages if role == "user")

    @property
    def task(self) -> str:
        """The task's name, or `` for a prompt that names none."""
        first = next((text for role, text in self.messages if role in _PROGRAM), "")
        return _elements("task", first)[0].text if _elements("task", first) else ""

    def all(self, name: str) -> list[Tagged]:
        return _elements(name, self.data)

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
        earlier = tuple(text for one in self.all("earlier") for text in one.text.split("; "))
        spoken = (*earlier, *(text for role, text in messages if role == "assistant"))
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
        if role in _PROGRAM and "<task>" not in text:
            for owner in _elements("owner_answer", text):
                silent = "expired" in owner.attributes or not owner.text
                return "(owner silent)" if silent else f"(owner) {owner.text}"
        if role == "user":
            heard.append(text)
    if not spoke:
        return "(start)"
    words = " ".join(text for text in reversed(heard) if text != SILENCE)
    return words or SILENCE


def _elements(name: str, text: str) -> list[Tagged]:
    """The elements of that name. One that is not closed, or holds another of its name, is taken up to the next
    closing tag, or left out; in time that grows with the text and no faster, whatever it holds."""
    found: list[Tagged] = []
    opened: re.Match[str] | None = None
    for tag in _TAG.finditer(text):
        if tag["name"] != name:
            continue
        if tag["close"]:
            if opened is not None:
                inner = text[opened.end() : tag.start()]
                found.append(Tagged(_attributes(opened["attributes"]), unescape(inner.strip())))
            opened = None
        elif opened is None and tag["attributes"].endswith("/"):
            found.append(Tagged(_attributes(tag["attributes"]), ""))
        elif opened is None:
            opened = tag
    return found


def _attributes(text: str) -> dict[str, str]:
    return {name: unescape(double or single) for name, double, single in _ATTRIBUTE.findall(text)}


def _text(content: Any) -> str:
    """A message's content: a text, or a list of parts of which the texts count."""
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
