"""A request as a screen: for terminals. Pure: a `requests:show` object in, something rich can draw out."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from worker.cli.view import words
from worker.cli.view.timings import COLUMNS, timing_rows
from worker.cli.view.words import Show

STATUS_STYLES = {
    "pending": "bold yellow",
    "inFlight": "bold cyan",
    "needsInput": "bold magenta",
    "completed": "bold green",
    "failed": "bold red",
    "cancelled": "bold white",
}

LINES_AROUND = 14
"""Rows of a screen that are not transcript: header, plan, call, margins."""
FEWEST_LINES = 4
SPEAKER_STYLES = {"floyd": "bold cyan", "callee": "bold yellow", "owner": "bold magenta"}
PLAN_ROWS_WHILE_TALKING = 3


def screen(show: Show, *, rehearsed: tuple[str, ...] = (), height: int | None = None) -> RenderableType:
    """`height` is that of the terminal while following: older transcript lines and most of the plan then make
    room. None draws everything."""
    request = show["request"]
    parts: list[RenderableType] = [_header(request, rehearsed)]
    talking = bool(show["transcript"] or show.get("live"))
    if plan := _plan(request, short=height is not None and talking):
        parts.append(plan)
    room = None if height is None else max(FEWEST_LINES, height - LINES_AROUND)
    parts.extend(_calls(show, room))
    parts.extend(_question(question) for question in words.open_questions(show))
    if words.over(request):
        parts.extend(_end(show))
    return Group(*parts)


def _header(request: Show, rehearsed: tuple[str, ...]) -> RenderableType:
    status = Text(f" {request['status']} ", style=f"reverse {STATUS_STYLES.get(request['status'], 'bold')}")
    if doing := words.stage(request):
        status.append(f"  {doing}", style="not reverse cyan")
    lines = [Text(words.printable(request["text"]), style="bold"), status]
    if number := words.number(request):
        lines.append(Text.assemble(("calls ", "dim"), words.printable(number)))
    title = "[bold]Floyd[/bold]"
    if rehearsed:
        title += f"  [yellow]rehearsal of {', '.join(rehearsed)}[/yellow]"
    return Panel(Group(*lines), title=title, title_align="left", subtitle=f"[dim]{request['_id']}[/dim]")


def _plan(request: Show, *, short: bool) -> RenderableType | None:
    plan = words.printable(str(request.get("plan") or "")).strip()
    if not plan:
        return None
    if short:
        rows = plan.splitlines()
        plan = "\n".join(rows[:PLAN_ROWS_WHILE_TALKING]) + (" …" if len(rows) > PLAN_ROWS_WHILE_TALKING else "")
    elif not request.get("planDone") and request["status"] == "inFlight":
        plan += " ▌"
    return Padding(Group(Text("plan", style="dim"), Text(plan, style="italic")), (0, 1))


def _calls(show: Show, room: int | None) -> list[RenderableType]:
    parts: list[RenderableType] = []
    calls = show["calls"] if room is None else show["calls"][-1:]
    for call in calls:
        ring = "" if call.get("answeredAt") or call["status"] == "ended" else f", {call['status']}"
        parts.append(Rule(f"[dim]call {call['attempt']:g} to {call['to']}{ring}[/dim]", style="dim"))
        table = Table.grid(padding=(0, 1))
        table.add_column(justify="right", style="dim", no_wrap=True)
        table.add_column(justify="right", style="dim", no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        since = call.get("answeredAt")
        lines = [line for line in show["transcript"] if line["callId"] == call["_id"]]
        hidden = 0 if room is None else max(0, len(lines) - room)
        if hidden:
            table.add_row("", "", "", Text(f"… {hidden} earlier lines", style="dim"))
        for line in lines[hidden:]:
            table.add_row(
                f"{line['seq']:g}",
                words.offset(line["startedAt"], since),
                _speaker(line["speaker"]),
                _spoken(line),
            )
        for live in show.get("live") or []:
            if live["callId"] == call["_id"] and live["text"]:
                text = Text(f"{words.printable(live['text'])} …", style="grey50")
                table.add_row("", words.offset(live["updatedAt"], since), _speaker(live["speaker"]), text)
        if call["status"] == "ended":
            reason = words.printable(str(call.get("endReason") or ""))
            table.add_row(
                "",
                words.offset(call["endedAt"], since) if call.get("endedAt") else "",
                "",
                Text(f"call ended{': ' + reason if reason else ''}", style="dim"),
            )
        parts.append(Padding(table, (0, 1)))
    return parts


def _speaker(name: str) -> Text:
    return Text(words.speaker(name), style=SPEAKER_STYLES.get(name, "bold"))


def _spoken(line: Show) -> Text:
    """What was heard; of an interrupted line the unheard rest is struck out."""
    text = Text(words.spoken(line))
    heard, intended = words.printable(line["text"]), words.printable(str(line.get("intended") or ""))
    if line["interrupted"] and intended.startswith(heard) and len(intended) > len(heard):
        text.append(f" {intended[len(heard) :].strip()}", style="grey50 strike")
    return text


def _question(question: Show) -> RenderableType:
    waits = "Somebody holds the line. " if question.get("callId") else ""
    hint = f'{waits}Answer by {words.moment(question["deadline"])}:  floyd answer {question["requestId"]} "..."'
    body = Group(Text(words.printable(question["text"]), style="bold"), Text(hint, style="dim"))
    return Panel(body, title="Floyd asks you", title_align="left", border_style="magenta")


def _end(show: Show) -> list[RenderableType]:
    request, outcome = show["request"], show["request"].get("outcome")
    style = STATUS_STYLES.get(request["status"], "bold").removeprefix("bold ")
    parts: list[RenderableType] = []
    if outcome:
        lines = [Text(words.printable(outcome["summary"]))]
        numbers = words.call_numbers(show)
        for fact in outcome["reported"]:
            evidence = words.evidence(fact, numbers)
            lines.append(Text.assemble(" • ", words.printable(fact["text"]), (f"  {evidence}", "dim")))
        lines += [
            Text(f" told {told['to']} at [{told['seq']:g}]: {words.printable(told['text'])}", style="dim")
            for told in show["disclosures"]
        ]
        kind = words.OUTCOMES.get(outcome["kind"], outcome["kind"])
        parts.append(
            Panel(Group(*lines), title=f"{request['status']}: {kind}", title_align="left", border_style=style)
        )
    if rows := timing_rows(show):
        table = Table(
            box=SIMPLE_HEAD,
            title="ms from the end of the callee's words to the first of Floyd's",
            title_style="dim",
            title_justify="left",
        )
        table.add_column("turn", justify="right", style="dim")
        for name, _ in COLUMNS:
            table.add_column(name, justify="right", style="bold" if name == "total ms" else "")
        table.add_column("")
        for cells in rows:
            table.add_row(*cells)
        parts.append(table)
    return parts
