"""How a call came out, as the stand-in model reads it in the transcript where no scenario tells. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rehearsal.openai import signs
from rehearsal.openai.reading import Reading, TranscriptLine
from rehearsal.openai.vocabulary import sentences, words_of

MOST_REPORTED = 3


@dataclass(frozen=True)
class _Told:
    """What a line of the callee's says, without courtesies and questions."""

    text: str
    line: int


def wrap_up(reading: Reading, allowed: Sequence[str]) -> dict[str, Any]:
    """What the callee stated is reported, with its lines; a call that came to a goodbye is done, or declined."""
    lines = reading.transcript()
    begun = next((index for index, line in enumerate(lines) if line.speaker != "callee"), 0)
    talk = lines[begun:]
    told = [found for line in talk if line.speaker == "callee" and (found := _told(line))]
    kind = _kind(talk, told)
    if allowed and kind not in allowed:
        kind = allowed[-1]
    reported = [{"text": one.text, "lines": [one.line]} for one in told[-MOST_REPORTED:]]
    return {"kind": kind, "summary": _summary(kind, talk, told), "reported": reported, "learnt": []}


def _told(line: TranscriptLine) -> _Told | None:
    said = [
        part
        for part in sentences(line.text)
        if len(words_of(part)) > signs.FEW_WORDS
        and not part.endswith("?")
        and not any(pattern.search(part) for pattern in (signs.COURTESY, signs.WAIT, signs.AGAIN))
    ]
    return _Told(" ".join(said), line.number) if said else None


def _kind(talk: Sequence[TranscriptLine], told: Sequence[_Told]) -> str:
    callee = " ".join(line.text for line in talk if line.speaker == "callee")
    if signs.WRONG_NUMBER.search(callee):
        return "wrongNumber"
    if signs.NO_MACHINES.search(callee):
        return "refusedAutomated"
    if not told or not any(
        "bye" in words_of(line.text.replace("good bye", "bye")) or "goodbye" in words_of(line.text)
        for line in talk[-2:]
    ):
        return "interrupted"
    return "declined" if signs.NO.search(told[-1].text) else "done"


def _summary(kind: str, talk: Sequence[TranscriptLine], told: Sequence[_Told]) -> str:
    said = f"They said: “{told[-1].text}”" if told else ""
    match kind:
        case "wrongNumber":
            return "It was the wrong number."
        case "refusedAutomated":
            return "They don't talk to automated callers."
        case "needsInput":
            asked = [part for line in talk if line.speaker == "callee" for part in signs.questions(line.text)]
            return f"They asked: “{asked[-1]}”" if asked else "They asked for something that I was not told."
        case "interrupted":
            return " ".join(filter(None, ["The call ended before the matter was settled.", said]))
        case _:
            return said or "The call was made, and nothing was said that answers the request."
