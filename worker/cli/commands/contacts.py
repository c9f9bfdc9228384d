"""`floyd contacts`: whom a person may want called."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from worker.cli import interrupt, options, output
from worker.cli.failure import usage
from worker.cli.requesting import phone_number
from worker.cli.session import check_id, known, session

app = typer.Typer(name="contacts", help="Whom you may want called.", no_args_is_help=True)


@app.command("list")
def list_contacts(
    person: options.Person = options.OWNER, as_json: options.Json = False, debug: options.Debug = False
) -> None:
    """List your contacts.

    \b
    Examples:
      floyd contacts list
    """
    interrupt.run(_list(person, as_json))


@app.command("add")
def add_contact(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who it is.")],
    phone: Annotated[str, typer.Argument(metavar="PHONE", help='The number, like "+14155550134".')],
    *,
    alias: Annotated[
        list[str] | None, typer.Option("--alias", help="What you also call them; repeatable.")
    ] = None,
    notes: Annotated[
        str | None, typer.Option("--notes", help="Anything Floyd should know before it calls.")
    ] = None,
    person: options.Person = options.OWNER,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Add a contact, whom a request can then name.

    \b
    Examples:
      floyd contacts add "Lincoln Elementary School" "+14155550134" --alias school --notes "Opens at 7:30"
    """
    if not name.strip():
        raise usage("name: the contact has no name")
    number = str(phone_number(phone, "phone"))
    interrupt.run(_add(person, name=name.strip(), phone=number, aliases=alias or [], notes=notes, as_json=as_json))


@app.command("remove")
def remove_contact(
    contact_id: Annotated[str, typer.Argument(metavar="ID", help="`floyd contacts list` shows it.")],
    person: options.Person = options.OWNER,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Remove a contact.

    \b
    Examples:
      floyd contacts remove k97f0a1b2c3d4e5f6g7h8j9k0m1n2p3q
    """
    interrupt.run(_remove(contact_id, person, as_json))


async def _list(person: str, as_json: bool) -> None:
    async with session(person) as connection:
        await known(connection)
        contacts: list[dict[str, Any]] = await connection.query("contacts:list")
    if as_json:
        output.emit({"contacts": contacts})
        return
    if not contacts:
        output.note('no contacts yet; add one with: floyd contacts add "NAME" "+14155550134"')
    for contact in contacts:
        also = f"  ({', '.join(contact['aliases'])})" if contact["aliases"] else ""
        output.say(f"{contact['_id']}  {contact['phone']:<15}  {contact['name']}{also}")


async def _add(
    person: str, *, name: str, phone: str, aliases: list[str], notes: str | None, as_json: bool
) -> None:
    async with session(person) as connection:
        await known(connection)
        contact_id = await connection.mutation(
            "contacts:add", name=name, phone=phone, aliases=aliases, notes=notes
        )
    if as_json:
        output.emit({"contactId": contact_id})
    else:
        output.say(str(contact_id))


async def _remove(contact_id: str, person: str, as_json: bool) -> None:
    check_id(contact_id)
    async with session(person) as connection:
        await connection.mutation("contacts:remove", contactId=contact_id)
    if as_json:
        output.emit({"contactId": contact_id, "removed": True})
    else:
        output.say("removed")
