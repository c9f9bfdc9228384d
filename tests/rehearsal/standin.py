"""The stand-in Twilio on a free port with some scenarios, the official client, and an application to call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from application import ACCOUNT_SID, AUTH_TOKEN, Application
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from twilio.rest.api.v2010.account.call import CallInstance

from rehearsal import control, g711
from rehearsal.casting import Casting
from rehearsal.scenario import Scenario
from rehearsal.scenario_files import load_business, load_demo
from rehearsal.state import RehearsalState
from rehearsal.twilio import rest
from rehearsal.twilio.account import Account

FROM = "+14155550100"
TO = "+14155550122"
EVENTS = ["initiated", "ringing", "answered", "completed"]


class LoopbackHttpClient(TwilioHttpClient):
    """The official client's own HTTP client, sent to another host."""

    def __init__(self, base_url: str) -> None:
        super().__init__(timeout=10)
        self._base_url = base_url

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        return super().request(method, url.replace("https://api.twilio.com", self._base_url), *args, **kwargs)


def scenario(*calls: dict[str, Any], name: str = "test", **more: Any) -> Scenario:
    described = [{"number": TO, "after": 0.1, **call} for call in calls]
    return Scenario.model_validate(
        {"name": name, "summary": "-", "request": name, "person": {"name": "Alex"}, "calls": described, **more}
    )


@dataclass
class StandIn:
    url: str
    state: RehearsalState
    account: Account
    application: Application
    http: aiohttp.ClientSession

    def client(self, token: str = AUTH_TOKEN) -> Client:
        return Client(ACCOUNT_SID, token, http_client=LoopbackHttpClient(self.url))

    async def dial(self, **parameters: Any) -> CallInstance:
        """Place a call by the official client, with everything asked for that is not said otherwise."""
        url = self.application.url
        asked: dict[str, Any] = {
            "to": TO,
            "from_": FROM,
            "url": f"{url}/voice",
            "status_callback": f"{url}/status",
            "status_callback_event": EVENTS,
            **parameters,
        }
        if "twiml" in asked:
            del asked["url"]
        client = self.client()
        return await asyncio.to_thread(lambda: client.calls.create(**asked))

    async def fetch(self, sid: str) -> CallInstance:
        return await asyncio.to_thread(self.client().calls(sid).fetch)

    async def update(self, sid: str, **parameters: Any) -> CallInstance:
        return await asyncio.to_thread(lambda: self.client().calls(sid).update(**parameters))

    async def ended(self, sid: str) -> dict[str, Any]:
        """The notes of a call, once it is over and its callbacks were delivered."""
        async with asyncio.timeout(30):
            await asyncio.shield(self.account.calls[sid].done)
        return await self.notes(sid)

    async def notes(self, sid: str) -> dict[str, Any]:
        (note,) = await self.control("GET", f"/calls?sid={sid}")
        return dict(note)

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = await self.try_control(method, path, body)
        assert status == 200, answer
        return answer

    async def try_control(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        async with self.http.request(method, self.url + path, data=data, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    async def clip(self, text: str) -> bytes:
        """Speech as mu-law, known to all ears."""
        speech = await asyncio.to_thread(self.state.voice.render, text)
        self.state.phrasebook.add(speech)
        return g711.encode(speech.pcm16_8k)


@asynccontextmanager
async def stand_in(*scenarios: Scenario) -> AsyncIterator[StandIn]:
    state = RehearsalState(scenarios=Casting(scenarios, load_business()), demo=load_demo())
    application = Application()
    await application.start()
    async with aiohttp.ClientSession() as http, aiohttp.ClientSession() as carrier:
        account = Account(ACCOUNT_SID, AUTH_TOKEN, state, carrier)
        app = web.Application()
        app.add_subapp("/2010-04-01", rest.make_app(account))
        control.add_routes(app, state, account)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield StandIn(url, state, account, application, http)
        finally:
            await account.close()
            await runner.cleanup()
            await application.close()
