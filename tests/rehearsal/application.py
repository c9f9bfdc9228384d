"""An application of Twilio's, as small as one can be: it answers webhooks, and talks over a Media Stream."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
import orjson
from aiohttp import web
from twilio.request_validator import RequestValidator

AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
ACCOUNT_SID = "AC" + "1" * 32
WAIT_S = 20.0


@dataclass
class Posted:
    """One webhook as it came."""

    path: str
    params: dict[str, str]
    signed: bool


@dataclass
class Socket:
    """One Media Stream, seen from the application."""

    ws: web.WebSocketResponse
    signed: bool
    messages: list[dict[str, Any]] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    """Monotonic time of each message."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def start(self) -> dict[str, Any]:
        return next(message["start"] for message in self.messages if message["event"] == "start")

    def events(self, name: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["event"] == name]

    def audio(self) -> bytes:
        return b"".join(base64.b64decode(message["media"]["payload"]) for message in self.events("media"))

    async def until(self, ready: Callable[[Self], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not ready(self):
                if self.closed.is_set():
                    raise AssertionError(f"the stream closed first; it sent {self.messages[-3:]}")
                self._news.clear()
                await self._news.wait()

    async def more(self, messages: int) -> None:
        """Until that many messages more have come: 50 in a second."""
        count = len(self.messages)
        await self.until(lambda s: len(s.messages) >= count + messages)

    async def until_mark(self, name: str) -> None:
        await self.until(lambda s: any(mark["mark"]["name"] == name for mark in s.events("mark")))

    async def until_closed(self) -> None:
        async with asyncio.timeout(WAIT_S):
            await self.closed.wait()

    async def send(self, event: str, **content: Any) -> None:
        message = {"event": event, "streamSid": self.start["streamSid"], **content}
        await self.ws.send_str(orjson.dumps(message).decode())

    async def play(self, mulaw: bytes) -> None:
        await self.send("media", media={"payload": base64.b64encode(mulaw).decode()})

    async def mark(self, name: str) -> None:
        await self.send("mark", mark={"name": name})

    async def clear(self) -> None:
        await self.send("clear")

    def took(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        self.arrived.append(time.monotonic())
        self._news.set()


class Application:
    """Serves ``/voice`` (TwiML), ``/status``, ``/amd`` and ``/media`` on loopback."""

    def __init__(self) -> None:
        self.url = ""
        self.twiml = ""
        """What ``/voice`` answers; empty: connect a stream, then hang up."""
        self.refuse_media = False
        self.posted: list[Posted] = []
        self.sockets: list[Socket] = []
        self._news = asyncio.Event()
        self._validator = RequestValidator(AUTH_TOKEN)
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/media", self._media)
        app.router.add_route("*", "/{path:.*}", self._webhook)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def media_url(self) -> str:
        return self.url.replace("http", "ws") + "/media"

    def connect(self, after: str = "<Hangup/>") -> str:
        return (
            f'<Response><Connect><Stream url="{self.media_url}"><Parameter name="token" value="secret"/>'
            f"</Stream></Connect>{after}</Response>"
        )

    async def socket(self, index: int = 0) -> Socket:
        """The stream of that index, once its ``start`` has come."""
        await self._until(lambda: len(self.sockets) > index)
        socket = self.sockets[index]
        await socket.until(lambda s: bool(s.events("start")))
        return socket

    async def callback(self, path: str, **params: str) -> Posted:
        """The first webhook to ``path`` with these parameters, once it has come."""

        def wanted() -> Posted | None:
            for posted in self.posted:
                if posted.path == path and params.items() <= posted.params.items():
                    return posted
            return None

        await self._until(lambda: wanted() is not None)
        posted = wanted()
        assert posted is not None
        return posted

    def statuses(self) -> list[str]:
        return [posted.params["CallStatus"] for posted in self.posted if posted.path == "/status"]

    async def _until(self, ready: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not ready():
                self._news.clear()
                await self._news.wait()

    async def _webhook(self, request: web.Request) -> web.Response:
        posted = await request.post()
        params = {name: str(value) for name, value in posted.items()}
        signature = request.headers.get("X-Twilio-Signature", "")
        signed = self._validator.validate(str(request.url), params, signature)
        self.posted.append(Posted(request.path, params or dict(request.query), signed))
        self._news.set()
        if request.path == "/missing":
            raise web.HTTPNotFound
        if request.path.startswith("/voice"):
            return web.Response(text=self.twiml or self.connect(), content_type="text/xml")
        return web.Response(status=204)

    async def _media(self, request: web.Request) -> web.StreamResponse:
        if self.refuse_media:
            raise web.HTTPForbidden
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        signature = request.headers.get("X-Twilio-Signature", "")
        socket = Socket(ws, self._validator.validate(self.media_url, {}, signature))
        self.sockets.append(socket)
        self._news.set()
        try:
            async for message in ws:
                if message.type is aiohttp.WSMsgType.TEXT:
                    socket.took(orjson.loads(message.data))
        finally:
            socket.closed.set()
            socket._news.set()
        return ws
