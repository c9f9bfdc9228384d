"""The requests that Twilio makes to an application: signed, in order, and never more than once.

Twilio waits 15 seconds for an answer and does not repeat a status callback; a failed one is a line in its
debugger.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from rehearsal.twilio.errors import CallProblem
from rehearsal.twilio.signature import HEADER, sign

# Twilio's own (error 11200).
RESPONSE_TIMEOUT_S = 15.0
MAX_RESPONSE_BYTES = 64 * 1024 + 1
USER_AGENT = "TwilioProxy/1.1 (rehearsal)"

Problems = Callable[[int, str], None]
"""Takes Twilio's code and the words of something that went wrong."""


def timestamp() -> str:
    """Now, as callbacks carry it (RFC 2822)."""
    return formatdate(time.time(), usegmt=False)


async def fetch(
    session: aiohttp.ClientSession, auth_token: str, method: str, url: str, params: Mapping[str, str]
) -> str:
    """One signed request; returns the body. Raises CallProblem 11200 if there is no good answer in time."""
    headers = {"User-Agent": USER_AGENT}
    if method == "GET":
        url += ("&" if "?" in url else "?") + urlencode(params)
        headers[HEADER] = sign(auth_token, url)
        request = session.get(
            URL(url, encoded=True), headers=headers, timeout=aiohttp.ClientTimeout(total=RESPONSE_TIMEOUT_S)
        )
    else:
        headers[HEADER] = sign(auth_token, url, params.items())
        request = session.post(
            URL(url, encoded=True),
            data=dict(params),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=RESPONSE_TIMEOUT_S),
        )
    try:
        async with request as response:
            body = await response.content.read(MAX_RESPONSE_BYTES)
            if response.status >= 400:
                raise CallProblem(11200, f"HTTP retrieval failure: {url} answered {response.status}")
            return body.decode(response.charset or "utf-8", errors="replace")
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise CallProblem(11200, f"HTTP retrieval failure: {url}: {error or type(error).__name__}") from None


class CallbackQueue:
    """The callbacks of one call: one after another, in the order they were put in."""

    def __init__(self, session: aiohttp.ClientSession, auth_token: str, problem: Problems) -> None:
        self._session = session
        self._auth_token = auth_token
        self._problem = problem
        self._waiting: asyncio.Queue[tuple[str, str, Mapping[str, str]] | None] = asyncio.Queue()
        """None: no more will come."""
        self._poster = asyncio.create_task(self._post_all())

    def put(self, method: str, url: str, params: Mapping[str, str]) -> None:
        self._waiting.put_nowait((method, url, params))

    async def close(self) -> None:
        """Wait until all are delivered or have failed, or until nobody is left to deliver them."""
        self._waiting.put_nowait(None)
        await asyncio.wait([self._poster])

    async def _post_all(self) -> None:
        while (callback := await self._waiting.get()) is not None:
            method, url, params = callback
            try:
                await fetch(self._session, self._auth_token, method, url, params)
            except CallProblem as problem:
                self._problem(problem.code, problem.message)
