"""Filing a request: what is checked before, and what a scenario adds."""

from __future__ import annotations

import asyncio
import re
import sys

from worker.cli import output
from worker.cli.control import RehearsalControl
from worker.cli.failure import CliError, usage
from worker.cli.follow import exit_code, follow
from worker.cli.knowledge import add_contacts, add_facts
from worker.cli.session import Session, known
from worker.cli.view.drivers import viewer
from worker.settings import e164

LONGEST_TEXT = 4_000
"""Characters; the deployment's own limit (`convex/input.ts`), said here before anything is started."""
MOST_STDIN = 100_000


def request_text(text: str) -> str:
    """The text, or standard input for `-`. Raises CliError when it is empty or too long."""
    if text == "-":
        text = sys.stdin.read(MOST_STDIN)
    text = text.strip()
    if not text:
        raise usage(
            "text: the request is empty", 'Say what Floyd shall do, like "Call the florist and order tulips"'
        )
    if len(text) > LONGEST_TEXT:
        raise usage(
            f"text: the request has {len(text):,} characters; the limit is {LONGEST_TEXT:,}",
            "Shorten it; what Floyd should know for longer belongs in `floyd facts add`",
        )
    return text


def phone_number(number: str | None, option: str = "--to") -> str | None:
    """Raises CliError unless it is E.164."""
    if number is None:
        return None
    try:
        return e164(number)
    except ValueError as error:
        raise usage(f"{option}: {error}") from None


async def file_request(connection: Session, text: str, to: str | None, scenario: str | None = None) -> str:
    """Its id. Raises CliError, FunctionError."""
    await known(connection)
    if scenario is not None:
        to = await _prepare_scenario(connection, scenario, text, to)
    return str(await connection.mutation("requests:create", text=text, to=to))


async def _prepare_scenario(connection: Session, name: str, text: str, to: str | None) -> str | None:
    """Let the callees of a scenario answer, and know what its person knows. Whom to call: with a request that is
    not the scenario's own, its first number, for nothing else would lead there."""
    if (
        connection.running is None
        or connection.running.control_url is None
        or "twilio" not in connection.rehearsed
    ):
        raise CliError(
            "--scenario needs a rehearsed phone line",
            "Start Floyd with `floyd up` and without Twilio settings",
        )
    played = await RehearsalControl(connection.running.control_url).start(name, to)
    facts = await add_facts(connection, played["person"]["facts"])
    contacts = await add_contacts(connection, played["person"]["contacts"])
    if facts or contacts:
        output.note(f"rehearsal: {name} added {facts} facts and {contacts} contacts to what Floyd knows about you")
    own = [
        _words(played["request"]) == _words(text),
        played["request_like"] and _found(played["request_like"], text),
    ]
    return to if to or any(own) else str(played["calls"][0]["number"])


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.casefold())


def _found(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


async def follow_shown(connection: Session, request_id: str, *, as_json: bool, goes_on: bool = True) -> int:
    """Follow a request on standard output until it is over; its exit code. `goes_on`: it does when we stop."""
    last = None
    try:
        with viewer(as_json=as_json, rehearsed=connection.rehearsed) as draw:
            async for show in follow(connection, request_id):
                draw(show)
                last = show
    except asyncio.CancelledError:
        if goes_on:
            output.note(
                f"The request goes on: floyd watch {request_id} follows it, floyd cancel {request_id} ends it"
            )
        raise
    if last is None:
        raise CliError(f"The deployment sent no state of {request_id}")
    return exit_code(last)
