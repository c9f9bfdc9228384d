"""What the tests of the telephone share: settings, a directory that notes what it is told, a signed client."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from pydantic import SecretStr
from twilio.request_validator import RequestValidator

from worker.phone.directory import MediaRefused, StatusUpdate
from worker.phone.media import Frame, MediaEvent, MediaStream
from worker.phone.webhooks import routes
from worker.settings import Settings, load_settings

AUTH_TOKEN = "an-auth-token-for-tests"
ACCOUNT = "AC" + "0" * 32
FLOYD = "+14155550100"
SCHOOL = "+14155550134"
CALL_SID = "CA" + "1" * 32
STREAM_SID = "MZ" + "2" * 32
DEADLINE_S = 10.0


def make_settings(**values: Any) -> Settings:
    defaults: dict[str, Any] = {
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": SecretStr(AUTH_TOKEN),
        "twilio_phone_number": FLOYD,
        "twilio_api_base_url": "http://127.0.0.1:1",
    }
    return load_settings(env_files=(), **(defaults | values))


@dataclass
class NotingDirectory:
    """Holds one call, `call1`, whose media token is good once."""

    token: str = "single-use"
    statuses: list[tuple[str, StatusUpdate]] = field(default_factory=list)
    answered: list[tuple[str, str, str]] = field(default_factory=list)
    texts: list[tuple[str, str, str, str]] = field(default_factory=list)
    events: list[MediaEvent] = field(default_factory=list)
    stream: MediaStream | None = None
    serving: asyncio.Event = field(default_factory=asyncio.Event)
    served: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with each event of the media socket."""

    def media_token(self, call_id: str, call_sid: str) -> str | None:
        return self.token if call_id == "call1" else None

    async def on_status(self, call_id: str, update: StatusUpdate) -> None:
        self.statuses.append((call_id, update))

    async def on_answered_by(self, call_id: str, call_sid: str, answered_by: str) -> None:
        self.answered.append((call_id, call_sid, answered_by))

    async def on_text(self, from_number: str, to_number: str, body: str, message_sid: str) -> None:
        self.texts.append((from_number, to_number, body, message_sid))

    async def run_media(self, call_id: str, call_sid: str, token: str, stream: MediaStream) -> None:
        if call_id != "call1" or call_sid != CALL_SID or not hmac.compare_digest(token, self.token):
            raise MediaRefused("wrong token")
        self.token = "used"
        self.stream = stream
        self.serving.set()
        async for event in stream.events():
            self.events.append(event)
            self.news.set()
            if isinstance(event, Frame) and event.mulaw == b"\x01" * 160:
                await stream.send_audio(b"\x02" * 320)
                await stream.send_mark("m1")
                await stream.clear()
        self.served.set()


@dataclass
class Line:
    """The worker's webhooks on a free port, and what Twilio would do to them."""

    directory: NotingDirectory
    session: aiohttp.ClientSession
    port: int
    public_url: str

    @property
    def here(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def sign(self, url: str, form: Mapping[str, str] | None = None) -> str:
        return str(RequestValidator(AUTH_TOKEN).compute_signature(url, form or {}))

    async def post(
        self, path: str, form: Mapping[str, str], *, signature: str | None = None, place: str = ""
    ) -> tuple[int, str]:
        given = self.sign(self.public_url.rstrip("/") + path, form) if signature is None else signature
        headers = {"X-Twilio-Signature": given} if given else {}
        async with self.session.post(self.here + place + path, data=dict(form), headers=headers) as response:
            return response.status, await response.text()

    async def connect(self, call_id: str = "call1", signed: str | None = None) -> aiohttp.ClientWebSocketResponse:
        path = f"/twilio/media/{call_id}"
        url = "ws" + self.public_url.rstrip("/").removeprefix("http") + path
        headers = {"X-Twilio-Signature": self.sign(url) if signed is None else signed}
        return await self.session.ws_connect(self.here + path, headers=headers)


@asynccontextmanager
async def running_line(public_url: str = "https://floyd.example.com") -> AsyncIterator[Line]:
    directory = NotingDirectory()
    app = web.Application()
    app.add_routes(routes(directory, make_settings(floyd_public_url=public_url)))
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session:
            yield Line(directory, session, port, public_url)
    finally:
        await runner.cleanup()


def start_message(token: str = "single-use", **changes: Any) -> dict[str, Any]:
    start = {
        "streamSid": STREAM_SID,
        "accountSid": ACCOUNT,
        "callSid": CALL_SID,
        "tracks": ["inbound"],
        "customParameters": {"token": token},
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    }
    return {"event": "start", "sequenceNumber": "1", "streamSid": STREAM_SID, "start": start | changes}
