"""`floyd watch`: follow a request."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli import interrupt, options
from worker.cli.requesting import follow_shown
from worker.cli.session import session

RequestId = Annotated[str, typer.Argument(metavar="ID", help="Of the request; `floyd list` shows it.")]


def watch(
    request_id: RequestId,
    person: options.Person = options.OWNER,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Follow a request live until it is over: its plan, the call word by word, the outcome.

    Ctrl-C stops the watching, not the request. Exit code 0 when it was completed, 3 when it needs an answer from
    you, 1 otherwise. With --json: one object a line, each the whole state, with `live` the words being spoken now.

    \b
    Examples:
      floyd watch jd7a1x2m9k3c5v8b0n4q6w2e7r9t1y3u
      floyd watch jd7a1x2m9k3c5v8b0n4q6w2e7r9t1y3u --json
    """
    raise typer.Exit(interrupt.run(_watch(request_id, person, as_json)))


async def _watch(request_id: str, person: str, as_json: bool) -> int:
    async with session(person) as connection:
        return await follow_shown(connection, request_id, as_json=as_json)
