"""What is measured and the line, as processes; the former alone on the first core, if there are two.

A stand is Floyd's (`floyd_stand`) or another bot's (`bot_stand`). The series know only what is here.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
from parts import Process
from stalls import Stalls

from call.delays import Delays
from call.script import Script

LINE = Path(__file__).with_name("line.py")
CORES = sorted(os.sched_getaffinity(0))
"""Before anything is pinned."""
TO = "+1415555{:04d}"
FIRST_NUMBER = 100
MAX_CALL_MINUTES = 120
POLL_S = 0.25
ASK_EVERY_S = 0.15
"""Calls are not asked for all at once: their preparation is not what is measured."""
UP_WITHIN_S = 120.0
CONTROL_S = 10.0

Note = dict[str, Any]
Progress = dict[str, tuple[bool, int, bool]]
"""By number: answered, turns that were answered back, ended."""


def line_process(account_sid: str, auth_token: str, folder: Path) -> Process:
    environment = {"TWILIO_ACCOUNT_SID": account_sid, "TWILIO_AUTH_TOKEN": auth_token}
    return Process("line", [sys.executable, str(LINE)], environment, folder / "line.log")


@contextmanager
def pinned(pids: dict[str, int]) -> Iterator[None]:
    """The process "worker" on the first core, and all others, this one included, on the second. What is pinned
    within is so too: its worker shares the first core, at other times."""
    before = os.sched_getaffinity(0)
    if len(CORES) < 2:
        yield
        return
    first, second = CORES[:2]
    os.sched_setaffinity(0, {second})
    for name, pid in pids.items():
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {first if name == "worker" else second})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Stand(ABC):
    """`pids`: of "worker", which is what is measured, of "line", and of what else it takes."""

    def __init__(self, control_url: str, pids: dict[str, int]) -> None:
        self.pids = pids
        self._control_url = control_url

    @abstractmethod
    async def call(
        self, scripts: list[Script], *, minutes: float, limit_minutes: float = MAX_CALL_MINUTES
    ) -> Calls:
        """Ask for as many calls as there are scripts. They are waited for `minutes`, and those who ask want calls
        to be ended after `limit_minutes`."""

    def stalls(self) -> Stalls | None:
        """None where nothing tells of the event loop."""
        return None

    async def late_s(self, since: float, until: float) -> list[float]:
        """How late the line's own steps were, of those that were late."""
        return [s for at, s in await self.control("GET", "/control/late") if since <= at < until]

    async def speech(self) -> dict[str, float]:
        """What the voice was asked for so far."""
        return dict(await self.control("GET", "/control/speech"))

    async def delays(self, delays: Delays) -> None:
        await self.control("POST", "/control/delays", delays.as_json())

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        timeout = aiohttp.ClientTimeout(total=CONTROL_S)
        async with (
            aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as http,
            http.request(method, self._control_url + path, json=body) as reply,
        ):
            return await reply.json()

    async def _people_at(self, scripts: list[Script]) -> list[str]:
        """Put somebody who follows each script behind a number. Returns the numbers."""
        numbers = [TO.format(FIRST_NUMBER + index) for index in range(len(scripts))]
        by_number = {number: script.as_json() for number, script in zip(numbers, scripts, strict=True)}
        await self.control("POST", "/control/scripts", by_number)
        return numbers


class Calls(ABC):
    """Calls that were asked for together."""

    def __init__(self, stand: Stand, numbers: list[str], minutes: float) -> None:
        self.notes: dict[str, Note] = {}
        self._stand = stand
        self._numbers = numbers
        self._deadline = time.monotonic() + minutes * 60

    async def up(self, turns: int = 1) -> None:
        """Wait until so many turns were answered in each call. Raises TimeoutError."""
        async with asyncio.timeout(UP_WITHIN_S):
            await self._until(lambda progress: all(ended or done >= turns for _, done, ended in progress.values()))

    async def finish(self) -> None:
        await self._stand.control("POST", "/control/finish", {})

    async def over(self) -> list[str]:
        """Wait until all have ended; those that do not in time are cut off. Returns the problems."""
        problems = []
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + self._deadline - time.monotonic()):
                await self._until(lambda progress: all(ended for _, _, ended in progress.values()))
        except TimeoutError:
            problems.append("a call did not come to its end in time")
            await self._cut_off()
        problems += await self._ended()
        notes = await self._stand.control("GET", "/control/calls")
        self.notes = {number: notes[number] for number in self._numbers if number in notes}
        return problems

    @abstractmethod
    async def _cut_off(self) -> None:
        """End those that have not ended."""

    @abstractmethod
    async def _ended(self) -> list[str]:
        """After the last has ended: wait for what belongs to it. Returns the problems."""

    async def _until(self, is_so: Callable[[Progress], bool]) -> None:
        while True:
            progress = await self._stand.control("GET", "/control/progress")
            mine = {number: progress.get(number, (False, 0, False)) for number in self._numbers}
            if is_so(mine):
                return
            await asyncio.sleep(POLL_S)
