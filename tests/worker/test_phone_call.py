"""A whole call between the worker's telephone and the rehearsed Twilio: REST, webhooks, audio, real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from phone_support import ACCOUNT, AUTH_TOKEN, DEADLINE_S, FLOYD, SCHOOL, make_settings

from rehearsal.state import RehearsalState
from rehearsal.twilio import rest
from rehearsal.twilio.account import Account
from worker.audio import dtmf, g711
from worker.phone.carrier import CarrierStatus, DialOrder, DialRefused
from worker.phone.directory import StatusUpdate
from worker.phone.media import Frame, MarkPlayed, MediaStream, Stopped
from worker.phone.twilio import TwilioCarrier
from worker.phone.urls import public_urls
from worker.phone.webhooks import routes
from worker.settings import Settings


class Callee:
    """The directory of one call: listens a while, says something, waits until it was played."""

    def __init__(self) -> None:
        self.statuses: list[CarrierStatus] = []
        self.ended = asyncio.Event()
        self.heard = bytearray()
        self.played: list[str] = []
        self.last: Stopped | None = None
        self.served = asyncio.Event()
        self.speaking = asyncio.Event()

    def media_token(self, call_id: str, call_sid: str) -> str | None:
        return "secret" if call_id == "call1" else None

    async def on_status(self, call_id: str, update: StatusUpdate) -> None:
        assert call_id == "call1"
        self.statuses.append(update.status)
        if update.status.is_final:
            self.ended.set()

    async def on_answered_by(self, call_id: str, call_sid: str, answered_by: str) -> None: ...

    async def on_text(self, from_number: str, to_number: str, body: str, message_sid: str) -> None: ...

    async def run_media(self, call_id: str, call_sid: str, token: str, stream: MediaStream) -> None:
        assert token == "secret"
        async for event in stream.events():
            match event:
                case Frame(mulaw, _):
                    self.heard += mulaw
                    if len(self.heard) == 160 * 50:
                        await stream.send_audio(dtmf.tones("1"))
                        await stream.send_mark("said")
                        self.speaking.set()
                case MarkPlayed(name):
                    self.played.append(name)
                    break
                case Stopped():
                    self.last = event
        self.served.set()


@asynccontextmanager
async def line_to(directory: Callee) -> AsyncIterator[tuple[TwilioCarrier, Settings]]:
    async with aiohttp.ClientSession() as session:
        account = Account(ACCOUNT, AUTH_TOKEN, RehearsalState.load(), session)
        twilio = web.Application()
        twilio.add_subapp("/2010-04-01", rest.make_app(account))
        twilio_runner = web.AppRunner(twilio, shutdown_timeout=1)
        await twilio_runner.setup()
        await web.TCPSite(twilio_runner, "127.0.0.1", 0).start()
        base = f"http://127.0.0.1:{twilio_runner.addresses[0][1]}"
        app = web.Application()
        runner = web.AppRunner(app, shutdown_timeout=1)
        listener = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        listener.close()
        await listener.wait_closed()
        settings = make_settings(twilio_api_base_url=base, floyd_public_url=f"http://127.0.0.1:{port}")
        app.add_routes(routes(directory, settings))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        carrier = TwilioCarrier(settings)
        try:
            yield carrier, settings
        finally:
            await carrier.close()
            await account.close()
            await runner.cleanup()
            await twilio_runner.cleanup()


def order(settings: Settings, to: str) -> DialOrder:
    urls = public_urls(settings, "call1")
    return DialOrder(to, urls.voice, urls.status, urls.answered_by, ring_timeout_s=20, time_limit_s=60)


@pytest.mark.timeout(90)
async def test_a_call_from_dialling_to_the_end() -> None:
    directory = Callee()
    async with line_to(directory) as (carrier, settings), asyncio.timeout(60):
        sid = await carrier.place(order(settings, SCHOOL))
        [found] = await carrier.find(SCHOOL, 0)
        assert found.sid == sid
        await directory.served.wait()
        # What was said has been played; leaving the stream lets the TwiML hang up.
        assert directory.played == ["said"]
        await directory.ended.wait()
        assert directory.statuses[0] is CarrierStatus.INITIATED
        assert directory.statuses[1:3] == [CarrierStatus.RINGING, CarrierStatus.IN_PROGRESS]
        assert directory.statuses[-1] is CarrierStatus.COMPLETED
        assert len(directory.heard) >= 8_000
        await carrier.hang_up(sid)  # once more, after the end: no error
        [found] = await carrier.find(SCHOOL, 0)
        assert found.status is CarrierStatus.COMPLETED


@pytest.mark.timeout(90)
async def test_hanging_up_ends_the_stream() -> None:
    directory = Callee()
    async with line_to(directory) as (carrier, settings), asyncio.timeout(60):
        sid = await carrier.place(order(settings, SCHOOL))
        await directory.speaking.wait()
        await carrier.hang_up(sid)
        await directory.served.wait()
        await directory.ended.wait()
        assert directory.statuses[-1] is CarrierStatus.COMPLETED
        samples = g711.decode(bytes(directory.heard))
        assert np.abs(samples).max() > 1_000, "the callee's greeting was heard"


async def test_a_number_that_can_not_be_dialled() -> None:
    directory = Callee()
    async with line_to(directory) as (carrier, settings), asyncio.timeout(DEADLINE_S):
        with pytest.raises(DialRefused):
            await carrier.place(order(settings, "+1415"))
        assert await carrier.find("+1415", 0) == []
        assert (await carrier.send_text(SCHOOL, "hello from " + FLOYD)).startswith("SM")
