"""The rehearsal's control API: scenarios, the demo person, and what the callees heard."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import aiohttp

from worker.cli.failure import CliError, usage

DEADLINE_S = 10.0
"""On this machine and from memory; only a stopped process takes longer."""


class RehearsalControl:
    def __init__(self, control_url: str) -> None:
        self._url = control_url.rstrip("/")

    async def demo(self) -> dict[str, Any]:
        """The person a first run starts with: `{name, timezone, phone, facts, contacts}`."""
        return _object(await self._ask("GET", "/demo"))

    async def scenarios(self) -> list[dict[str, Any]]:
        """`[{name, summary, request}]`."""
        return list(await self._ask("GET", "/scenarios"))

    async def start(self, name: str, number: str | None = None) -> dict[str, Any]:
        """Begin a scenario anew, perhaps at another number; the scenario. Raises CliError for an unknown one."""
        body = {"number": number} if number else {}
        return _object(await self._ask("POST", f"/scenarios/{quote(name, safe='')}/start", body))

    async def calls(self) -> list[dict[str, Any]]:
        """Notes of all calls as the callees saw them."""
        return list(await self._ask("GET", "/calls"))

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as http,
                http.request(method, self._url + path, json=body) as reply,
            ):
                answer = await reply.json(content_type=None)
                if reply.status >= 400:
                    raise usage(f"Rehearsal: {_reason(answer, reply.status)}")
                return answer
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise CliError(
                f"The rehearsal at {self._url} does not answer ({str(error) or type(error).__name__})",
                "Start Floyd anew with `floyd up`",
            ) from error


def _reason(answer: Any, status: int) -> str:
    return str(answer["error"]) if isinstance(answer, dict) and "error" in answer else f"HTTP {status}"


def _object(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise CliError("The rehearsal sent no object", "Is another program on its port?")
    return answer
