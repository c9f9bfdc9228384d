"""The stand of a bot that is measured beside Floyd: the bot, which is asked for calls itself, and a line."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from deployment_process import ROOT
from parts import Process

from call.script import Script
from call.standing import ASK_EVERY_S, CONTROL_S, MAX_CALL_MINUTES, Calls, Stand, line_process, pinned

BENCH = Path(__file__).resolve().parents[1]


class BotStand(Stand):
    """`async with BotStand.standing("floor", folder) as stand:`"""

    def __init__(self, account_sid: str, control_url: str, bot_url: str, pids: dict[str, int]) -> None:
        super().__init__(control_url, pids)
        self._account_sid = account_sid
        self._bot_url = bot_url

    @classmethod
    @asynccontextmanager
    async def standing(cls, name: str, folder: Path) -> AsyncIterator[BotStand]:
        sid, token = "AC" + secrets.token_hex(16), secrets.token_hex(16)
        line = line_process(sid, token, folder)
        bot = _bot_process(name, folder)
        try:
            addresses = await line.start(first_line=True)
            bot.environment |= {
                "TWILIO_ACCOUNT_SID": sid,
                "TWILIO_AUTH_TOKEN": token,
                "TWILIO_API_BASE_URL": addresses["twilioUrl"],
                "OPENAI_API_KEY": "bench",
                "OPENAI_BASE_URL": addresses["openaiUrl"],
                "GOOGLE_SPEECH_ENDPOINT": addresses["speechEndpoint"],
            }
            ready = await bot.start(first_line=True)
            pids = {"worker": bot.pid, "line": line.pid}
            with pinned(pids):
                yield cls(sid, addresses["controlUrl"], f"http://127.0.0.1:{ready['port']}", pids)
        finally:
            await bot.kill()
            await line.kill()

    async def call(
        self, scripts: list[Script], *, minutes: float, limit_minutes: float = MAX_CALL_MINUTES
    ) -> BotCalls:
        """`limit_minutes` is not kept: a bot's calls end when the callee hangs up."""
        numbers = await self._people_at(scripts)
        sids = []
        timeout = aiohttp.ClientTimeout(total=CONTROL_S)
        async with aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as http:
            for number in numbers:
                async with http.post(self._bot_url + "/call", json={"to": number}) as reply:
                    sids.append((await reply.json())["sid"])
                await asyncio.sleep(ASK_EVERY_S)
        return BotCalls(self, numbers, sids, minutes)

    async def hang_up(self, sid: str) -> None:
        """At the carrier, over the bot's head."""
        url = f"{self._control_url}/2010-04-01/Accounts/{self._account_sid}/Calls/{sid}.json"
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CONTROL_S)) as http,
            http.post(url, data={"Status": "completed"}),
        ):
            pass  # 400: it has ended


class BotCalls(Calls):
    def __init__(self, stand: BotStand, numbers: list[str], sids: list[str], minutes: float) -> None:
        super().__init__(stand, numbers, minutes)
        self._carrier = stand
        self._sids = sids

    async def over(self) -> list[str]:
        problems = await super().over()
        ends = [note["ended_by"] for note in self.notes.values()]
        # "floyd" is what the line calls the other side, whoever that is.
        wrong = ["the bot" if by == "floyd" else by for by in ends if by != "callee"]
        return problems + [f"a call was ended by {by}, not by the callee" for by in wrong]

    async def _cut_off(self) -> None:
        for sid in self._sids:
            await self._carrier.hang_up(sid)

    async def _ended(self) -> list[str]:
        return []


def _bot_process(name: str, folder: Path) -> Process:
    """As a module: run as a script, a bot that has a package's name would find itself in that package's place."""
    command = [sys.executable, "-m", f"call.bots.{name}"]
    return Process(name, command, {"PYTHONPATH": f"{BENCH}:{ROOT}"}, folder / f"{name}.log")
