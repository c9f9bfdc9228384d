"""`floyd ask`: file a request."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli import interrupt, options, output
from worker.cli.failure import ExitCode
from worker.cli.requesting import file_request, follow_shown, phone_number, request_text
from worker.cli.session import session


def ask(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What Floyd shall do; `-` reads it from stdin.")],
    *,
    to: options.To = None,
    scenario: options.Scenario = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it live until it is over.")] = False,
    person: options.Person = options.OWNER,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Ask Floyd to make a call.

    Prints the request's id. With --wait: exit code 0 when it was completed, 3 when it needs an answer from you,
    1 otherwise.

    \b
    Examples:
      floyd ask "Call the school and let them know Mara is home sick today" --wait
      floyd ask "Ask whether they are open on Sunday" --to "+14155550142"
      echo "Order two dozen tulips for Krista" | floyd ask - --json
    """
    wanted, number = request_text(text), phone_number(to)
    raise typer.Exit(interrupt.run(_ask(person, wanted, number, scenario, wait=wait, as_json=as_json)))


async def _ask(person: str, text: str, to: str | None, scenario: str | None, *, wait: bool, as_json: bool) -> int:
    async with session(person) as connection:
        request_id = await file_request(connection, text, to, scenario)
        if wait:
            return await follow_shown(connection, request_id, as_json=as_json)
    if as_json:
        output.emit({"requestId": request_id})
    else:
        output.say(request_id)
        output.note(f"follow it with: floyd watch {request_id}")
    return ExitCode.OK
