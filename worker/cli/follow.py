"""Following a request live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from worker.cli import output
from worker.cli.failure import ExitCode
from worker.cli.session import Session
from worker.cli.view import words
from worker.cli.view.words import Show
from worker.deployment.client import DeploymentUnavailable
from worker.deployment.subscription import Subscriptions

WATCH_EVERY_S = 5.0
"""The live query is silent while the deployment is away; this often somebody looks."""

SETTLE_S = 5.0
"""After a request is over its call may take a moment to end: a goodbye is spoken, or a line hung up."""


def exit_code(show: Show) -> ExitCode:
    """0 completed, 3 needs input, 1 otherwise."""
    match show["request"]["status"]:
        case "completed":
            return ExitCode.OK
        case "needsInput":
            return ExitCode.NEEDS_INPUT
        case _:
            return ExitCode.FAILED


def is_over(show: Show) -> bool:
    return words.over(show["request"])


async def follow(
    connection: Session, request_id: str, until: Callable[[Show], bool] = is_over
) -> AsyncIterator[Show]:
    """Every state of `requests:show`, until `until` holds and the calls have ended.

    Raises CliError when there is no such request."""
    last = await connection.show(request_id)
    # Opened before anything is shown: opening blocks this process if the deployment is away at that moment.
    async with _live_query(connection, request_id) as states:
        yield last
        while not (until(last) and _calls_ended(last)):
            try:
                # Before the end there is no limit: people may hold for long, and answers may take hours.
                async with asyncio.timeout(SETTLE_S if until(last) else None):
                    state = await states.get()
            except TimeoutError:
                return
            if isinstance(state, Exception):
                raise state
            if state != last:
                last = state
                yield last


def _calls_ended(show: Show) -> bool:
    return all(call["status"] == "ended" for call in show["calls"])


@asynccontextmanager
async def _live_query(connection: Session, request_id: str) -> AsyncIterator[asyncio.Queue[Any]]:
    """A queue of states, and of the error that ended them."""
    states: asyncio.Queue[Any] = asyncio.Queue()
    subscriptions = Subscriptions(connection.url, connection.token)
    live = subscriptions.open("requests:show", {"requestId": request_id})

    async def read() -> None:
        async for state in live:
            await states.put(output.tidy(state))
        await states.put(DeploymentUnavailable("the live query ended"))

    tasks = [asyncio.create_task(read()), asyncio.create_task(_tell_outages(connection))]
    try:
        yield states
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        subscriptions.close()


async def _tell_outages(connection: Session) -> None:
    away = False
    while True:
        await asyncio.sleep(WATCH_EVERY_S)
        try:
            await connection.deployment.version()
        except DeploymentUnavailable:
            if not away:
                output.warn("The deployment does not answer; waiting for it. The call itself goes on.")
            away = True
        else:
            if away:
                output.note("The deployment is back.")
            away = False
