"""A person's connection to the deployment."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from worker.cli.failure import CliError, usage
from worker.cli.machine import local_timezone, login_name
from worker.cli.options import OWNER
from worker.cli.supervise.running import Running, read_running
from worker.deployment.client import FunctionError
from worker.deployment.http import HttpDeployment
from worker.keys import load_key
from worker.settings import Settings, load_settings

TOKEN_HOURS = 12.0
"""A live query cannot renew its token; a request may wait for its owner's answer for hours."""

# Convex ids: 31 to 37 characters of Crockford's base 32, in lower case.
_ID = re.compile(r"[0-9a-z]{31,37}")


@dataclass(frozen=True)
class Session:
    person: str
    url: str
    token: str
    deployment: HttpDeployment
    settings: Settings
    running: Running | None

    @property
    def rehearsed(self) -> tuple[str, ...]:
        """The vendors that the running `floyd up` rehearses."""
        return self.running.rehearsed if self.running else ()

    async def query(self, path: str, **args: Any) -> Any:
        return await self.deployment.query(path, _given(args))

    async def mutation(self, path: str, **args: Any) -> Any:
        return await self.deployment.mutation(path, _given(args))

    async def show(self, request_id: str) -> dict[str, Any]:
        """`requests:show`. Raises CliError when there is no such request of this person's."""
        check_id(request_id)
        try:
            shown = await self.query("requests:show", requestId=request_id)
        except FunctionError as error:
            raise self.unknown_request(error, request_id) from error
        if not isinstance(shown, dict):
            raise CliError(f"The deployment sent no request for {request_id}")
        return shown

    def unknown_request(self, error: FunctionError, request_id: str) -> Exception:
        """The same error in words, if it says that there is no such request."""
        if error.code in ("NOT_FOUND", "FORBIDDEN") or "ArgumentValidationError" in error.message:
            return usage(f'{self.person} has no request "{request_id}"', "`floyd list` shows what there is")
        return error


def check_id(value: str) -> None:
    """Raises CliError for what cannot be an id."""
    if not _ID.fullmatch(value):
        raise usage(f'"{value}" is not an id', "`floyd list` shows the ids of requests")


@asynccontextmanager
async def session(person: str = OWNER, *, settings: Settings | None = None) -> AsyncIterator[Session]:
    """Connect as a person to the configured deployment, or to the one that `floyd up` runs.

    Raises CliError, DeploymentUnavailable."""
    settings = settings or load_settings()
    url, running = deployment_of(settings)
    async with connect(settings, url, person, running) as connection:
        # The subscribing client would wait for ever for a deployment that is not there.
        await connection.deployment.version()
        yield connection


def deployment_of(settings: Settings) -> tuple[str, Running | None]:
    """The deployment's address, and what `floyd up` runs, if it does. Raises CliError."""
    running = read_running(settings.floyd_data_dir)
    url = settings.convex_url or (running.url if running else None)
    if url is None:
        raise CliError(
            f"Nothing is running for {settings.floyd_data_dir}",
            "Start it with `floyd up` in another terminal, or set CONVEX_URL to a deployment",
        )
    return url, running


@asynccontextmanager
async def connect(
    settings: Settings, url: str, person: str, running: Running | None = None
) -> AsyncIterator[Session]:
    """As a person to this deployment, whether or not it is there."""
    token = person_token(settings, person, TOKEN_HOURS)
    deployment = HttpDeployment(url, token)
    try:
        yield Session(person, url, token, deployment, settings, running)
    finally:
        await deployment.close()


def person_token(
    settings: Settings, person: str, hours: float, full_name: str | None = None, *, operator: bool | None = None
) -> str:
    """The machine's owner is an operator, unless `operator` says otherwise."""
    try:
        return load_key(settings.floyd_data_dir).person_token(
            person,
            issuer=settings.floyd_issuer,
            hours=hours,
            full_name=full_name,
            operator=person == OWNER if operator is None else operator,
        )
    except ValueError as error:
        raise usage(str(error)) from error


async def known(connection: Session) -> dict[str, Any]:
    """The person's row. The machine's owner is made known at the first use; anybody else is likely a typing error.

    Raises CliError for an unknown person."""
    user = await connection.query("users:me")
    if user is None and connection.person == OWNER:
        await make_known(connection, login_name(), None, local_timezone())
        user = await connection.query("users:me")
    if not isinstance(user, dict):
        raise usage(
            f'Floyd knows no person "{connection.person}"',
            f'`floyd me --person {connection.person} --name "FULL NAME"` makes them known',
        )
    return user


async def make_known(connection: Session, name: str | None, phone: str | None, timezone: str | None) -> None:
    await connection.mutation("users:ensure", name=name, phone=phone, timezone=timezone)


def _given(args: dict[str, Any]) -> dict[str, Any]:
    """Convex's optional fields are absent, not null."""
    return {name: value for name, value in args.items() if value is not None}
