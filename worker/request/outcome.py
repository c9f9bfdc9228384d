"""How a call's end becomes the end of its request: a table, and the rules that keep it honest.

The code knows how the call ended; what was settled on it is in the transcript, and the model reads that. The table
says, for each ending, which outcomes are possible at all. The model chooses among those; a choice that is not
possible is dropped. Facts it reports count as confirmed only if they name lines that the callee spoke.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from worker.call.contract import CallReport, Ending, SpokenLine
from worker.model.parse import Claim, WrapUp


class Kind(StrEnum):
    """`outcome.kind` as the schema names it."""

    DONE = "done"
    DECLINED = "declined"
    NO_ANSWER = "noAnswer"
    BUSY = "busy"
    VOICEMAIL_LEFT = "voicemailLeft"
    WRONG_NUMBER = "wrongNumber"
    NEEDS_INPUT = "needsInput"
    REFUSED_AUTOMATED = "refusedAutomated"
    POLICY_BLOCKED = "policyBlocked"
    INTERRUPTED = "interrupted"
    ERROR = "error"


Status = Literal["completed", "failed", "needsInput"]

STATUS: dict[Kind, Status] = {
    Kind.DONE: "completed",
    # The errand was run, and the answer is no: there is nothing left to do.
    Kind.DECLINED: "completed",
    Kind.VOICEMAIL_LEFT: "completed",
    Kind.NEEDS_INPUT: "needsInput",
    Kind.NO_ANSWER: "failed",
    Kind.BUSY: "failed",
    Kind.WRONG_NUMBER: "failed",
    Kind.REFUSED_AUTOMATED: "failed",
    Kind.POLICY_BLOCKED: "failed",
    Kind.INTERRUPTED: "failed",
    Kind.ERROR: "failed",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What one ending can mean. `kinds[-1]` holds when nothing better is known, and `sentence` says so.

    With `reads`, the model is shown the transcript; with more than one kind it chooses among them."""

    kinds: tuple[Kind, ...]
    sentence: str
    reads: bool = False

    @property
    def fallback(self) -> Kind:
        return self.kinds[-1]


_TALKED = (Kind.DONE, Kind.DECLINED, Kind.WRONG_NUMBER, Kind.REFUSED_AUTOMATED, Kind.INTERRUPTED)

ENDINGS: dict[tuple[Ending, bool], Rule] = {
    # (ending, whether the one who matters spoke: our side for a voicemail, the callee for all others)
    (Ending.GOODBYE, True): Rule(_TALKED, "The call ended with a goodbye.", reads=True),
    (Ending.GOODBYE, False): Rule((Kind.NO_ANSWER,), "The call was answered, but nobody spoke."),
    (Ending.CALLEE_HUNG_UP, True): Rule(_TALKED, "The callee hung up.", reads=True),
    (Ending.CALLEE_HUNG_UP, False): Rule((Kind.INTERRUPTED,), "The callee hung up without a word."),
    (Ending.OWNER_HUNG_UP, True): Rule(_TALKED, "You hung up.", reads=True),
    (Ending.OWNER_HUNG_UP, False): Rule((Kind.INTERRUPTED,), "You hung up before anybody spoke."),
    (Ending.CALL_BACK, True): Rule(
        (Kind.NEEDS_INPUT,), "Floyd lacked something, and said that it will call back.", reads=True
    ),
    (Ending.CALL_BACK, False): Rule((Kind.NEEDS_INPUT,), "Floyd lacked something, and will call back."),
    (Ending.VOICEMAIL, True): Rule((Kind.VOICEMAIL_LEFT,), "A voicemail answered, and a message was left."),
    (Ending.VOICEMAIL, False): Rule((Kind.NO_ANSWER,), "A voicemail answered, and no message was left."),
    (Ending.NO_ANSWER, True): Rule((Kind.NO_ANSWER,), "Nobody picked up."),
    (Ending.NO_ANSWER, False): Rule((Kind.NO_ANSWER,), "Nobody picked up."),
    (Ending.BUSY, True): Rule((Kind.BUSY,), "The line was busy."),
    (Ending.BUSY, False): Rule((Kind.BUSY,), "The line was busy."),
    (Ending.FAILED, True): Rule((Kind.ERROR,), "The call could not be connected."),
    (Ending.FAILED, False): Rule((Kind.ERROR,), "The call could not be connected."),
    (Ending.POLICY_BLOCKED, True): Rule((Kind.POLICY_BLOCKED,), "This number may not be called."),
    (Ending.POLICY_BLOCKED, False): Rule((Kind.POLICY_BLOCKED,), "This number may not be called."),
    (Ending.DROPPED, True): Rule((Kind.INTERRUPTED,), "The line dropped in mid-call.", reads=True),
    (Ending.DROPPED, False): Rule((Kind.INTERRUPTED,), "The line dropped before anybody spoke."),
    (Ending.SILENT, True): Rule(_TALKED, "The call fell silent, and was ended.", reads=True),
    (Ending.SILENT, False): Rule((Kind.NO_ANSWER,), "The call was answered, but nobody spoke."),
    (Ending.TOO_LONG, True): Rule(_TALKED, "The call reached its time limit, and was ended.", reads=True),
    (Ending.TOO_LONG, False): Rule((Kind.NO_ANSWER,), "The call reached its time limit, and nobody spoke."),
    (Ending.DRAINED, True): Rule((Kind.INTERRUPTED,), "The call was ended early: Floyd had to stop."),
    (Ending.DRAINED, False): Rule((Kind.INTERRUPTED,), "The call was ended early: Floyd had to stop."),
    (Ending.ERROR, True): Rule((Kind.ERROR,), "Something failed during the call."),
    (Ending.ERROR, False): Rule((Kind.ERROR,), "Something failed during the call."),
}
"""Not here: CANCELLED and LEASE_LOST. Then the request is not this worker's any more, and nothing is written."""

REASONS: dict[str, Kind] = {
    "done": Kind.DONE,
    "declined": Kind.DECLINED,
    "wrong_number": Kind.WRONG_NUMBER,
    "refused_automated": Kind.REFUSED_AUTOMATED,
}
"""What the model said when it ended the call: used when it cannot be asked afterwards."""

UNREAD = "What was said could not be summed up; it is in the transcript."


@dataclass(frozen=True, slots=True)
class Reported:
    """A fact the callee told, with the transcript lines that support it; without lines it is not confirmed."""

    text: str
    lines: tuple[int, ...]

    @property
    def confirmed(self) -> bool:
        return bool(self.lines)


@dataclass(frozen=True, slots=True)
class Outcome:
    kind: Kind
    summary: str
    reported: tuple[Reported, ...] = ()

    @property
    def status(self) -> Status:
        return STATUS[self.kind]

    def row(self, call_id: str | None) -> dict[str, Any]:
        """As the schema has it."""
        about = {"callId": call_id} if call_id else {}
        reported = [
            {"text": fact.text, "lines": list(fact.lines), "confirmed": fact.confirmed, **about}
            for fact in self.reported
        ]
        return {"kind": self.kind.value, "summary": self.summary, "reported": reported}


def rule_for(report: CallReport) -> Rule | None:
    """None when the request is not this worker's any more."""
    speakers = ("floyd", "owner") if report.ending is Ending.VOICEMAIL else ("callee",)
    return ENDINGS.get((report.ending, any(line.speaker in speakers for line in report.lines)))


def without_model(report: CallReport, rule: Rule) -> Outcome:
    """The outcome by what the code alone knows."""
    kind = rule.fallback
    if report.ending is Ending.GOODBYE and (said := REASONS.get(report.reason)) in rule.kinds:
        kind = said or kind
    parts = [rule.sentence, _sentence(report.detail), UNREAD if rule.reads else ""]
    return Outcome(kind, " ".join(part for part in parts if part))


def settled(report: CallReport, rule: Rule, wrap_up: WrapUp) -> Outcome:
    """The outcome with what the model read in the transcript, held against what is possible."""
    named = _kind_named(wrap_up.kind)
    reported = tuple(Reported(claim.text, callee_lines(claim, report.lines)) for claim in wrap_up.reported)
    if len(rule.kinds) == 1:
        # There is nothing to choose: only the telling is the model's.
        return Outcome(rule.fallback, f"{rule.sentence} {wrap_up.summary}", reported)
    if named in rule.kinds and named is not None:
        return Outcome(named, wrap_up.summary, reported)
    by_code = without_model(report, rule)
    return Outcome(by_code.kind, by_code.summary, reported)


def learnt(report: CallReport, wrap_up: WrapUp) -> tuple[Reported, ...]:
    """New facts worth offering to the owner: only ones that the callee's own words support."""
    found = (Reported(claim.text, callee_lines(claim, report.lines)) for claim in wrap_up.learnt)
    return tuple(fact for fact in found if fact.confirmed)


def callee_lines(claim: Claim, lines: Iterable[SpokenLine]) -> tuple[int, ...]:
    """Those of the named lines that exist and that the callee spoke: Floyd's own words are no evidence."""
    spoken = {line.seq for line in lines if line.speaker == "callee"}
    return tuple(seq for seq in claim.lines if seq in spoken)


def _kind_named(text: str) -> Kind | None:
    """wrongNumber, wrong_number, "Wrong number": models do not keep to a spelling."""
    letters = re.sub(r"[^a-z]", "", text.lower())
    return next((kind for kind in Kind if kind.value.lower() == letters), None)


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if not text or text[-1] in ".!?…" else f"{text}."
