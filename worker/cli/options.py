"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli import output


def _switch_debug(value: bool) -> bool:
    if value:
        output.show_tracebacks()
    return value


Json = Annotated[
    bool, typer.Option("--json", help="Print JSON: one object, or one object a line while following.")
]
Debug = Annotated[
    bool,
    typer.Option("--debug", help="Show the traceback of an error.", callback=_switch_debug, is_eager=True),
]
Person = Annotated[str, typer.Option("--person", metavar="NAME", help="Who asks.", show_default=True)]
To = Annotated[
    str | None,
    typer.Option("--to", metavar="NUMBER", help='Whom to call, like "+14155550134". Without it Floyd finds out.'),
]
Scenario = Annotated[
    str | None,
    typer.Option(
        "--scenario",
        metavar="NAME",
        help="Rehearsal only: let this scenario's callee answer. Adds what its person knows to what Floyd knows.",
    ),
]

OWNER = "owner"
"""The person of this machine, unless `--person` says otherwise."""
