"""The words for states, stages, outcomes and times."""

from __future__ import annotations

from datetime import datetime
from typing import Any

Show = dict[str, Any]
"""What `requests:show` returns."""

STAGES = {
    "gatheringContext": "gathering what Floyd must know",
    "planning": "planning",
    "findingNumber": "finding the number",
    "dialing": "dialling",
    "ringing": "ringing",
    "talking": "talking",
    "onHold": "on hold",
    "wrappingUp": "wrapping up",
}

OUTCOMES = {
    "done": "done",
    "declined": "declined",
    "noAnswer": "nobody answered",
    "busy": "the line was busy",
    "voicemailLeft": "left a message on voicemail",
    "wrongNumber": "wrong number",
    "needsInput": "needs an answer from you",
    "refusedAutomated": "they do not talk to automated callers",
    "policyBlocked": "this number may not be called",
    "interrupted": "interrupted",
    "error": "error",
}

SOURCES = {
    "request": "given with the request",
    "contact": "from your contacts",
    "fact": "from what Floyd knows",
    "owner": "you said it",
    "override": "FLOYD_CALL_OVERRIDE",
}

FINAL = frozenset({"completed", "failed", "cancelled"})
"""A request in one of these stays there."""


def over(request: Show) -> bool:
    """Whether there is nothing more to follow: it ended, or waits for its owner."""
    return request.get("status") in FINAL or request.get("status") == "needsInput"


def stage(request: Show) -> str:
    """What is happening to a request, or what it waits for."""
    if request.get("status") == "pending" and request.get("movedFrom") is not None:
        return f"until {moment(request['notBefore'])}, when your call hours begin"
    if request.get("status") != "inFlight":
        return ""
    name = str(request.get("stage") or "")
    return STAGES.get(name, name)


SPEAKERS = {"floyd": "Floyd", "callee": "Callee", "owner": "You"}


def speaker(name: str) -> str:
    """ "You": the request's owner, who has taken over the call."""
    return SPEAKERS.get(name, name)


def clock(at_ms: float | None) -> str:
    """Local time of day."""
    if at_ms is None:
        return "--:--:--"
    return datetime.fromtimestamp(at_ms / 1000).astimezone().strftime("%H:%M:%S")


def day_and_clock(at_ms: float) -> str:
    """Local date and time of day, to the minute."""
    return datetime.fromtimestamp(at_ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M")


def moment(at_ms: float) -> str:
    """Local time of day, with the date unless it is today."""
    at = datetime.fromtimestamp(at_ms / 1000).astimezone()
    return clock(at_ms) if at.date() == datetime.now(at.tzinfo).date() else at.strftime("%Y-%m-%d %H:%M")


def offset(at_ms: float, since_ms: float | None) -> str:
    """Minutes and seconds into a call: `0:07`."""
    if since_ms is None:
        return clock(at_ms)
    seconds = max(0, int((at_ms - since_ms) / 1000))
    return f"{seconds // 60}:{seconds % 60:02}"


def milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def number(request: Show) -> str:
    chosen = request.get("number")
    if not chosen:
        return ""
    who = f"{chosen['name']}, " if chosen.get("name") else ""
    return f"{who}{chosen['phone']} ({SOURCES.get(chosen['source'], chosen['source'])})"


def evidence(fact: Show, call_numbers: dict[str, int]) -> str:
    """`[3, 5]`, or `[call 2: 3]` when there was more than one call; `(unconfirmed)` without any."""
    if not fact.get("confirmed") or not fact.get("lines"):
        return "(unconfirmed)"
    lines = ", ".join(f"{line:g}" for line in fact["lines"])
    if len(call_numbers) > 1 and fact.get("callId") in call_numbers:
        return f"[call {call_numbers[fact['callId']]}: {lines}]"
    return f"[{lines}]"


def call_numbers(show: Show) -> dict[str, int]:
    return {call["_id"]: int(call["attempt"]) for call in show["calls"]}


def printable(text: str) -> str:
    """Without control characters: what a callee said or a model wrote must not steer the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)


def spoken(line: Show) -> str:
    """A line as it was heard; a cut one ends in a dash."""
    text = printable(str(line["text"]))
    return f"{text.rstrip(' .,')} —" if line["interrupted"] else text


def open_questions(show: Show) -> list[Show]:
    return [question for question in show["questions"] if question["status"] == "open"]
