"""Signing in: a one-time link becomes a session, a session yields tokens.

    POST /auth/sign-in   {"code"}     -> {"token", "expiresAt", "session", "name"}
    POST /auth/token     {"session"}  -> {"token", "expiresAt"}
    POST /auth/sign-out  {"session"}  -> 204

`code` and `session` are 256 random bits each, in base64url. The deployment knows them by their SHA-256
(`convex/signIn.ts`), which is looked up there, not compared here: neither the time an answer takes nor the
database helps to guess one. They come and go in bodies only, never in an address, and are not logged. `token` is a
JWT for the deployment and for the worker's other routes, good for ten minutes; `expiresAt` is in epoch ms.

    400, 413, 415  the body is not what it should be
    401            no such session, or not any more: sign in again
    403            a page that may not (see origins.py)
    404, 410       LINK_UNKNOWN; LINK_USED or LINK_EXPIRED
    429            too many requests from this address; `Retry-After` says for how long
    503            the deployment does not answer, or this worker's key is not the one that the deployment trusts
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any

import jwt
import structlog
from aiohttp import web

from worker.deployment.client import Deployment, DeploymentUnavailable, FunctionError
from worker.keys import KeyFileError, SigningKey, load_key
from worker.settings import Settings
from worker.web.allowance import Allowance
from worker.web.body import json_object, text_field
from worker.web.device import device_of
from worker.web.errors import refused
from worker.web.secret import has_form, hash_of, new_secret

log = structlog.get_logger(__name__)

TOKEN_MINUTES = 10
"""A token cannot be taken back, so that a session that was ended lives on for so long at most; a new one makes the
deployment run the page's queries again."""

MAX_BODY_BYTES = 1024
MAX_FIELD_CHARS = 200
PATIENCE_S = 8.0
"""Of the deployment's answer; the page itself gives up after 15 s."""

BURST, PER_SECOND, MOST_ADDRESSES = 40, 2.0, 10_000
"""Guessing is hopeless anyway; this keeps one address from loading the deployment. A tab asks every ten minutes,
and everybody behind one proxy or tunnel has one address."""

NO_STORE = {"Cache-Control": "no-store"}

_LINK_PROBLEMS = {
    "unknown": (
        web.HTTPNotFound,
        "LINK_UNKNOWN",
        "This is not a link of this Floyd, or a very old one. Get a new one with: floyd token --link",
    ),
    "used": (
        web.HTTPGone,
        "LINK_USED",
        "This link has been used already: each works once. Get a new one with: floyd token --link",
    ),
    "expired": (
        web.HTTPGone,
        "LINK_EXPIRED",
        "This link has expired: each works for 15 minutes. Get a new one with: floyd token --link",
    ),
}


def routes(deployment: Deployment, settings: Settings, worker_token: str) -> list[web.RouteDef]:
    """`deployment`: with the worker's token, which is `worker_token`."""
    handlers = _SignIn(deployment, settings, worker_token)
    return [
        web.post("/auth/sign-in", handlers.sign_in),
        web.post("/auth/token", handlers.token),
        web.post("/auth/sign-out", handlers.sign_out),
    ]


class _SignIn:
    def __init__(self, deployment: Deployment, settings: Settings, worker_token: str) -> None:
        self._deployment = deployment
        self._settings = settings
        self._worker_token = worker_token
        self._key: SigningKey | None = None
        self._allowance = Allowance(burst=BURST, per_second=PER_SECOND, most_addresses=MOST_ADDRESSES)

    async def sign_in(self, request: web.Request) -> web.Response:
        code = await self._secret(request, "code")
        if code is None:
            raise _link_problem("unknown")
        # Before the link is used up for nothing.
        key = await self._signing_key()
        session = new_secret()
        device = device_of(request.headers.get("User-Agent"))
        begun = await self._ask(
            "signIn:redeem",
            {
                "codeHash": hash_of(code),
                "secretHash": hash_of(session),
                **({"device": device} if device is not None else {}),
            },
        )
        if begun["kind"] != "granted":
            raise _link_problem(str(begun["because"]))
        name = str(begun.get("name") or _person(begun))
        return web.json_response({**self._made(key, begun), "session": session, "name": name}, headers=NO_STORE)

    async def token(self, request: web.Request) -> web.Response:
        session = await self._secret(request, "session")
        if session is None:
            raise _ended()
        key = await self._signing_key()
        granted = await self._ask("signIn:renew", {"secretHash": hash_of(session)})
        if granted is None:
            raise _ended()
        return web.json_response(self._made(key, granted), headers=NO_STORE)

    async def sign_out(self, request: web.Request) -> web.Response:
        session = await self._secret(request, "session")
        if session is not None:
            await self._ask("signIn:end", {"secretHash": hash_of(session)})
        return web.Response(status=204, headers=NO_STORE)

    def _made(self, key: SigningKey, granted: dict[str, Any]) -> dict[str, Any]:
        token = key.person_token(
            _person(granted),
            issuer=self._settings.floyd_issuer,
            hours=TOKEN_MINUTES / 60,
            full_name=granted.get("name"),
            operator=bool(granted["operator"]),
            session_id=str(granted["sessionId"]),
        )
        return {"token": token, "expiresAt": (int(time.time()) + TOKEN_MINUTES * 60) * 1000}

    async def _secret(self, request: web.Request, field: str) -> str | None:
        """The field's text; None when it cannot be a secret of Floyd's, so that nobody needs to be asked."""
        wait_s = self._allowance.wait_s(request.remote or "", time.monotonic())
        if wait_s > 0:
            error = refused(web.HTTPTooManyRequests, "TOO_MANY", "Too many attempts: wait a little")
            error.headers["Retry-After"] = str(math.ceil(wait_s))
            raise error
        value = text_field(await json_object(request, MAX_BODY_BYTES), field, MAX_FIELD_CHARS)
        return value if has_form(value) else None

    async def _ask(self, function: str, args: dict[str, Any]) -> Any:
        try:
            return await self._deployment.mutation(function, args, patience_s=PATIENCE_S)
        except DeploymentUnavailable as error:
            log.warning("sign_in.no_answer", function=function, reason=str(error))
            raise _unavailable("The database does not answer: try again in a moment") from None
        except FunctionError as error:
            log.warning("sign_in.refused", function=function, code=error.code, reason=error.message)
            raise _unavailable("The database could not answer: try again in a moment") from None

    async def _signing_key(self) -> SigningKey:
        if self._key is None:
            try:
                key = await asyncio.to_thread(load_key, self._settings.floyd_data_dir)
            except KeyFileError as error:
                log.error("sign_in.no_key", reason=str(error))
                raise _unavailable("This worker has no key to sign with; its log says more") from None
            # A worker that was given its token has perhaps another key than the one that signed it. The deployment
            # would take none of its people's tokens.
            if _key_id(self._worker_token) != key.public_jwk["kid"]:
                log.error(
                    "sign_in.foreign_key",
                    hint="FLOYD_WORKER_TOKEN was made with another key than the one in FLOYD_DATA_DIR",
                )
                raise _unavailable("This worker does not sign people in: its key is not the deployment's")
            self._key = key
        return self._key


def _key_id(token: str) -> str | None:
    try:
        return str(jwt.get_unverified_header(token).get("kid"))
    except jwt.InvalidTokenError:
        return None


def _person(granted: dict[str, Any]) -> str:
    return str(granted["subject"]).removeprefix("person:")


def _link_problem(because: str) -> web.HTTPError:
    return refused(*_LINK_PROBLEMS[because])


def _ended() -> web.HTTPError:
    return refused(web.HTTPUnauthorized, "UNAUTHENTICATED", "This session has ended: sign in again")


def _unavailable(message: str) -> web.HTTPError:
    return refused(web.HTTPServiceUnavailable, "UNAVAILABLE", message)
