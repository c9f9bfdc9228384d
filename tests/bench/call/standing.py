"""Deployment, line and worker as processes; the worker alone on the first core, if there are two."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from parts import Parts, Process

from call.delays import Delays
from call.script import Script
from worker.deployment.client import FunctionError
from worker.deployment.http import HttpDeployment

LINE = Path(__file__).with_name("line.py")
TO = "+1415555{:04d}"
FIRST_NUMBER = 100
CALLS_PER_PERSON = 10
MAX_CALL_MINUTES = 120
POLL_S = 0.25
ASK_EVERY_S = 0.15
"""Requests are not sent all at once: their preparation is not what is measured."""
UP_WITHIN_S = 120.0
OVER_WITHIN_S = 30.0
"""From the end of a call to the end of its request, which is summed up and written in between."""
FINAL = ("completed", "failed", "cancelled", "needsInput")

Note = dict[str, Any]
Progress = dict[str, tuple[bool, int, bool]]
"""By number: answered, turns that Floyd answered, ended."""


class _Parts(Parts):
    """With the line process in place of the rehearsal."""

    async def start_rehearsal(self) -> None:
        sid, token = self._credentials
        environment = {"TWILIO_ACCOUNT_SID": sid, "TWILIO_AUTH_TOKEN": token}
        log = self.folder / "line.log"
        self.rehearsal = Process("line", [sys.executable, str(LINE)], environment, log)
        self._line = await self.rehearsal.start(first_line=True)
        self.control_url = str(self._line["controlUrl"])


class Stand:
    """`async with Stand.standing(folder, calls=20) as stand:`"""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.pids = {
            "worker": parts.worker.pid,
            "line": parts.rehearsal.pid,
            "deployment": parts.deployment.pid,
        }
        self._people: dict[str, HttpDeployment] = {}

    @classmethod
    @asynccontextmanager
    async def standing(cls, folder: Path, *, calls: int) -> AsyncIterator[Stand]:
        async with _Parts.standing(folder, floyd_max_calls=calls + 1) as parts:
            stand = cls(parts)
            stand._pin()
            try:
                yield stand
            finally:
                for person in stand._people.values():
                    await person.close()

    @property
    def worker_url(self) -> str:
        return f"http://127.0.0.1:{self.parts.port}"

    async def late_s(self, since: float, until: float) -> list[float]:
        """How late the line's own steps were, of those that were late."""
        return [s for at, s in await self.parts.control("GET", "/control/late") if since <= at < until]

    async def speech(self) -> dict[str, float]:
        """What the voice was asked for so far."""
        return dict(await self.parts.control("GET", "/control/speech"))

    async def delays(self, delays: Delays) -> None:
        await self.parts.control("POST", "/control/delays", delays.as_json())

    async def call(
        self, scripts: list[Script], *, minutes: float, limit_minutes: float = MAX_CALL_MINUTES
    ) -> Calls:
        """Ask for as many calls as there are scripts. They are waited for `minutes`, and the people who ask have
        told Floyd to end calls after `limit_minutes`."""
        numbers = [TO.format(FIRST_NUMBER + index) for index in range(len(scripts))]
        by_number = {number: script.as_json() for number, script in zip(numbers, scripts, strict=True)}
        await self.parts.control("POST", "/control/scripts", by_number)
        requests = []
        for index, number in enumerate(numbers):
            person = await self._person(index // CALLS_PER_PERSON, limit_minutes)
            order = {"text": f"Ask for a table for two at {number}", "to": number}
            requests.append((person, str(await person.mutation("requests:create", order))))
            await asyncio.sleep(ASK_EVERY_S)
        return Calls(self, numbers, requests, time.monotonic() + minutes * 60)

    async def _person(self, index: int, limit_minutes: float) -> HttpDeployment:
        name = f"bench{index}-{limit_minutes:g}"
        if name not in self._people:
            self._people[name] = person = self.parts.deployment.as_person(name)
            await person.mutation("users:ensure", {"name": "Alex Rivera"})
            limits = {"maxCallMinutes": limit_minutes, "recordCalls": False}
            await person.mutation("users:update", {"limits": limits})
        return self._people[name]

    def _pin(self) -> None:
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            return
        os.sched_setaffinity(0, {cores[1]})
        for name, pid in self.pids.items():
            for thread in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), {cores[0] if name == "worker" else cores[1]})


class Calls:
    """Calls that were asked for together."""

    def __init__(
        self, stand: Stand, numbers: list[str], requests: list[tuple[HttpDeployment, str]], deadline: float
    ) -> None:
        self.notes: dict[str, Note] = {}
        self.statuses: list[str] = []
        self._stand = stand
        self._numbers = numbers
        self._requests = requests
        self._deadline = deadline

    async def up(self, turns: int = 1) -> None:
        """Wait until Floyd has answered so many turns in each call. Raises TimeoutError."""
        async with asyncio.timeout(UP_WITHIN_S):
            await self._until(lambda progress: all(ended or done >= turns for _, done, ended in progress.values()))

    async def finish(self) -> None:
        await self._stand.parts.control("POST", "/control/finish", {})

    async def over(self) -> list[str]:
        """Wait until all have ended; those that do not in time are cancelled. Returns the problems."""
        problems = []
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + self._deadline - time.monotonic()):
                await self._until(lambda progress: all(ended for _, _, ended in progress.values()))
        except TimeoutError:
            problems.append("a call did not come to its end in time")
            for person, request_id in self._requests:
                # A conflict: this one has ended.
                with contextlib.suppress(FunctionError):
                    await person.mutation("requests:cancel", {"requestId": request_id})
        requests = [await self._ended(*request) for request in self._requests]
        self.statuses = [str(request["status"]) for request in requests]
        problems += [
            f"a request ended as {request['status']}: {request.get('outcome', {}).get('summary', '')}"
            for request in requests
            if request["status"] != "completed"
        ]
        notes = await self._stand.parts.control("GET", "/control/calls")
        self.notes = {number: notes[number] for number in self._numbers if number in notes}
        return problems

    async def _until(self, is_so: Callable[[Progress], bool]) -> None:
        while True:
            progress = await self._stand.parts.control("GET", "/control/progress")
            mine = {number: progress.get(number, (False, 0, False)) for number in self._numbers}
            if is_so(mine):
                return
            await asyncio.sleep(POLL_S)

    async def _ended(self, person: HttpDeployment, request_id: str) -> dict[str, Any]:
        """The request in its last state."""
        deadline = time.monotonic() + OVER_WITHIN_S
        while True:
            request = await person.query("requests:get", {"requestId": request_id})
            if request["status"] in FINAL or time.monotonic() > deadline:
                return dict(request)
            await asyncio.sleep(POLL_S)
