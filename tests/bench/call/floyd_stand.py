"""Floyd's stand: deployment, line and worker. Calls are asked for through the deployment."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from parts import Parts
from stalls import Stalls

from call.script import Script
from call.standing import ASK_EVERY_S, MAX_CALL_MINUTES, POLL_S, Calls, Stand, line_process, pinned
from worker.deployment.client import FunctionError
from worker.deployment.http import HttpDeployment

CALLS_PER_PERSON = 10
OVER_WITHIN_S = 30.0
"""From the end of a call to the end of its request, which is summed up and written in between."""
FINAL = ("completed", "failed", "cancelled", "needsInput")

Request = tuple[HttpDeployment, str]
"""Who asked, and the request's id."""


class _Parts(Parts):
    """With the line process in place of the rehearsal."""

    async def start_rehearsal(self) -> None:
        self.rehearsal = line_process(*self._credentials, self.folder)
        self._line = await self.rehearsal.start(first_line=True)
        self.control_url = str(self._line["controlUrl"])


class FloydStand(Stand):
    """`async with FloydStand.standing(folder, calls=20) as stand:`"""

    def __init__(self, parts: Parts) -> None:
        pids = {"worker": parts.worker.pid, "line": parts.rehearsal.pid, "deployment": parts.deployment.pid}
        super().__init__(parts.control_url, pids)
        self.parts = parts
        self._people: dict[str, HttpDeployment] = {}

    @classmethod
    @asynccontextmanager
    async def standing(cls, folder: Path, *, calls: int) -> AsyncIterator[FloydStand]:
        async with _Parts.standing(folder, floyd_max_calls=calls + 1) as parts:
            stand = cls(parts)
            with pinned(stand.pids):
                try:
                    yield stand
                finally:
                    for person in stand._people.values():
                        await person.close()

    @property
    def worker_url(self) -> str:
        return f"http://127.0.0.1:{self.parts.port}"

    def stalls(self) -> Stalls:
        return Stalls(self.worker_url, self.parts.worker.log)

    async def call(
        self, scripts: list[Script], *, minutes: float, limit_minutes: float = MAX_CALL_MINUTES
    ) -> FloydCalls:
        numbers = await self._people_at(scripts)
        requests = []
        for index, number in enumerate(numbers):
            person = await self._person(index // CALLS_PER_PERSON, limit_minutes)
            order = {"text": f"Ask for a table for two at {number}", "to": number}
            requests.append((person, str(await person.mutation("requests:create", order))))
            await asyncio.sleep(ASK_EVERY_S)
        return FloydCalls(self, numbers, requests, minutes)

    async def _person(self, index: int, limit_minutes: float) -> HttpDeployment:
        name = f"bench{index}-{limit_minutes:g}"
        if name not in self._people:
            self._people[name] = person = self.parts.deployment.as_person(name)
            await person.mutation("users:ensure", {"name": "Alex Rivera"})
            limits = {"maxCallMinutes": limit_minutes, "recordCalls": False}
            await person.mutation("users:update", {"limits": limits})
        return self._people[name]


class FloydCalls(Calls):
    def __init__(self, stand: FloydStand, numbers: list[str], requests: list[Request], minutes: float) -> None:
        super().__init__(stand, numbers, minutes)
        self.statuses: list[str] = []
        """Of the requests, in the order of the scripts; once they are over."""
        self._requests = requests

    async def _cut_off(self) -> None:
        for person, request_id in self._requests:
            # A conflict: this one has ended.
            with contextlib.suppress(FunctionError):
                await person.mutation("requests:cancel", {"requestId": request_id})

    async def _ended(self) -> list[str]:
        requests = [await _last_state(*request) for request in self._requests]
        self.statuses = [str(request["status"]) for request in requests]
        return [
            f"a request ended as {request['status']}: {request.get('outcome', {}).get('summary', '')}"
            for request in requests
            if request["status"] != "completed"
        ]


async def _last_state(person: HttpDeployment, request_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + OVER_WITHIN_S
    while True:
        request = await person.query("requests:get", {"requestId": request_id})
        if request["status"] in FINAL or time.monotonic() > deadline:
            return dict(request)
        await asyncio.sleep(POLL_S)
