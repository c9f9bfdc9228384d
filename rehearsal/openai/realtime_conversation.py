"""The conversation of a speech-to-speech session: its items, and what its model makes of them. No I/O."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rehearsal.openai.transcription_order import Refused
from rehearsal.voice import Word

Role = Literal["system", "user", "assistant"]


def new_id(kind: str = "item") -> str:
    return f"{kind}_{secrets.token_hex(10)}"


@dataclass(slots=True)
class Item:
    """A message, or a function call or its output (which have no role)."""

    type: Literal["message", "function_call", "function_call_output"] = "message"
    role: Role | None = None
    text: str = ""
    """What the model knows of it."""
    id: str = field(default_factory=new_id)
    call_id: str = ""
    name: str = ""
    words: Sequence[Word] = ()
    """Of spoken text: when each word is over, in its audio."""
    audio_ms: float | None = None
    """Length of its audio so far; None: it has none."""

    def json(self, status: str = "completed") -> dict[str, Any]:
        body: dict[str, Any] = {"id": self.id, "object": "realtime.item", "type": self.type, "status": status}
        match self.type:
            case "message":
                return {**body, "role": self.role, "content": self._content()}
            case "function_call":
                return {**body, "call_id": self.call_id, "name": self.name, "arguments": self.text}
            case "function_call_output":
                return {**body, "call_id": self.call_id, "output": self.text}

    def _content(self) -> list[dict[str, Any]]:
        if self.role == "assistant" and self.audio_ms is not None:
            return [{"type": "output_audio", "transcript": self.text}]
        if self.role == "user" and self.audio_ms is not None:
            # What the model has understood is no transcript: that comes from another one, and later.
            return [{"type": "input_audio", "transcript": None}]
        kind = "output_text" if self.role == "assistant" else "input_text"
        return [{"type": kind, "text": self.text}] if self.text else []


class Conversation:
    def __init__(self) -> None:
        self.items: list[Item] = []

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Append, or insert behind an item; returns the id of the one before. Raises `Refused`."""
        if any(one.id == item.id for one in self.items):
            raise Refused(f"Item with ID '{item.id}' already exists.", code="invalid_value", param="item.id")
        if item.type == "function_call_output" and item.call_id not in {
            one.call_id for one in self.items if one.type == "function_call"
        }:
            raise Refused(
                f"Tool call ID '{item.call_id}' not found in conversation.",
                code="invalid_tool_call_id",
                param="item.call_id",
            )
        at = len(self.items)
        if after == "root":
            at = 0
        elif after is not None:
            at = self.items.index(self._named(after, "previous_item_id")) + 1
        self.items.insert(at, item)
        return self.items[at - 1].id if at else None

    def delete(self, item_id: str) -> None:
        self.items.remove(self._named(item_id, "item_id"))

    def truncate(self, item_id: str, audio_end_ms: int) -> None:
        """The model forgets what is spoken after that moment. Raises `Refused`."""
        item = self._named(item_id, "item_id")
        if item.role != "assistant" or item.audio_ms is None:
            raise Refused(
                "Only model output audio messages can be truncated.", code="invalid_value", param="item_id"
            )
        if audio_end_ms > item.audio_ms:
            raise Refused(
                f"Audio content of {item.audio_ms:.0f}ms is already shorter than {audio_end_ms}ms.",
                code="invalid_value",
                param="audio_end_ms",
            )
        item.audio_ms = audio_end_ms
        item.text = " ".join(word.text for word in item.words if word.end_s * 1000 <= audio_end_ms)

    def messages(self, instructions: str) -> list[dict[str, Any]]:
        """What a chat model would be sent. Function calls are told by what came of them."""
        spoken = [item for item in self.items if item.type == "message" and item.text]
        return [
            {"role": "system", "content": instructions},
            *({"role": item.role, "content": item.text} for item in spoken),
        ]

    def _named(self, item_id: str, param: str) -> Item:
        for item in self.items:
            if item.id == item_id:
                return item
        raise Refused(f"Item with ID '{item_id}' not found.", code="item_not_found", param=param)
