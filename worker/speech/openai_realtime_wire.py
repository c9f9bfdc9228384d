"""What both kinds of sessions of OpenAI's Realtime API have in common on the wire: `realtime` and `transcription`.

    session.created              <-  first of all
    session.update               ->  `event_id` is `CONFIGURE`
    input_audio_buffer.append    ->  `audio`: base64; mu-law at 8,000 Hz is `audio/pcmu`
    error                        <-  `event_id` names our message that caused it

Nothing that arrives is trusted: texts are cut at a length, and what is no text is none.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

CONFIGURE = "configure"
"""The `event_id` of our `session.update`: an error that names it is about the configuration."""

MAX_MESSAGE_CHARS = 300


@dataclass(frozen=True, slots=True)
class Problem:
    """What OpenAI says went wrong; texts are empty where it says nothing."""

    message: str
    code: str
    kind: str
    param: str
    about: str
    """The `event_id` of our message that caused it."""


@dataclass(frozen=True, slots=True)
class Created:
    """The session exists."""


def problem_of(error: Any) -> Problem:
    def text(name: str) -> str:
        value = error.get(name) if isinstance(error, dict) else None
        return value[:MAX_MESSAGE_CHARS] if isinstance(value, str) else ""

    return Problem(text("message"), text("code"), text("type"), text("param"), text("event_id"))


def append(mulaw: bytes) -> str:
    """Base64 has nothing that JSON would escape."""
    return f'{{"type":"input_audio_buffer.append","audio":"{base64.b64encode(mulaw).decode()}"}}'
