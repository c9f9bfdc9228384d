"""`floyd me`: for whom Floyd calls."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from worker.cli import interrupt, options, output
from worker.cli.failure import usage
from worker.cli.machine import local_timezone
from worker.cli.requesting import phone_number
from worker.cli.session import Session, known, make_known, session


def me(
    *,
    name: Annotated[str | None, typer.Option("--name", help="The name Floyd gives: 'calling for ...'.")] = None,
    phone: Annotated[
        str | None, typer.Option("--phone", help="Where Floyd sends you its questions by SMS.")
    ] = None,
    timezone: Annotated[str | None, typer.Option("--timezone", help="Like Europe/Berlin.")] = None,
    call_hours: Annotated[
        str | None,
        typer.Option("--call-hours", metavar="FROM-TO", help='When Floyd may dial, like 09:00-18:00; or "any".'),
    ] = None,
    max_minutes: Annotated[float | None, typer.Option("--max-minutes", help="Limit of one call.")] = None,
    max_spend: Annotated[
        float | None, typer.Option("--max-spend", help="US dollars that Floyd may commit.")
    ] = None,
    record: Annotated[
        bool | None, typer.Option("--record/--no-record", help="Keep a recording of each call.")
    ] = None,
    person: options.Person = options.OWNER,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Show, or change, what Floyd has noted about you. With --person and --name: make another person known.

    \b
    Examples:
      floyd me
      floyd me --name "Alex Rivera" --phone "+14155550100" --timezone America/Los_Angeles
      floyd me --call-hours 09:00-18:00
      floyd me --person sam --name "Sam Rivera"
    """
    change: dict[str, Any] = {"name": name, "phone": phone_number(phone, "--phone"), "timezone": timezone}
    if call_hours is not None:
        change["callHours"] = _hours(call_hours)
    limits = {"maxCallMinutes": max_minutes, "maxSpendUsd": max_spend, "recordCalls": record}
    interrupt.run(_me(change, limits, person, as_json))


async def _me(change: dict[str, Any], limits: dict[str, Any], person: str, as_json: bool) -> None:
    async with session(person) as connection:
        user = await _changed(
            connection, change, {key: value for key, value in limits.items() if value is not None}
        )
    if as_json:
        output.emit({"person": person, "user": user})
        return
    for label, value in (
        ("name", user["name"]),
        ("phone", user.get("phone") or "-"),
        ("timezone", user["timezone"]),
        ("call hours", _shown_hours(user.get("callHours"))),
        ("longest call", f"{user['limits']['maxCallMinutes']:g} min"),
        ("may commit", _dollars(user["limits"].get("maxSpendUsd"))),
        ("recording", "on" if user["limits"]["recordCalls"] else "off"),
    ):
        output.say(f"{label:<13}{value}")


async def _changed(connection: Session, change: dict[str, Any], limits: dict[str, Any]) -> dict[str, Any]:
    if change["name"] and await connection.query("users:me") is None:
        await make_known(connection, change["name"], change["phone"], change["timezone"] or local_timezone())
    user = await known(connection)
    if limits:
        change = {**change, "limits": {**user["limits"], **limits}}
    # For the deployment no call hours are null, and everything else that is not given is absent.
    change = {key: value for key, value in change.items() if value is not None or key == "callHours"}
    if change:
        await connection.deployment.mutation("users:update", change)
        user = await known(connection)
    return user


def _hours(given: str) -> dict[str, str] | None:
    """None: any. Raises CliError unless it is FROM-TO; the deployment looks at the times."""
    if given.strip().lower() == "any":
        return None
    begin, dash, end = (part.strip() for part in given.partition("-"))
    if not (begin and dash and end):
        raise usage(f'--call-hours: "{given}" is not like 09:00-18:00', 'Give two times of day, or "any"')
    return {"from": begin, "to": end}


def _shown_hours(hours: dict[str, str] | None) -> str:
    return "any" if hours is None else f"{hours['from']} to {hours['to']}"


def _dollars(amount: float | None) -> str:
    return "nothing without asking" if amount is None else f"up to {amount:,.2f} US dollars"
