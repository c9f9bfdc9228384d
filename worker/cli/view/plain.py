"""A request as lines that are only ever appended: for pipes, files and logs.

10:04:31  pending     Call the school and let them know Mara is home sick today
10:04:31  inFlight    planning
          plan        Tell the school office that Mara is home sick.
          number      Lincoln Elementary School, +14155550134 (from your contacts)
10:04:33  inFlight    talking
   0:02 …  Floyd      Hi, this is Floyd, an AI assistant            (words as they are spoken)
[1] 0:02   Floyd      Hi, this is Floyd, an AI assistant calling for Alex.
"""

from __future__ import annotations

from worker.cli.view import words
from worker.cli.view.timings import timing_lines
from worker.cli.view.words import Show

WORDS_AT_ONCE = 4
"""So many new words make a line while somebody speaks: live enough to follow, and not a line for each word."""


def row(time: str, label: str, text: str) -> str:
    """Columns: time, label, text. Later lines of a text stand under its first."""
    indent = " " * 24
    body = ("\n" + indent).join(words.printable(text).splitlines() or [""])
    return f"{time:>9}  {label:<11}  {body}".rstrip()


class PlainView:
    """Feed it each `requests:show`; it returns the lines that are new."""

    def __init__(self) -> None:
        self._last: Show = {}
        self._plan_printed = 0
        self._seen: set[str] = set()
        self._live_printed: dict[str, str] = {}

    def update(self, show: Show) -> list[str]:
        lines = [
            *self._state(show["request"]),
            *self._preparation(show["request"]),
            *self._calls(show),
            *self._questions(show),
            *self._outcome(show),
        ]
        self._last = show
        return lines

    def _once(self, key: str) -> bool:
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def _state(self, request: Show) -> list[str]:
        before = self._last.get("request")
        if before is None:
            filed = words.clock(request["_creationTime"])
            lines = [
                row(filed, "request", f"{request['text']}\n({request['_id']})"),
                # Every request begins so, even if it was claimed before the first look.
                row(filed, "pending", words.stage(request) if request["status"] == "pending" else ""),
            ]
            if request["status"] != "pending":
                lines.append(row(words.clock(request["updatedAt"]), request["status"], words.stage(request)))
            return lines
        if (before["status"], before.get("stage")) == (request["status"], request.get("stage")):
            return []
        return [row(words.clock(request["updatedAt"]), request["status"], words.stage(request))]

    def _preparation(self, request: Show) -> list[str]:
        lines = []
        facts = [fact["text"] for fact in request.get("context") or []]
        lines += [row("", "uses", text) for text in facts if self._once(f"context {text}")]
        plan = str(request.get("plan") or "")
        before = str((self._last.get("request") or {}).get("plan") or "")
        if not plan.startswith(before):
            self._plan_printed = 0  # planned anew, after an answer or in another attempt
        # A line of the plan is printed when it is complete.
        end = len(plan) if request.get("planDone") or words.over(request) else plan.rfind("\n") + 1
        if end > self._plan_printed:
            fresh = plan[self._plan_printed : end].strip("\n")
            self._plan_printed = end
            if fresh.strip():
                lines.append(row("", "plan", fresh))
        number = words.number(request)
        if number and self._once(f"number {number}"):
            lines.append(row("", "number", number))
        return lines

    def _calls(self, show: Show) -> list[str]:
        lines = []
        for call in show["calls"]:
            if self._once(f"call {call['_id']}"):
                lines.append(
                    row(words.clock(call["_creationTime"]), "call", f"{call['attempt']:g} to {call['to']}")
                )
            since = call.get("answeredAt")
            if since and self._once(f"answered {call['_id']}"):
                by = call.get("answeredBy")
                lines.append(row(words.clock(since), "answered", f"by {by}" if by else ""))
            for line in show["transcript"]:
                if line["callId"] == call["_id"] and self._once(f"line {call['_id']} {line['seq']:g}"):
                    self._live_printed.pop(call["_id"], None)
                    lines.append(self._line(line, since))
            for live in show.get("live") or []:
                if live["callId"] == call["_id"]:
                    spoken = [line for line in show["transcript"] if line["callId"] == call["_id"]]
                    lines.extend(self._live(live, spoken, since))
            if call.get("endedAt") and self._once(f"ended {call['_id']}"):
                lines.append(row(words.clock(call["endedAt"]), "ended", str(call.get("endReason") or "")))
        return lines

    @staticmethod
    def _line(line: Show, since: float | None) -> str:
        time = f"[{line['seq']:g}] {words.offset(line['startedAt'], since)}"
        return row(time, words.speaker(line["speaker"]), words.spoken(line))

    def _live(self, live: Show, lines: list[Show], since: float | None) -> list[str]:
        who, text = live["speaker"], str(live["text"])
        if any(line["speaker"] == who and str(line["text"]).startswith(text.strip()) for line in lines[-2:]):
            return []  # said already: the line is written just before its live words are wiped
        printed = self._live_printed.get(live["callId"], "")
        told = _told(printed, text)
        fresh = text[told:]
        if len(fresh.split()) < WORDS_AT_ONCE:
            return []
        self._live_printed[live["callId"]] = text
        return [row(f"{words.offset(live['updatedAt'], since)} …", words.speaker(who), fresh.strip())]

    def _questions(self, show: Show) -> list[str]:
        lines = []
        for question in show["questions"]:
            if self._once(f"asked {question['_id']}"):
                waits = "somebody holds the line; " if question.get("callId") else ""
                until = f"({waits}answer by {words.moment(question['deadline'])})"
                lines.append(row("", "question", f"{question['text']} {until}"))
            if question["status"] != "open" and self._once(f"closed {question['_id']}"):
                lines.append(row("", question["status"], str(question.get("answer") or "")))
        return lines

    def _outcome(self, show: Show) -> list[str]:
        request = show["request"]
        if not words.over(request) or not self._once(f"over {request['status']} {request['updatedAt']}"):
            return []
        return [*outcome_lines(show), *timing_lines(show)]


def _told(printed: str, text: str) -> int:
    """How much of `text` was told with `printed`: whole words from its start. A recogniser may have changed its
    mind about the last few; a text that shares less than half is another utterance."""
    if text.startswith(printed):
        return len(printed)
    common = next((at for at, (a, b) in enumerate(zip(printed, text, strict=False)) if a != b), len(text))
    return 0 if common < len(printed) / 2 else text.rfind(" ", 0, common) + 1


def outcome_lines(show: Show) -> list[str]:
    """The outcome with its evidence, and how to answer if that is what it waits for."""
    request, outcome = show["request"], show["request"].get("outcome")
    lines = []
    if outcome:
        kind = words.OUTCOMES.get(outcome["kind"], outcome["kind"])
        lines.append(row("", "outcome", f"{kind}: {outcome['summary']}"))
        numbers = words.call_numbers(show)
        lines += [row("", "", f"- {fact['text']} {words.evidence(fact, numbers)}") for fact in outcome["reported"]]
    lines += [
        row("", "told", f"{told['to']} at [{told['seq']:g}]: {told['text']}") for told in show["disclosures"]
    ]
    if request["status"] == "needsInput":
        lines.append(row("", "answer with", f'floyd answer {request["_id"]} "..."'))
    return lines
