"""What the stand-in model can see of a request: the task's name, the tagged data, the conversation.

A prompt names its task in the first line of the first system message, `<task>NAME</task>`, and holds its data
in XML-escaped tags. During a call the data stands in that system message alone, so that nothing the callee says
can pose as data; otherwise it may stand in any message. Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

SILENCE = "(silence)"
CONVERSATIONS = ("converse", "leave_message")


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Fact:
    id: str
    sharing: str
    text: str


@dataclass(frozen=True, slots=True)
class Contact:
    id: str
    name: str
    phone: str
    about: str
    """Aliases and notes."""


@dataclass(frozen=True, slots=True)
class Answer:
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class OwnerAnswer:
    """News of the owner that came in mid-call; `answer` is None if nobody answered."""

    question: str
    answer: str | None


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to the model, read. What isn't there is empty."""

    task: str
    data: str
    """Everything with tags in it, as it was sent."""
    request: str
    person: str
    facts: tuple[Fact, ...]
    contacts: tuple[Contact, ...]
    answers: tuple[Answer, ...]
    transcript: tuple[Line, ...]
    kinds: tuple[str, ...]
    call: int
    """Of the request, from 1: one more than the earlier calls it was told of."""
    messages: tuple[Message, ...]
    """The conversation, without the first system message."""
    tools: tuple[str, ...]

    @property
    def floyd_said(self) -> list[str]:
        """What was heard of Floyd in this call, without the opening, which isn't the model's."""
        said = [message.text for message in self.messages if message.role == "assistant"]
        return said[1:] if said and _OPENING.search(said[0]) else said

    @property
    def callee_said(self) -> str:
        """The callee's words since Floyd's last; `(silence)` if there are none."""
        for message in reversed(self.messages):
            if message.role == "user":
                return message.text.strip() or SILENCE
            if message.role == "assistant":
                break
        return SILENCE

    @property
    def owner_said(self) -> OwnerAnswer | None:
        """News of the owner that Floyd hasn't spoken since."""
        for message in reversed(self.messages):
            if message.role == "assistant":
                return None
            if message.role == "system" and (found := _OWNER.search(message.text)):
                attributes = _attributes(found["attributes"])
                expired = attributes.get("expired") == "true" or found["answer"] is None
                answer = None if expired else _plain(found["answer"])
                return OwnerAnswer(attributes.get("question", ""), answer)
        return None


_OPENING = re.compile(r"^(hi|hello|good (day|morning|afternoon|evening))\b|\bassistant\b", re.IGNORECASE)
_OWNER = re.compile(r"<owner_answer(?P<attributes>(?:\s[^>]*?)?)(?:/>|>(?P<answer>.*?)</owner_answer>)", re.DOTALL)
_LINE = re.compile(r"^\[(\d+)\] (\w+): (.*)$", re.MULTILINE)
_ATTRIBUTE = re.compile(r"""(\w+)=(?:"([^"]*)"|'([^']*)')""")


def read(body: Mapping[str, Any]) -> Asked:
    """Read the body of a Chat Completions request. Whatever is missing or odd is taken as empty."""
    messages = [_message(item) for item in body.get("messages") or [] if isinstance(item, Mapping)]
    first = messages[0].text if messages and messages[0].role in ("system", "developer") else ""
    task = _inner("task", first)
    data = first if task in CONVERSATIONS else "\n".join(message.text for message in messages)
    # The instructions may mention tags by name; the data comes after them.
    return Asked(
        task=task,
        data=data,
        request=_inner("request", data),
        person=next((attributes.get("name", "") for attributes, _ in _elements("person", data)), ""),
        facts=tuple(
            Fact(attributes.get("id", ""), attributes.get("sharing", "free"), text)
            for attributes, text in _elements("fact", data)
        ),
        contacts=tuple(
            Contact(attributes.get("id", ""), attributes.get("name", ""), attributes.get("phone", ""), text)
            for attributes, text in _elements("contact", data)
        ),
        answers=tuple(
            Answer(attributes.get("question", ""), text) for attributes, text in _elements("answer", data)
        ),
        transcript=tuple(
            Line(int(number), speaker, _plain(text))
            for number, speaker, text in _LINE.findall(_raw("transcript", data))
        ),
        kinds=tuple(attributes.get("name", text) for attributes, text in _elements("kind", data)),
        call=1 + len(_elements("earlier_call", data)),
        messages=tuple(messages[1:] if first else messages),
        tools=tuple(_tool_names(body.get("tools"))),
    )


def _message(item: Mapping[str, Any]) -> Message:
    content = item.get("content")
    if isinstance(content, list):
        content = "".join(
            str(part.get("text", ""))
            for part in content
            if isinstance(part, Mapping) and part.get("type") == "text"
        )
    return Message(str(item.get("role", "")), content if isinstance(content, str) else "")


def _tool_names(tools: Any) -> Sequence[str]:
    names = []
    for tool in tools if isinstance(tools, list) else []:
        function = tool.get("function") if isinstance(tool, Mapping) else None
        if isinstance(function, Mapping) and isinstance(function.get("name"), str):
            names.append(function["name"])
    return names


def _elements(name: str, text: str) -> list[tuple[dict[str, str], str]]:
    pattern = rf"<{name}((?:\s[^>]*?)?)(?:/>|>(.*?)</{name}>)"
    return [
        (_attributes(attributes), _plain(content)) for attributes, content in re.findall(pattern, text, re.DOTALL)
    ]


def _raw(name: str, text: str) -> str:
    """The last element of that name, still escaped."""
    found = re.findall(rf"<{name}(?:\s[^>]*)?>(.*?)</{name}>", text, re.DOTALL)
    return found[-1] if found else ""


def _inner(name: str, text: str) -> str:
    return _plain(_raw(name, text))


def _attributes(text: str) -> dict[str, str]:
    return {name: _plain(double or single) for name, double, single in _ATTRIBUTE.findall(text)}


def _plain(text: str) -> str:
    return unescape(text).strip()
