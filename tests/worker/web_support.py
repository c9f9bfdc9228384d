"""The worker's routes for browsers, served in the test's process, and a client that says what came back."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from yarl import URL

from worker.web.origins import Origins

DEADLINE_S = 15.0
"""Of any request in these tests; they take milliseconds."""

ELSEWHERE = "https://page.example.com"
"""A page hosted elsewhere that is allowed."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])


class Served:
    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url, self.http = url, http

    async def get(self, path: str, **headers: str) -> Reply:
        return await self.send("GET", path, None, **headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> Reply:
        """`body`: bytes as they are, anything else as JSON. Headers with underscores for hyphens."""
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        return await self.send("POST", path, data, **{"Content_Type": "application/json", **headers})

    async def send(self, method: str, path: str, data: bytes | None, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        # As it is written: no encoding is undone, no dots are followed.
        url = URL(self.url + path, encoded=True)
        async with self.http.request(method, url, data=data, headers=named, allow_redirects=False) as reply:
            return Reply(reply.status, reply.headers.copy(), await reply.read())


@contextlib.asynccontextmanager
async def serving(routes: list[web.RouteDef], allowed: tuple[str, ...] = (ELSEWHERE,)) -> AsyncIterator[Served]:
    app = web.Application(middlewares=[Origins(allowed).middleware()])
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    try:
        async with aiohttp.ClientSession(
            timeout=timeout, auto_decompress=False, skip_auto_headers=["Accept-Encoding", "User-Agent"]
        ) as http:
            yield Served(f"http://127.0.0.1:{port}", http)
    finally:
        await runner.cleanup()
