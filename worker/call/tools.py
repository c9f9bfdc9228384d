"""The tools the model may use, and the check of what it sends. Pure.

A tool call's arguments are text from outside: they may be broken JSON, of the wrong type, too long, or for a tool
that doesn't exist. `parse` gives a checked action or a problem worded for the model.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from worker.model.language_model import Tool, ToolCall

QUESTION_MAX_CHARS = 500
KEYS_MAX = 32
"""Longer than any extension or card number; a tone takes 0.2 s, so 32 are over 6 s."""
END_REASONS = ("done", "declined", "wrong_number", "refused_automated", "other")

_KEYS = re.compile(r"w*[0-9*#A-D][0-9*#A-Dw]*")


@dataclass(frozen=True, slots=True)
class EndCall:
    reason: str


@dataclass(frozen=True, slots=True)
class AskOwner:
    question: str


@dataclass(frozen=True, slots=True)
class CallBackLater:
    question: str


@dataclass(frozen=True, slots=True)
class PressKeys:
    keys: str


Action = EndCall | AskOwner | CallBackLater | PressKeys


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a tool call can't be carried out, in words that the model can act on."""

    message: str


def _tool(name: str, description: str, argument: str, schema: dict[str, Any]) -> Tool:
    parameters = {
        "type": "object",
        "properties": {argument: schema},
        "required": [argument],
        "additionalProperties": False,
    }
    return Tool(name=name, description=description, parameters=parameters)


END_CALL = _tool(
    "end_call",
    "Hang up. Say goodbye in the same reply: it is spoken first.",
    "reason",
    {
        "type": "string",
        "enum": list(END_REASONS),
        "description": "done: the request is carried out; declined: they said no; wrong_number: not whom we "
        "wanted; refused_automated: they don't talk to an AI.",
    },
)
ASK_OWNER = _tool(
    "ask_owner",
    "Ask the person you call for something you must know now, while the callee holds the line. "
    "Ask the callee to hold in the same reply.",
    "question",
    {"type": "string", "description": "One short question, understandable without the call."},
)
CALL_BACK_LATER = _tool(
    "call_back_later",
    "End the call because something is missing that only the person you call for can tell. "
    "Say in the same reply that you will call back, and goodbye.",
    "question",
    {"type": "string", "description": "What has to be known before calling again, as one question."},
)
PRESS_KEYS = _tool(
    "press_keys",
    "Press keys of the phone, for a menu or an extension.",
    "keys",
    {"type": "string", "description": "0-9, *, #; w waits half a second.", "pattern": "^[0-9*#w]+$"},
)

CONVERSATION_TOOLS: tuple[Tool, ...] = (END_CALL, ASK_OWNER, CALL_BACK_LATER, PRESS_KEYS)


def parse(call: ToolCall) -> Action | Problem:
    """Check one tool call."""
    if call.name not in {tool.name for tool in CONVERSATION_TOOLS}:
        names = ", ".join(tool.name for tool in CONVERSATION_TOOLS)
        return Problem(f"there is no tool {_quoted(call.name)}; there are: {names}")
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        return Problem(f"the arguments of {call.name} are not valid JSON")
    if not isinstance(arguments, dict):
        return Problem(f"the arguments of {call.name} must be a JSON object")
    match call.name:
        case "end_call":
            reason = arguments.get("reason", "other")
            if reason not in END_REASONS:
                return Problem(f"end_call: reason must be one of {', '.join(END_REASONS)}")
            return EndCall(reason)
        case "press_keys":
            keys = arguments.get("keys")
            if isinstance(keys, int) and not isinstance(keys, bool) and keys >= 0:
                keys = str(keys)
            if not isinstance(keys, str) or not _KEYS.fullmatch(keys.replace(" ", "")):
                return Problem("press_keys: keys must be a text of 0-9, *, # and w")
            compact = keys.replace(" ", "")
            if len(compact) > KEYS_MAX:
                return Problem(f"press_keys: at most {KEYS_MAX} keys at once")
            return PressKeys(compact)
        case _:
            question = arguments.get("question")
            if not isinstance(question, str) or not question.strip():
                return Problem(f"{call.name}: question must be a text that is not empty")
            text = " ".join(question.split())[:QUESTION_MAX_CHARS]
            return AskOwner(text) if call.name == "ask_owner" else CallBackLater(text)


def _quoted(name: str) -> str:
    return '"' + "".join(char for char in name[:40] if char.isprintable()) + '"'
