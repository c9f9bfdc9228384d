"""The telephone of a bot: it dials by Twilio's REST API, answers with TwiML, and takes the media socket."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Awaitable, Callable
from xml.sax.saxutils import quoteattr

import aiohttp
import orjson
from aiohttp import web

from call.until_told import until_told

FROM = "+14155550099"

Talk = Callable[[web.WebSocketResponse, str, str], Awaitable[None]]
"""Takes a media socket after its start message, the stream's SID and the callee's number; returns when the call is
over."""


class Telephone:
    def __init__(self, http: aiohttp.ClientSession, talk: Talk) -> None:
        self._http = http
        self._talk = talk
        self._host = ""

    async def serve(self) -> None:
        """On loopback, until the process is told to end."""
        app = web.Application()
        app.add_routes(
            [web.post("/call", self._call), web.post("/answered", self._answered), web.get("/media", self._media)]
        )
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        self._host = f"127.0.0.1:{port}"
        gc.collect()
        gc.freeze()
        print(json.dumps({"port": port}), flush=True)
        await until_told()
        await runner.cleanup()

    async def _call(self, request: web.Request) -> web.Response:
        to = orjson.loads(await request.read())["to"]
        return web.json_response({"sid": await dial(self._http, self._host, to)})

    async def _answered(self, request: web.Request) -> web.Response:
        to = str((await request.post())["To"])
        return web.Response(text=connect(self._host, to), content_type="text/xml")

    async def _media(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        async for message in socket:
            event = orjson.loads(message.data)
            if event["event"] == "start":
                start = event["start"]
                await self._talk(socket, start["streamSid"], start["customParameters"]["to"])
                break
        await socket.close()
        return socket


async def dial(http: aiohttp.ClientSession, host: str, to: str) -> str:
    """Place a call; once it is answered, the carrier asks for `/answered` at the bot's host. Returns its SID."""
    account = os.environ["TWILIO_ACCOUNT_SID"]
    url = f"{os.environ['TWILIO_API_BASE_URL']}/2010-04-01/Accounts/{account}/Calls.json"
    order = {"To": to, "From": FROM, "Url": f"http://{host}/answered"}
    auth = aiohttp.BasicAuth(account, os.environ["TWILIO_AUTH_TOKEN"])
    async with http.post(url, data=order, auth=auth) as reply:
        return str((await reply.json())["sid"])


def connect(host: str, to: str) -> str:
    """TwiML: media go to and come from `/media` at the bot's host; the callee's number is a parameter."""
    stream = f'<Stream url="ws://{host}/media"><Parameter name="to" value={quoteattr(to)}/></Stream>'
    return f"<Response><Connect>{stream}</Connect></Response>"
