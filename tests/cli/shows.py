"""Requests as `requests:show` returns them, from the first moment to the end."""

from __future__ import annotations

import copy
from typing import Any

REQUEST_ID = "jh79fzmty4m8ypbpx1tjzxh4h9ra1mcz"
CALL_ID = "jn7c5ej07bnyrjhxxzmb028svx39qa71"
START = 1_795_218_118_000.0


def pending() -> dict[str, Any]:
    return {
        "request": {
            "_id": REQUEST_ID,
            "_creationTime": START,
            "userId": "j57b203pmv27fx2p2dw33d7bp14zs2jn",
            "text": "Call the school and let them know Mara is home sick today",
            "status": "pending",
            "notBefore": START,
            "attempts": 0,
            "updatedAt": START,
        },
        "calls": [],
        "transcript": [],
        "turns": [],
        "questions": [],
        "disclosures": [],
        "live": [],
        "lease": None,
    }


def changed(show: dict[str, Any], **request: Any) -> dict[str, Any]:
    """A copy with the request changed."""
    show = copy.deepcopy(show)
    show["request"] |= request
    return show


def planning(plan: str, *, done: bool = False) -> dict[str, Any]:
    return changed(pending(), status="inFlight", stage="planning", plan=plan, planDone=done)


def talking(live: str = "", speaker: str = "floyd") -> dict[str, Any]:
    show = changed(
        planning("Say that Mara is sick.\nThank them.", done=True),
        stage="talking",
        number={"phone": "+14155550134", "source": "contact", "name": "Lincoln Elementary School"},
    )
    show["calls"] = [
        {
            "_id": CALL_ID,
            "_creationTime": START + 1_900,
            "attempt": 1,
            "to": "+14155550134",
            "status": "answered",
            "callSid": "CA1",
            "dialedAt": START + 2_000,
            "answeredAt": START + 4_000,
        }
    ]
    if live:
        row = {"callId": CALL_ID, "speaker": speaker, "text": live, "updatedAt": START + 6_000}
        show["live"] = [row]
    return show


def line(seq: int, speaker: str, text: str, *, at_s: float = 0, intended: str | None = None) -> dict[str, Any]:
    started = START + 4_000 + at_s * 1000
    return {
        "callId": CALL_ID,
        "seq": seq,
        "speaker": speaker,
        "text": text,
        "startedAt": started,
        "endedAt": started + 1_000,
        "interrupted": intended is not None,
        **({"intended": intended} if intended is not None else {}),
    }


def completed() -> dict[str, Any]:
    show = changed(
        talking(),
        status="completed",
        outcome={
            "kind": "done",
            "summary": "The school has noted that Mara is absent.",
            "reported": [
                {"text": "The absence is noted", "callId": CALL_ID, "lines": [1, 3], "confirmed": True},
                {"text": "She may come back on Monday", "lines": [], "confirmed": False},
            ],
        },
    )
    show["calls"][0] |= {"status": "ended", "endedAt": START + 30_000, "endReason": "goodbye"}
    show["transcript"] = [
        line(0, "floyd", "Hi, this is Floyd, an AI assistant calling for Alex."),
        line(1, "callee", "Which class is she in?", at_s=5),
        line(2, "floyd", "She is in", at_s=8, intended="She is in class four B."),
        line(3, "callee", "Noted.", at_s=64),
    ]
    turn = {"callId": CALL_ID, "speechEndedAt": START, "interrupted": False}
    show["turns"] = [
        {**turn, "turn": 2, "totalMs": 912.4, "interrupted": True},
        {**turn, "turn": 1, "endpointingMs": 420, "modelMs": 250, "speechMs": 130, "floydMs": 12, "totalMs": 812},
    ]
    show["disclosures"] = [{"callId": CALL_ID, "text": "Mara is in class 4B", "to": "+14155550134", "seq": 2}]
    return show


def asking(*, in_call: bool) -> dict[str, Any]:
    show = talking() if in_call else changed(pending(), status="needsInput")
    question = {
        "_id": "jq7c5ej07bnyrjhxxzmb028svx39qa71",
        "requestId": REQUEST_ID,
        "text": "What is your budget?",
        "status": "open",
        "deadline": START + 60_000,
    }
    show["questions"] = [{**question, "callId": CALL_ID} if in_call else question]
    return show
