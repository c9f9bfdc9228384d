"""What the stand-in model answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(r"\s*[\w']+|\s*[^\w\s]|\s+$")
ARGUMENT_PIECE = 12
"""Characters of a tool's arguments in one streamed piece; vendors send about a token each."""


@dataclass(frozen=True)
class ToolUse:
    name: str
    arguments: str
    """JSON text, or what is meant to be broken."""

    @classmethod
    def of(cls, name: str, arguments: dict[str, Any]) -> ToolUse:
        return cls(name, json.dumps(arguments))

    def pieces(self) -> Iterator[str]:
        for start in range(0, len(self.arguments), ARGUMENT_PIECE):
            yield self.arguments[start : start + ARGUMENT_PIECE]


@dataclass(frozen=True)
class Reply:
    text: str = ""
    tool: ToolUse | None = None

    @classmethod
    def of(cls, value: object) -> Reply:
        """A reply that is JSON."""
        return cls(json.dumps(value))

    def tokens(self) -> list[str]:
        """The text in pieces like a model's tokens; joined they are the text."""
        pieces = _TOKEN.findall(self.text)
        return pieces if "".join(pieces) == self.text else [self.text] * bool(self.text)
