"""`floyd facts`: what Floyd knows about a person."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from worker.cli import interrupt, options, output
from worker.cli.fact_files import read_facts
from worker.cli.failure import usage
from worker.cli.knowledge import add_facts
from worker.cli.session import check_id, known, session

app = typer.Typer(name="facts", help="What Floyd knows about you.", no_args_is_help=True)


class Sharing(StrEnum):
    FREE = "free"
    ASK = "ask"
    NEVER = "never"


SharingOption = Annotated[
    Sharing,
    typer.Option(
        "--sharing",
        help="free: Floyd may tell it when it helps; ask: only after asking you; never: no model ever sees it.",
    ),
]


@app.command("list")
def list_facts(
    person: options.Person = options.OWNER, as_json: options.Json = False, debug: options.Debug = False
) -> None:
    """List what Floyd knows.

    \b
    Examples:
      floyd facts list
      floyd facts list --json | jq -r '.facts[].text'
    """
    interrupt.run(_list(person, as_json))


@app.command("add")
def add_fact(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="One sentence.")],
    sharing: SharingOption = Sharing.FREE,
    person: options.Person = options.OWNER,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Tell Floyd something.

    \b
    Examples:
      floyd facts add "Mara is in class 4B at Lincoln Elementary School"
      floyd facts add "We live at 12 Elm Street" --sharing never
    """
    if not text.strip():
        raise usage("text: the fact is empty", "Say what Floyd shall know")
    interrupt.run(_add(text.strip(), sharing, person, as_json))


@app.command("remove")
def remove_fact(
    fact_id: Annotated[str, typer.Argument(metavar="ID", help="`floyd facts list` shows it.")],
    person: options.Person = options.OWNER,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Make Floyd forget a fact.

    \b
    Examples:
      floyd facts remove k57f0a1b2c3d4e5f6g7h8j9k0m1n2p3q
    """
    interrupt.run(_remove(fact_id, person, as_json))


@app.command("accept")
def accept_fact(
    fact_id: Annotated[str, typer.Argument(metavar="ID", help="`floyd facts list` shows it.")],
    sharing: Annotated[
        Sharing | None,
        typer.Option("--sharing", help="As with `floyd facts add`; what was learnt is `ask` at first."),
    ] = None,
    person: options.Person = options.OWNER,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Keep what Floyd learnt in a call. Until then it is only offered, and not used.

    \b
    Examples:
      floyd facts accept k57f0a1b2c3d4e5f6g7h8j9k0m1n2p3q --sharing free
    """
    interrupt.run(_accept(fact_id, sharing, person, as_json))


@app.command("reject")
def reject_fact(
    fact_id: Annotated[str, typer.Argument(metavar="ID", help="`floyd facts list` shows it.")],
    person: options.Person = options.OWNER,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Turn down what Floyd learnt in a call, so that it is not offered again.

    \b
    Examples:
      floyd facts reject k57f0a1b2c3d4e5f6g7h8j9k0m1n2p3q
    """
    interrupt.run(_reject(fact_id, person, as_json))


@app.command("import")
def import_facts(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="One fact a line; or .yaml, .json, .csv with `text` and `sharing`."),
    ],
    sharing: SharingOption = Sharing.FREE,
    person: options.Person = options.OWNER,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Tell Floyd many things at once. What it knows word for word is left out, so that repeating is harmless.

    \b
    Examples:
      floyd facts import about-us.txt
      floyd facts import addresses.csv --sharing ask
    """
    facts = read_facts(file, sharing.value)
    interrupt.run(_import(facts, person, as_json))


async def _list(person: str, as_json: bool) -> None:
    async with session(person) as connection:
        await known(connection)
        facts: list[dict[str, Any]] = await connection.query("facts:list")
    if as_json:
        output.emit({"facts": facts})
        return
    if not facts:
        output.note('Floyd knows nothing yet; tell it something with: floyd facts add "..."')
    for fact in facts:
        status = "" if fact["status"] == "accepted" else f"  ({fact['status']})"
        output.say(f"{fact['_id']}  {fact['sharing']:<5}  {fact['text']}{status}")


async def _add(text: str, sharing: Sharing, person: str, as_json: bool) -> None:
    async with session(person) as connection:
        await known(connection)
        fact_id = await connection.mutation("facts:add", text=text, sharing=sharing.value)
    if as_json:
        output.emit({"factId": fact_id})
    else:
        output.say(str(fact_id))


async def _remove(fact_id: str, person: str, as_json: bool) -> None:
    check_id(fact_id)
    async with session(person) as connection:
        await connection.mutation("facts:remove", factId=fact_id)
    if as_json:
        output.emit({"factId": fact_id, "removed": True})
    else:
        output.say("removed")


async def _accept(fact_id: str, sharing: Sharing | None, person: str, as_json: bool) -> None:
    check_id(fact_id)
    async with session(person) as connection:
        kept = sharing.value if sharing else None
        await connection.mutation("facts:accept", factId=fact_id, sharing=kept)
    if as_json:
        output.emit({"factId": fact_id, "accepted": True})
    else:
        output.say("accepted")


async def _reject(fact_id: str, person: str, as_json: bool) -> None:
    check_id(fact_id)
    async with session(person) as connection:
        await connection.mutation("facts:reject", factId=fact_id)
    if as_json:
        output.emit({"factId": fact_id, "rejected": True})
    else:
        output.say("rejected")


async def _import(facts: list[dict[str, Any]], person: str, as_json: bool) -> None:
    async with session(person) as connection:
        await known(connection)
        added = await add_facts(connection, facts)
    if as_json:
        output.emit({"read": len(facts), "added": added})
    else:
        output.say(f"{added} added, {len(facts) - added} known already")
