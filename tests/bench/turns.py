"""One call's turns, as the callee's end of the line had them and as Floyd wrote them down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SAME_MOMENT_MS = 150.0
"""Floyd's first audio as sent and as received: loopback, both ends busy."""
SAME_LINE_MS = 1.0


@dataclass(frozen=True)
class Turn:
    """One answered turn; all in ms."""

    voice_to_voice: float
    """Last voiced frame sent by the callee to first audible audio received from Floyd: from outside."""
    noticed: float
    """From that last voiced frame to what Floyd took for the end of speech."""
    final: float
    """From that last voiced frame to the recogniser's final words."""
    endpointing: float
    model: float
    speech: float
    floyd: float
    total: float


def answered_turns(show: dict[str, Any], note: dict[str, Any]) -> Iterator[Turn]:
    """The turns in which the callee said something and the model answered it. The opening is not one: its words
    are ready-made."""
    needed = {"modelMs", "speechMs", "finalTranscript", "firstSent"}
    rows = [row for row in show["turns"] if needed <= row.keys()]
    for outside in note["turns"]:
        arrived = outside["firstAudioAtMs"]
        row = min(rows, key=lambda one: abs(_sent_at(one) - arrived), default=None)
        if row is None or abs(_sent_at(row) - arrived) > SAME_MOMENT_MS:
            continue
        yield Turn(
            voice_to_voice=arrived - outside["lastVoicedAtMs"],
            noticed=row["speechEndedAt"] - outside["lastVoicedAtMs"],
            final=row["speechEndedAt"] + row["finalTranscript"] - outside["lastVoicedAtMs"],
            endpointing=row["endpointingMs"],
            model=row["modelMs"],
            speech=row["speechMs"],
            floyd=row["floydMs"],
            total=row["totalMs"],
        )


def _sent_at(row: dict[str, Any]) -> float:
    return float(row["speechEndedAt"] + row["firstSent"])


def floyd_lines_seen(show: dict[str, Any], seen: dict[str, float]) -> Iterator[float]:
    """From the end of playing (the carrier's mark is back) to the line's arrival at a subscriber."""
    for line in show["transcript"]:
        if line["speaker"] == "floyd" and line["_id"] in seen:
            yield seen[line["_id"]] - line["endedAt"]


def callee_lines_seen(show: dict[str, Any], seen: dict[str, float]) -> Iterator[float]:
    """From the moment a turn is taken to the arrival of its line at a subscriber."""
    for line in show["transcript"]:
        turn = next((t for t in show["turns"] if abs(t["speechEndedAt"] - line["endedAt"]) < SAME_LINE_MS), None)
        if turn is not None and "endpointed" in turn and line["speaker"] == "callee" and line["_id"] in seen:
            yield seen[line["_id"]] - turn["speechEndedAt"] - _taken(turn)


def _taken(turn: dict[str, Any]) -> float:
    """The end of endpointing; with an answer that was begun before it, the moment that answer is spoken: until
    then the callee may go on, and the words belong to one line."""
    prepared = turn.get("modelAsked", turn["endpointed"]) < turn["endpointed"]
    return float(turn.get("firstSent", turn["endpointed"]) if prepared else turn["endpointed"])
