"""`floyd answer`: answer what Floyd asks."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli import interrupt, options, output
from worker.cli.failure import usage
from worker.cli.session import check_id, session
from worker.deployment.client import FunctionError


def answer(
    target: Annotated[str, typer.Argument(metavar="ID", help="Of the request, or of the question.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Your answer.")],
    person: options.Person = options.OWNER,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Answer a question of Floyd's. If somebody is holding the line, they hear it next; else Floyd calls anew.

    \b
    Examples:
      floyd answer jd7a1x2m9k3c5v8b0n4q6w2e7r9t1y3u "Up to sixty dollars"
    """
    if not text.strip():
        raise usage("text: the answer is empty", "Say what Floyd shall know")
    interrupt.run(_answer(target, text.strip(), person, as_json))


async def _answer(target: str, text: str, person: str, as_json: bool) -> None:
    check_id(target)
    async with session(person) as connection:
        try:
            await connection.mutation("questions:answer", id=target, text=text)
        except FunctionError as error:
            raise connection.unknown_request(error, target) from error
    if as_json:
        output.emit({"id": target, "answered": True})
    else:
        output.say("answered")
