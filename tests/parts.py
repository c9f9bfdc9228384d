"""The whole of Floyd as separate processes that a test may kill, stop and start again one by one:
a deployment, the rehearsed line, a worker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
from deployment_process import ROOT, DeploymentProcess
from pydantic import SecretStr

from worker.cli.scenario_play import Verdict, play
from worker.cli.supervise.ports import any_free
from worker.cli.supervise.running import Running
from worker.keys import with_worker_token
from worker.settings import Settings, environment_of

READY_S = 40.0
"""For a process to be ready on a busy machine; each takes about two seconds alone."""
END_S = 90.0
"""A worker told to stop lets its calls end first."""

SCENARIOS = ROOT / "tests" / "scenarios"
"""Calls as short as they can be for what their tests are about."""

Show = dict[str, Any]


class Process:
    """One child with its output in a file."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.name, self.command, self.environment, self.log = name, command, environment, log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *, first_line: bool) -> dict[str, Any]:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if first_line else log,
                stderr=log,
            )
        if not first_line:
            return {}
        assert self._process.stdout is not None
        async with asyncio.timeout(READY_S):
            line = await self._process.stdout.readline()
        assert line, f"{self.name} did not start:\n{self.log.read_text()[-3000:]}"
        return dict(json.loads(line))

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def ended(self, within_s: float = END_S) -> int:
        assert self._process is not None
        async with asyncio.timeout(within_s):
            return await self._process.wait()

    async def kill(self) -> None:
        self.signal(signal.SIGKILL)
        if self._process is not None:
            await self.ended()


class Parts:
    """`async with Parts.standing(folder) as parts:` has everything running."""

    def __init__(self, folder: Path, scenarios: Path | None = None) -> None:
        self.folder = folder
        self._scenarios = ["--scenarios", str(scenarios)] if scenarios else []
        self.deployment = DeploymentProcess(folder)
        self.port = any_free()
        self.control_url = ""
        self.settings: Settings
        self.running: Running
        self._credentials = ("AC" + secrets.token_hex(16), secrets.token_hex(16))
        self.rehearsal: Process
        self.worker: Process

    @classmethod
    @contextlib.asynccontextmanager
    async def standing(
        cls, folder: Path, *, scenarios: Path | None = None, **settings: Any
    ) -> AsyncIterator[Parts]:
        """`scenarios`: a folder of them beside the built-in ones. `settings` of the worker's."""
        parts = cls(folder, scenarios)
        try:
            await asyncio.to_thread(parts.deployment.start)
            await parts.start_rehearsal()
            parts.settle(**settings)
            await parts.start_worker()
            yield parts
        finally:
            await parts.end()

    async def start_rehearsal(self) -> None:
        sid, token = self._credentials
        command = [sys.executable, "-m", "rehearsal", "serve", "--port", "0", "--speech-port", "0", "--json"]
        command += self._scenarios
        environment = {"TWILIO_ACCOUNT_SID": sid, "TWILIO_AUTH_TOKEN": token}
        self.rehearsal = Process("rehearsal", command, environment, self.folder / "rehearsal.log")
        self._line = await self.rehearsal.start(first_line=True)
        self.control_url = str(self._line["controlUrl"])

    def settle(self, **more: Any) -> None:
        """The worker's settings, as `floyd up` would give them."""
        sid, token = self._credentials
        values: dict[str, Any] = {
            "_env_file": None,
            "convex_url": self.deployment.url,
            "convex_site_url": self.deployment.site_url,
            "floyd_data_dir": self.folder,
            "floyd_port": self.port,
            "floyd_public_url": f"http://127.0.0.1:{self.port}",
            "twilio_account_sid": sid,
            "twilio_auth_token": SecretStr(token),
            "twilio_phone_number": "+14155550199",
            "twilio_api_base_url": self._line["twilioUrl"],
            "openai_base_url": self._line["openaiUrl"],
            "openai_api_key": SecretStr("rehearsal"),
            "google_speech_endpoint": self._line["speechEndpoint"],
            "google_speech_plaintext": True,
            "google_tts_endpoint": self._line["speechEndpoint"],
            "google_tts_plaintext": True,
            "floyd_rehearsed": "google,openai,twilio",
        }
        self.settings = with_worker_token(Settings(**{**values, **more}))
        self.running = Running(
            pid=os.getpid(),
            started_at=time.time() * 1000,
            url=self.deployment.url,
            site_url=self.deployment.site_url,
            worker_url=f"http://127.0.0.1:{self.port}",
            control_url=self.control_url,
            rehearsed=("google", "openai", "twilio"),
            pids={},
        )

    async def start_worker(self, **environment: str) -> None:
        command = [sys.executable, "-m", "worker.cli.main", "worker"]
        merged = {**environment_of(self.settings), **environment}
        self.worker = Process("worker", command, merged, self.folder / "worker.log")
        await self.worker.start(first_line=False)
        await self._until_answers(f"http://127.0.0.1:{self.port}/readyz")

    async def _until_answers(self, url: str) -> None:
        async with asyncio.timeout(READY_S), aiohttp.ClientSession() as http:
            while True:
                with contextlib.suppress(aiohttp.ClientError, OSError):
                    async with http.get(url) as reply:
                        if reply.status == 200:
                            return
                await asyncio.sleep(0.05)

    async def play(
        self, scenario: str, on_show: Callable[[Show], None] = lambda _: None, limit_s: float = 180
    ) -> Verdict:
        """Play a scenario; `on_show` sees every state of its request."""
        return await play(self.settings, self.running, scenario, limit_s, on_show)

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        timeout = aiohttp.ClientTimeout(total=10)
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.request(method, self.control_url + path, json=body) as reply,
        ):
            assert reply.status == 200, await reply.text()
            return await reply.json()

    async def show(self, verdict: Verdict) -> Show:
        person = self.deployment.as_person(verdict.person)
        try:
            return dict(await person.query("requests:show", {"requestId": verdict.request_id}))
        finally:
            await person.close()

    async def end(self) -> None:
        for process in ("worker", "rehearsal"):
            if hasattr(self, process):
                await getattr(self, process).kill()
        await asyncio.to_thread(self.deployment.kill)


def once(condition: Callable[[Show], bool]) -> tuple[asyncio.Event, Callable[[Show], None]]:
    """An event that is set at the first state of a request for which the condition holds."""
    event = asyncio.Event()

    def look(show: Show) -> None:
        if condition(show):
            event.set()

    return event, look


def talking(show: Show, lines: int) -> bool:
    """The call is under way and has this many lines."""
    return show["request"].get("stage") == "talking" and len(show["transcript"]) >= lines


def assert_whole(show: Show) -> None:
    """Every line once and in order."""
    for call in show["calls"]:
        seqs = [int(line["seq"]) for line in show["transcript"] if line["callId"] == call["_id"]]
        assert seqs == list(range(len(seqs))), seqs


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())
