"""`floyd hint`: whisper to Floyd during a call."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli import interrupt, options, output
from worker.cli.commands.watch import RequestId
from worker.cli.failure import CliError, usage
from worker.cli.session import session


def hint(
    request_id: RequestId,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What Floyd shall take into account.")],
    person: options.Person = options.OWNER,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Whisper to Floyd while it talks: it takes that into account at its next turn. The callee does not hear it.

    \b
    Examples:
      floyd hint jd7a1x2m9k3c5v8b0n4q6w2e7r9t1y3u "Friday would do as well"
    """
    if not text.strip():
        raise usage("text: the hint is empty", "Say what Floyd shall take into account")
    interrupt.run(_hint(request_id, text.strip(), person, as_json))


async def _hint(request_id: str, text: str, person: str, as_json: bool) -> None:
    async with session(person) as connection:
        shown = await connection.show(request_id)
        call = next((call for call in shown["calls"] if call["status"] != "ended"), None)
        if call is None:
            raise CliError("No call of this request is going on", "`floyd show` tells what became of it")
        await connection.mutation("calls:hint", callId=call["_id"], text=text)
    if as_json:
        output.emit({"callId": call["_id"], "hinted": True})
    else:
        output.say("whispered")
