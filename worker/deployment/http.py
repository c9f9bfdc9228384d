"""The deployment's functions over the documented HTTP function API.

Protocol (Convex's public HTTP API):

    POST {url}/api/query | /api/mutation
    Authorization: Bearer <JWT>
    {"path": "dir/file:name", "args": {...}, "format": "json"}

    200 or 560  {"status": "success", "value": ...}
                {"status": "error", "errorMessage": "...", "errorData"?: {...}}
    4xx, 5xx    {"code": "...", "message": "..."}: the request itself failed; no function's answer

`errorData` is there exactly when the function threw a `ConvexError`; Floyd's functions put
`{code, message, field?}` in it. Mutations over HTTP are never deduplicated by the backend, which is why every
mutation of the worker has a natural key, and why sending one again is always allowed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import orjson
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from worker.again import again
from worker.deployment.client import DeploymentUnavailable, FunctionError, LeaseLost

ATTEMPT_DEADLINE_S = 5.0
"""One attempt. Functions answer in milliseconds; a deployment that restarts may take a connection and hang."""

PATIENCE_S = 10.0
"""A whole call with its retries, unless the caller knows better: long enough for a deployment's quick restart."""

VERSION_DEADLINE_S = 2.0
"""`GET /version` holds no work: no answer in this time means the deployment is not there yet."""

FIRST_RETRY_S = 0.05
LONGEST_RETRY_S = 1.0
"""Retries start fast (a dropped keep-alive connection needs no pause) and never idle past a recovery for long."""

KEEP_ALIVE_S = 75.0
"""Idle connections stay open past the heartbeat's interval, so that a claim never pays for a new connection."""

MOST_CONNECTIONS = 100
"""Far above what 20 calls use; it only stops a fault from opening sockets without bound."""

LONGEST_REPLY_BYTES = 20 * 1024 * 1024
"""The platform's own limit for what a function returns is below this."""

LONGEST_ERROR_TEXT = 500

_STATUS_CODES = {400: "BAD_INPUT", 401: "UNAUTHENTICATED", 403: "FORBIDDEN", 404: "NOT_FOUND"}


class _Transient(Exception):
    """This attempt got no function's answer; the next one may."""


Observe = Callable[[str, str, float], None]
"""`observe(kind, path, seconds)`, once per call that got a function's answer."""


class HttpDeployment:
    """Fulfils `worker.deployment.client.Deployment` over one shared session."""

    def __init__(self, url: str, token: str, *, observe: Observe | None = None) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._observe = observe
        self._session: aiohttp.ClientSession | None = None

    async def query(self, path: str, args: dict[str, Any], *, patience_s: float = PATIENCE_S) -> Any:
        return await self._call("query", path, args, patience_s)

    async def mutation(self, path: str, args: dict[str, Any], *, patience_s: float = PATIENCE_S) -> Any:
        return await self._call("mutation", path, args, patience_s)

    async def version(self) -> str:
        """What `GET /version` answers. Raises `DeploymentUnavailable` when there is no answer."""
        try:
            timeout = aiohttp.ClientTimeout(total=VERSION_DEADLINE_S)
            async with self._open_session().get(f"{self.url}/version", timeout=timeout) as reply:
                text = await reply.text()
                if reply.status != 200:
                    raise DeploymentUnavailable(f"GET {self.url}/version answered {reply.status}")
                return text[:100]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise DeploymentUnavailable(f"{self.url} does not answer: {_say(error)}") from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=MOST_CONNECTIONS, keepalive_timeout=KEEP_ALIVE_S)
            self._session = aiohttp.ClientSession(connector=connector)
        return self._session

    async def _call(self, kind: str, path: str, args: dict[str, Any], patience_s: float) -> Any:
        body = orjson.dumps({"path": path, "args": args, "format": "json"})
        started = time.monotonic()

        def retrying() -> AsyncRetrying:
            return AsyncRetrying(
                retry=retry_if_exception_type(_Transient),
                wait=wait_random_exponential(multiplier=FIRST_RETRY_S, max=LONGEST_RETRY_S),
                stop=stop_after_delay(patience_s),
                reraise=True,
            )

        try:
            async with asyncio.timeout(patience_s):
                value = await again(lambda: self._attempt(kind, body), _Transient, retrying)
        except _Transient as error:
            raise DeploymentUnavailable(
                f"{path}: no answer from {self.url} in {patience_s:g} s: {error}"
            ) from error
        except TimeoutError as error:
            raise DeploymentUnavailable(f"{path}: no answer from {self.url} in {patience_s:g} s") from error
        if self._observe is not None:
            self._observe(kind, path, time.monotonic() - started)
        return value

    async def _attempt(self, kind: str, body: bytes) -> Any:
        try:
            timeout = aiohttp.ClientTimeout(total=ATTEMPT_DEADLINE_S)
            url = f"{self.url}/api/{kind}"
            async with self._open_session().post(url, data=body, headers=self._headers, timeout=timeout) as reply:
                text = bytearray()
                async for chunk in reply.content.iter_any():
                    text += chunk
                    if len(text) > LONGEST_REPLY_BYTES:
                        raise FunctionError("SERVER", f"a reply of more than {LONGEST_REPLY_BYTES} bytes")
                return _read_reply(reply.status, bytes(text))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _Transient(_say(error)) from error


def _read_reply(status: int, text: bytes) -> Any:
    """The function's value, or `FunctionError`, or `_Transient` when this is no function's answer."""
    try:
        reply = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        # A proxy's error page in front of a deployment that is away.
        raise _Transient(f"HTTP {status}, and no JSON") from error
    if not isinstance(reply, dict):
        raise _Transient(f"HTTP {status}, and no object")
    match reply.get("status"):
        case "success" if status == 200:
            return reply.get("value")
        case "error" if status in (200, 560):
            raise _function_error(reply)
    message = f"HTTP {status}: {str(reply.get('message', 'no reason given'))[:LONGEST_ERROR_TEXT]}"
    if code := _STATUS_CODES.get(status):
        raise FunctionError(code, message)
    if 400 <= status < 500 and status not in (408, 425, 429):
        raise FunctionError("SERVER", message)
    raise _Transient(message)


def _function_error(reply: dict[str, Any]) -> FunctionError:
    data = reply.get("errorData")
    if not isinstance(data, dict) or not isinstance(data.get("code"), str):
        text = data if isinstance(data, str) else str(reply.get("errorMessage", "no message"))
        return FunctionError("SERVER", text[:LONGEST_ERROR_TEXT])
    code, field = data["code"], data.get("field")
    message = str(data.get("message", ""))[:LONGEST_ERROR_TEXT]
    kind = LeaseLost if code == "LEASE_LOST" else FunctionError
    return kind(code, message, field if isinstance(field, str) else None)


def _say(error: BaseException) -> str:
    return str(error) or type(error).__name__
