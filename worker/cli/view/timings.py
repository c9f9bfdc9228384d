"""Where the time went between the end of the callee's words and the first of Floyd's, turn by turn."""

from __future__ import annotations

from worker.cli.view import words
from worker.cli.view.words import Show

COLUMNS = (
    ("endpointing", "endpointingMs"),
    ("model", "modelMs"),
    ("speech", "speechMs"),
    ("Floyd", "floydMs"),
    ("total ms", "totalMs"),
)
"""What a turn's time consists of; the names are the schema's."""


def timing_rows(show: Show) -> list[list[str]]:
    """One row of cells per turn: call.turn, then the columns, then a mark for an interrupted turn."""
    numbers = words.call_numbers(show)
    turns = sorted(show["turns"], key=lambda turn: (numbers.get(turn["callId"], 0), turn["turn"]))
    several = len({turn["callId"] for turn in turns}) > 1
    rows = []
    for turn in turns:
        name = f"{numbers.get(turn['callId'], 0)}.{turn['turn']:g}" if several else f"{turn['turn']:g}"
        cells = [words.milliseconds(turn.get(field)) for _, field in COLUMNS]
        rows.append([name, *cells, "interrupted" if turn["interrupted"] else ""])
    return rows


def timing_lines(show: Show) -> list[str]:
    """The table as plain text; nothing when there are no turns."""
    rows = timing_rows(show)
    if not rows:
        return []
    table = [["turn", *(title for title, _ in COLUMNS), ""], *rows]
    widths = [max(len(cells[column]) for cells in table) for column in range(len(table[0]))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)) for cells in table]
    title = "timings, ms from the end of the callee's words to the first of Floyd's"
    return [f"{'':>9}  {title}", *(f"{'':>9}  {line}".rstrip() for line in lines)]
