"""Who a browser's request comes from, and which calls they may reach.

The worker decides neither: it asks the deployment with the person's own token (`Authorization: Bearer`), so
whoever the deployment lets in by any provider is let in here, and sees here exactly what they see there.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from worker.deployment.client import DeploymentUnavailable, FunctionError
from worker.deployment.http import HttpDeployment
from worker.web.errors import refused

PATIENCE_S = 5.0
"""Somebody waits for a sound; the functions answer in milliseconds, on Convex Cloud in a tenth of a second."""

LONGEST_TOKEN = 8000
"""A JWT has one to two thousand characters; some providers put a list of groups into theirs."""

# RFC 6750: b64token.
_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9._~+/-]+=*)")
# Convex ids: 31 to 37 characters of Crockford's base 32, in lower case.
_ID = re.compile(r"[0-9a-z]{31,37}")


@dataclass(frozen=True)
class Person:
    """Somebody whom the deployment knows."""

    user_id: str
    name: str
    deployment_url: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class CallAccess:
    """A call that the person may hear and steer. `status` as in the schema: dialing, ringing, answered, ended."""

    call_id: str
    request_id: str
    status: str
    address: str | None
    """Where the worker that has the call serves browsers; None: not known."""


async def person_of(request: web.Request, deployment_url: str) -> Person:
    """Raises 401 without a valid token, 403 for a worker's or for a person that Floyd does not know yet,
    503 when the deployment does not answer."""
    token = _bearer(request)
    row = await _ask(deployment_url, token, "users:me", {})
    if row is None:
        raise refused(web.HTTPForbidden, "FORBIDDEN", "Floyd does not know you yet: open the page first")
    return Person(str(row["_id"]), str(row["name"]), deployment_url, token)


async def may_reach(person: Person, call_id: str) -> CallAccess:
    """Raises 404 when there is no such call of this person's, whoever else's it may be; else as `person_of`."""
    if not _ID.fullmatch(call_id):
        raise _no_such_call()
    found = await _ask(person.deployment_url, person.token, "calls:access", {"callId": call_id})
    address = found.get("address")
    return CallAccess(
        call_id, str(found["requestId"]), str(found["status"]), str(address) if address is not None else None
    )


def _bearer(request: web.Request) -> str:
    header = request.headers.get("Authorization", "")
    match = _BEARER.fullmatch(header) if len(header) <= LONGEST_TOKEN else None
    if match is None:
        raise _unauthorized("Send `Authorization: Bearer <token>`")
    return match[1]


async def _ask(url: str, token: str, function: str, args: dict[str, Any]) -> Any:
    deployment = HttpDeployment(url, token)
    try:
        with _failures_as_http():
            return await deployment.query(function, args, patience_s=PATIENCE_S)
    finally:
        await deployment.close()


@contextlib.contextmanager
def _failures_as_http() -> Iterator[None]:
    try:
        yield
    except DeploymentUnavailable:
        raise refused(
            web.HTTPServiceUnavailable, "UNAVAILABLE", "The database does not answer: try again in a moment"
        ) from None
    except FunctionError as error:
        match error.code:
            case "UNAUTHENTICATED":
                raise _unauthorized("The token is not valid, or no longer: sign in again") from None
            case "FORBIDDEN":
                raise refused(web.HTTPForbidden, error.code, error.message) from None
            case "NOT_FOUND":
                raise _no_such_call() from None
            # An id of the right form that is no call's.
            case "SERVER" if "ArgumentValidationError" in error.message:
                raise _no_such_call() from None
        raise refused(
            web.HTTPServiceUnavailable, "UNAVAILABLE", "The database could not answer: try again in a moment"
        ) from None


def _unauthorized(message: str) -> web.HTTPError:
    error = refused(web.HTTPUnauthorized, "UNAUTHENTICATED", message)
    error.headers["WWW-Authenticate"] = "Bearer"
    return error


def _no_such_call() -> web.HTTPError:
    return refused(web.HTTPNotFound, "NOT_FOUND", "There is no such call of yours")
