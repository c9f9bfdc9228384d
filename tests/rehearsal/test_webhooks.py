"""Status callbacks: in order, and no reason not to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web
from application import AUTH_TOKEN

from rehearsal.twilio.webhooks import CallbackQueue

DEADLINE_S = 5.0


class Listener:
    """An application that fails what it is told of `busy`."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.problems: list[int] = []

    async def take(self, request: web.Request) -> web.Response:
        status = str((await request.post())["CallStatus"])
        self.told.append(status)
        return web.Response(status=500 if status == "busy" else 204)

    @asynccontextmanager
    async def queue(self) -> AsyncIterator[tuple[CallbackQueue, str]]:
        app = web.Application()
        app.add_routes([web.post("/status", self.take)])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/status"
        async with aiohttp.ClientSession() as session:
            yield CallbackQueue(session, AUTH_TOKEN, lambda code, _: self.problems.append(code)), url
        await runner.cleanup()


async def test_all_are_delivered_in_order_before_it_is_closed() -> None:
    listener = Listener()
    async with listener.queue() as (callbacks, url), asyncio.timeout(DEADLINE_S):
        for status in ("ringing", "busy", "completed"):
            callbacks.put("POST", url, {"CallStatus": status})
        await callbacks.close()
        assert listener.told == ["ringing", "busy", "completed"]
        assert listener.problems == [11200], "one that fails holds up no other"


async def test_it_is_closed_though_the_end_of_the_loop_has_cancelled_it() -> None:
    listener = Listener()
    async with listener.queue() as (callbacks, url), asyncio.timeout(DEADLINE_S):
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        callbacks.put("POST", url, {"CallStatus": "completed"})
        await callbacks.close()
        assert listener.told == []
