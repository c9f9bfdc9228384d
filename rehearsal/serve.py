"""Starts all stand-ins in one process: Twilio, OpenAI and control on one port, Google Speech on another."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import grpc
from aiohttp import web

from rehearsal import control
from rehearsal.google.server import start as start_speech
from rehearsal.openai.server import make_app as make_openai
from rehearsal.scenario_files import BUILT_IN_FOLDER
from rehearsal.state import RehearsalState
from rehearsal.twilio import rest
from rehearsal.twilio.account import Account
from rehearsal.twilio.resource import API_VERSION, sid

HOST = "127.0.0.1"
DEFAULT_PORT = 3230
DEFAULT_SPEECH_PORT = 3231
# Requests may hold a conversation; nobody sends more to a stand-in.
MAX_BODY_BYTES = 8 * 1024 * 1024
SHUTDOWN_S = 2.0


@dataclass(frozen=True)
class Credentials:
    """What Twilio's clients must show, and its callbacks are signed with."""

    account_sid: str
    auth_token: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Credentials:
        """TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN; what is not set is made up, and then known to nobody else."""
        return cls(
            environment.get("TWILIO_ACCOUNT_SID") or sid("AC"),
            environment.get("TWILIO_AUTH_TOKEN") or secrets.token_hex(16),
        )


class Rehearsal:
    """The running stand-ins. ``await Rehearsal.start(...)``, then ``await rehearsal.close()``."""

    def __init__(
        self, state: RehearsalState, account: Account, *, port: int, openai_path: str, speech_port: int
    ) -> None:
        self.state = state
        self.account = account
        self.control_url = f"http://{HOST}:{port}"
        self.twilio_url = self.control_url
        # Renderings differ from process to process, so nobody may take an earlier one's audio for this one's.
        self.openai_url = f"{self.control_url}{openai_path}"
        self.speech_endpoint = f"{HOST}:{speech_port}"
        self._closing = contextlib.AsyncExitStack()

    def addresses(self) -> dict[str, str]:
        return {
            "controlUrl": self.control_url,
            "twilioUrl": self.twilio_url,
            "openaiUrl": self.openai_url,
            "speechEndpoint": self.speech_endpoint,
        }

    @classmethod
    async def start(
        cls,
        credentials: Credentials,
        *,
        port: int = 0,
        speech_port: int = 0,
        folders: Sequence[Path] = (),
    ) -> Rehearsal:
        """Read the built-in scenarios and those of ``folders``, and serve. 0 is any free port.

        Raises ScenarioError, or OSError for a port that is taken.
        """
        state = RehearsalState.load([BUILT_IN_FOLDER, *folders])
        async with contextlib.AsyncExitStack() as opened:
            session = await opened.enter_async_context(aiohttp.ClientSession())
            account = Account(credentials.account_sid, credentials.auth_token, state, session)
            openai_path = f"/{secrets.token_hex(4)}/v1"
            port = await _serve_http(_make_app(state, account, openai_path), port, opened)
            opened.push_async_callback(account.close)
            speech, speech_port = await start_speech(state, speech_port)
            opened.push_async_callback(_stop_speech, speech)
            started = cls(state, account, port=port, openai_path=openai_path, speech_port=speech_port)
            started._closing = opened.pop_all()
        return started

    async def close(self) -> None:
        """Hang up what is still going on, and stop serving."""
        await self._closing.aclose()


def _make_app(state: RehearsalState, account: Account, openai_path: str) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.add_subapp(f"/{API_VERSION}", rest.make_app(account))
    app.add_subapp(openai_path, make_openai(state))
    control.add_routes(app, state, account)
    return app


async def _serve_http(app: web.Application, port: int, opened: contextlib.AsyncExitStack) -> int:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    opened.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, HOST, port)
    await site.start()
    bound: int = runner.addresses[0][1]
    return bound


async def _stop_speech(server: grpc.aio.Server) -> None:
    await server.stop(SHUTDOWN_S)


async def until_interrupted() -> None:
    """Return at SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    await stop.wait()
