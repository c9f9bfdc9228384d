"""Disks that a test can fill and empty, and an embedded deployment on one of them, as a process of its own."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

ROOT = Path(__file__).parents[2]
APP = Path(__file__).parent / "app" / "convex"
WAIT_S = 15.0
TMPFS_MB = 12


class Tmpfs:
    """A small file system of its own: its end is ENOSPC, which SQLite reports as SQLITE_FULL. Needs root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"
        command = ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_MB}m", "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"NOT TESTED with a full file system: it can't be mounted here ({done.stderr.strip()})")

    def fill(self, _: int | None = None) -> None:
        with self._filler.open("ab", buffering=0) as file:
            for size in (65_536, 4096, 1):
                try:
                    while file.write(b"x" * size):
                        pass
                except OSError:
                    continue

    def free(self, _: int | None = None) -> None:
        self._filler.unlink()

    def close(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


class FileSizeLimit:
    """A limit on the size of files (`ulimit -f`): its end is EFBIG, which SQLite reports as SQLITE_IOERR_WRITE, as
    it does a quota's. Needs Linux, to change it for a process that runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if sys.platform != "linux":
            pytest.skip("NOT TESTED with a limited file size: only Linux can change it for another process")

    def fill(self, pid: int | None = None) -> None:
        if pid is None:  # for a process that is still to be started
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        else:
            largest = max(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))

    def free(self, pid: int | None = None) -> None:
        assert pid is not None
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def close(self) -> None:
        pass


Disk = Tmpfs | FileSizeLimit


class Deployment:
    def __init__(self, process: asyncio.subprocess.Process, ready: dict[str, str], log: Path) -> None:
        self.process = process
        self.url, self.admin_key = ready["url"], ready["adminKey"]
        self.log = log
        self.http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WAIT_S))

    async def post(self, route: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        headers = {"authorization": f"Convex {self.admin_key}"}
        async with self.http.post(self.url + route, json=body, headers=headers) as reply:
            return reply.status, json.loads(await reply.text())

    async def call(self, kind: str, path: str, args: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return await self.post(f"/api/{kind}", {"path": path, "args": args})

    async def query(self, path: str, **args: Any) -> Any:
        status, reply = await self.call("query", path, args)
        assert (status, reply["status"]) == (200, "success"), reply
        return reply["value"]

    async def mutation(self, path: str, **args: Any) -> Any:
        status, reply = await self.call("mutation", path, args)
        assert (status, reply.get("status")) == (200, "success"), reply
        return reply["value"]

    async def refused(self, path: str, **args: Any) -> str:
        """The message of a mutation that the disk did not let through."""
        status, reply = await self.call("mutation", path, args)
        assert (status, reply.get("code")) == (503, "StorageUnavailable"), reply
        return str(reply["message"])

    async def bodies(self, channel: str) -> list[str]:
        return [row["body"] for row in await self.query("messages:list", channel=channel)]

    @asynccontextmanager
    async def live(self, path: str, **args: Any) -> AsyncIterator[Callable[[], Any]]:
        """Yields a function that waits for the next value of a live query."""
        async with self.http.ws_connect(self.url.replace("http", "ws", 1) + "/api/sync") as socket:
            session = "11111111-1111-4111-8111-111111111111"
            await socket.send_json({"type": "Connect", "sessionId": session, "connectionCount": 0, "clientTs": 0})
            add = {"type": "Add", "queryId": 0, "udfPath": path, "args": [args]}
            await socket.send_json(
                {"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": [add]}
            )

            async def next_value() -> Any:
                async with asyncio.timeout(WAIT_S):
                    while True:
                        for change in (await socket.receive_json()).get("modifications", []):
                            assert change["type"] == "QueryUpdated", change
                            return change["value"]

            yield next_value

    async def until(self, what: str, check: Callable[[], Any]) -> Any:
        """Asks again until there is an answer, for states that announce themselves nowhere."""
        async with asyncio.timeout(WAIT_S):
            while not (found := await check()):
                assert self.process.returncode is None, f"the process ended while waiting for {what}"
                await asyncio.sleep(0.05)
        return found

    def log_text(self) -> str:
        return self.log.read_text()

    async def logged(self, text: str) -> None:
        async def there() -> bool:
            return text in self.log_text()

        await self.until(f"the log line {text!r}", there)

    async def end(self, *, kill: bool = False) -> int | None:
        await self.http.close()
        if self.process.returncode is None:
            (self.process.kill if kill else self.process.terminate)()
        async with asyncio.timeout(WAIT_S):
            return await self.process.wait()


def command(data: Path, functions: Path = APP) -> list[str]:
    options = ["--json", "--port", "0", "--site-port", "0", "--data", str(data), "--functions", str(functions)]
    return ["node", str(ROOT / "embedded" / "main.mjs"), *options]


async def start_and_fail(data: Path, prepare: Callable[[], None] | None) -> tuple[int, str]:
    """Exit code and message of a deployment that can't start. `prepare` runs in its process, before it."""
    process = await asyncio.create_subprocess_exec(
        *command(data), cwd=ROOT, stderr=asyncio.subprocess.PIPE, preexec_fn=prepare
    )
    try:
        async with asyncio.timeout(WAIT_S):
            _, told = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return process.returncode, told.decode()


@asynccontextmanager
async def running(data: Path, log: Path, functions: Path = APP) -> AsyncIterator[Deployment]:
    with log.open("a") as stderr:
        process = await asyncio.create_subprocess_exec(
            *command(data, functions), cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=stderr
        )
    assert process.stdout is not None
    async with asyncio.timeout(WAIT_S):
        line = await process.stdout.readline()
    assert line, f"the deployment did not start; see {log}"
    deployment = Deployment(process, json.loads(line), log)
    try:
        yield deployment
    finally:
        await deployment.end()
