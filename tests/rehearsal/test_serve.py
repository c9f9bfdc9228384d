"""``python -m rehearsal serve`` as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import grpc
import pytest
from application import ACCOUNT_SID, AUTH_TOKEN

READY_S = 30.0
STOP_S = 15.0


@asynccontextmanager
async def serving(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, str]]]:
    command = [
        sys.executable,
        "-m",
        "rehearsal",
        "serve",
        "--port",
        "0",
        "--speech-port",
        "0",
        "--json",
        *arguments,
    ]
    environment = os.environ | {"TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_AUTH_TOKEN": AUTH_TOKEN}
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(READY_S):
            ready = await process.stdout.readline()
        yield process, json.loads(ready)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_all_stand_ins_answer_once_it_is_ready_and_sigterm_ends_it() -> None:
    async with serving() as (process, addresses), aiohttp.ClientSession() as http:
        assert addresses.keys() == {"controlUrl", "twilioUrl", "openaiUrl", "speechEndpoint"}
        async with http.get(f"{addresses['controlUrl']}/healthz") as response:
            assert await response.json() == {"ok": True}
        async with http.get(f"{addresses['twilioUrl']}/2010-04-01/Accounts/{ACCOUNT_SID}.json") as response:
            assert response.status == 401
        assert addresses["openaiUrl"].endswith("/v1")
        async with http.post(f"{addresses['openaiUrl']}/chat/completions", json={}) as response:
            assert response.status in (400, 401)
        async with grpc.aio.insecure_channel(addresses["speechEndpoint"]) as channel, asyncio.timeout(READY_S):
            await channel.channel_ready()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_S):
            assert await process.wait() == 0


async def test_scenarios_of_another_folder_are_served_too(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "name: mine\nsummary: Mine.\nrequest: Mine\nperson: {name: Alex}\n"
        'calls: [{number: "+14155550122", answer: busy}]\n'
    )
    async with serving("--scenarios", str(tmp_path)) as (_, addresses), aiohttp.ClientSession() as http:
        async with http.get(f"{addresses['controlUrl']}/scenarios") as response:
            names = {listed["name"] for listed in await response.json()}
        assert {"mine", "school"} <= names


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--scenarios", "/nowhere/at/all"], 2, "/nowhere/at/all:1: is not a folder"),
        (["--port", "{taken}"], 1, "cannot listen"),
    ],
)
async def test_what_it_cannot_do_is_said_before_it_serves(arguments: list[str], code: int, message: str) -> None:
    async def nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(nothing, "127.0.0.1", 0)
    async with server:
        taken = str(server.sockets[0].getsockname()[1])
        filled = [argument.replace("{taken}", taken) for argument in arguments]
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "rehearsal", "serve", "--speech-port", "0", *filled],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(READY_S):
            out, err = await process.communicate()
    assert (process.returncode, out) == (code, b"")
    assert message in err.decode()
