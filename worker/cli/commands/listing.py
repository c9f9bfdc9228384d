"""`floyd list`: the requests, newest first."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from worker.cli import interrupt, options, output
from worker.cli.session import known, session
from worker.cli.view import words
from worker.cli.view.screen import STATUS_STYLES


def list_requests(
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="How many.")] = 20,
    person: options.Person = options.OWNER,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List your requests, newest first.

    \b
    Examples:
      floyd list
      floyd list --limit 100 --json | jq -r '.requests[] | [._id, .status] | @tsv'
    """
    interrupt.run(_list(limit, person, as_json))


async def _list(limit: int, person: str, as_json: bool) -> None:
    async with session(person) as connection:
        await known(connection)
        page = await connection.query("requests:list", paginationOpts={"numItems": limit, "cursor": None})
    requests: list[dict[str, Any]] = page["page"]
    if as_json:
        output.emit({"requests": requests})
        return
    if not requests:
        output.note('no requests yet; file one with: floyd ask "Call ..."')
        return
    console = output.stdout()
    if not console.is_terminal:
        for request in requests:
            output.say("\t".join([request["_id"], request["status"], _when(request), _one_line(request["text"])]))
        return
    table = Table(box=None, pad_edge=False)
    for title in ("id", "status", "filed"):
        table.add_column(title, no_wrap=True, style="dim" if title != "status" else "")
    table.add_column("request", overflow="ellipsis", no_wrap=True)
    for request in requests:
        status = Text(_status(request), style=STATUS_STYLES.get(request["status"], ""))
        table.add_row(request["_id"], status, _when(request), Text(_one_line(request["text"])))
    console.print(table)


def _status(request: dict[str, Any]) -> str:
    return ", ".join(part for part in (request["status"], words.stage(request)) if part)


def _when(request: dict[str, Any]) -> str:
    return words.day_and_clock(request["_creationTime"])


def _one_line(text: str) -> str:
    return " ".join(words.printable(text).split())
