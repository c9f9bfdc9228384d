"""The worker as the process that people run, with every vendor away."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from deployment_process import ROOT, DeploymentProcess

WAIT_S = 30.0
"""Starting imports every vendor's client: some seconds on a busy machine."""

NOWHERE = "http://127.0.0.1:9"


class Daemon:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        self.port = 0

    async def until(self, event: str) -> dict[str, Any]:
        """Read the log up to a line with this event."""
        assert self.process.stderr is not None
        async with asyncio.timeout(WAIT_S):
            async for raw in self.process.stderr:
                text = raw.decode().strip()
                entry = json.loads(text) if text.startswith("{") else {"event": text}
                self.log.append(entry)
                if entry["event"] == event:
                    return entry
        raise AssertionError(f"the worker ended before {event!r}: {self.log}")

    async def end(self) -> int:
        async with asyncio.timeout(WAIT_S):
            return await self.process.wait()


@asynccontextmanager
async def daemon(deployment: DeploymentProcess, data: Path, **more: str) -> AsyncIterator[Daemon]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not re.match("FLOYD|TWILIO|OPENAI|GOOGLE|CONVEX", name)
    }
    environment = {
        **kept,
        "CONVEX_URL": deployment.url,
        "FLOYD_DATA_DIR": str(data),
        "FLOYD_PORT": "0",
        "FLOYD_WORKER_TOKEN": deployment.worker_token(),
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "f" * 32,
        "TWILIO_PHONE_NUMBER": "+14155550100",
        "TWILIO_API_BASE_URL": NOWHERE,
        "OPENAI_BASE_URL": f"{NOWHERE}/v1",
        "GOOGLE_SPEECH_ENDPOINT": "127.0.0.1:9",
        "GOOGLE_SPEECH_PLAINTEXT": "1",
        **more,
    }
    code = "import sys; from worker.daemon.main import run; from worker.settings import load_settings; "
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code + "sys.exit(run(load_settings(())))",
        cwd=ROOT,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    running = Daemon(process)
    try:
        yield running
    finally:
        if process.returncode is None:
            process.kill()
            await running.end()


async def test_up_serving_and_down(deployment: DeploymentProcess, tmp_path: Path) -> None:
    async with daemon(deployment, tmp_path) as worker, ClientSession() as http:
        port = (await worker.until("worker"))["port"]
        await worker.until("ready")
        async with http.get(f"http://127.0.0.1:{port}/readyz") as reply:
            assert reply.status == 200
        async with http.get(f"http://127.0.0.1:{port}/healthz") as reply:
            assert (await reply.json())["ok"] is True
        async with http.post(f"http://127.0.0.1:{port}/twilio/voice/unsigned", data={"CallSid": "CA1"}) as reply:
            assert reply.status == 403
        async with daemon(deployment, tmp_path) as second:
            assert await second.end() == 1
            assert second.process.stderr is not None
            assert b"another worker" in await second.process.stderr.read()
        worker.process.send_signal(signal.SIGTERM)
        assert await worker.end() == 0


async def test_with_every_vendor_away_a_request_ends_and_says_so(
    deployment: DeploymentProcess, tmp_path: Path
) -> None:
    person = deployment.as_person("lonely")
    await person.mutation("users:ensure", {"name": "Alex"})
    try:
        async with daemon(deployment, tmp_path) as worker:
            await worker.until("ready")
            request_id = await person.mutation("requests:create", {"text": "Call them", "to": "+14155550134"})
            await worker.until("outcome")
            worker.process.send_signal(signal.SIGTERM)
            assert await worker.end() == 0
            request = await person.query("requests:get", {"requestId": request_id})
    finally:
        await person.close()
    assert (request["status"], request["outcome"]["kind"]) == ("failed", "error")
    assert request["plan"] == "Call them"


async def test_no_port_is_said_with_its_remedy(deployment: DeploymentProcess, tmp_path: Path) -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    async with daemon(deployment, tmp_path, FLOYD_PORT=str(port)) as worker:
        assert await worker.end() == 1
        assert worker.process.stderr is not None
        assert b"set FLOYD_PORT" in await worker.process.stderr.read()
    taken.close()
