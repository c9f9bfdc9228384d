"""A full disk: writes fail whole and say what to do, reads and live queries go on, nothing scheduled is lost, and
all of it works again as soon as there is space. The process never ends for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from full_disk import WAIT_S, Deployment, Disk, FileSizeLimit, Tmpfs, running, start_and_fail

pytestmark = pytest.mark.timeout(90)

LARGE = "x" * 200_000


@pytest.fixture(params=[Tmpfs, FileSizeLimit], ids=["file system", "file size"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    disk: Disk = request.param(folder)
    yield disk
    disk.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


async def events(deployment: Deployment, name: str) -> list[Any]:
    return [event for event in await deployment.query("jobs:events") if event["name"] == name]


async def job_states(deployment: Deployment, name: str) -> list[str]:
    jobs = await deployment.query("jobs:scheduled")
    return [job["state"]["kind"] for job in jobs if job["args"][0]["name"] == name]


async def test_a_write_fails_whole_and_reads_go_on(disk: Disk, log: Path) -> None:
    async with running(disk.folder, log) as deployment:
        pid = deployment.process.pid
        await deployment.mutation("messages:send", channel="a", seq=1, body="before")
        async with deployment.live("messages:latest", channel="a", count=1) as next_value:
            assert await next_value() == [{"seq": 1.0, "body": "before"}]
            disk.fill(pid)
            messages = [{"channel": "a", "seq": seq, "body": LARGE} for seq in range(2, 6)]
            told = await deployment.refused("messages:sendMany", messages=messages)
            assert "free some space" in told
            assert "Nothing of what was asked has been saved" in told
            assert await deployment.bodies("a") == ["before"]
            async with deployment.live("messages:latest", channel="a", count=1) as another:
                assert await another() == [{"seq": 1.0, "body": "before"}]
            disk.free(pid)
            await deployment.mutation("messages:send", channel="a", seq=2, body="after")
            assert await next_value() == [{"seq": 2.0, "body": "after"}]
        lines = deployment.log_text()
        assert f"Its data folder is {disk.folder}" in lines
        assert "can be written again" in lines


async def test_a_mutation_on_a_socket_is_told(disk: Disk, log: Path) -> None:
    async with running(disk.folder, log) as deployment:
        disk.fill(deployment.process.pid)
        async with deployment.http.ws_connect(deployment.url.replace("http", "ws", 1) + "/api/sync") as socket:
            session = "22222222-2222-4222-8222-222222222222"
            await socket.send_json({"type": "Connect", "sessionId": session, "connectionCount": 0, "clientTs": 0})
            args = {"channel": "a", "seq": 1, "body": LARGE}
            mutation = {"type": "Mutation", "requestId": 0, "udfPath": "messages:send", "args": [args]}
            await socket.send_json(mutation)
            reply = await socket.receive_json(timeout=WAIT_S)
            assert (reply["type"], reply["success"]) == ("MutationResponse", False)
            assert "free some space" in reply["result"]
            disk.free(deployment.process.pid)
            await socket.send_json({**mutation, "requestId": 1})
            while (reply := await socket.receive_json(timeout=WAIT_S))["type"] != "MutationResponse":
                pass
            assert reply["success"], reply
        assert await deployment.bodies("a") == [LARGE]


async def test_what_was_acknowledged_is_there_and_what_was_refused_is_not(disk: Disk, log: Path) -> None:
    """Written until it is full, on, and after it is free again, then killed."""
    acknowledged: list[int] = []
    async with running(disk.folder, log) as deployment:
        pid = deployment.process.pid

        async def write(seqs: range) -> int:
            refused = 0
            for seq in seqs:
                args = {"channel": "a", "seq": seq, "body": f"{seq} ".ljust(30_000, "x")}
                status, reply = await deployment.call("mutation", "messages:send", args)
                if status == 200:
                    assert reply["status"] == "success", reply
                    acknowledged.append(seq)
                else:
                    assert reply["code"] == "StorageUnavailable"
                    refused += 1
            return refused

        assert await write(range(20)) == 0
        disk.fill(pid)
        assert await write(range(20, 50)) > 0
        disk.free(pid)
        assert await write(range(50, 150)) == 0
        await deployment.end(kill=True)
    async with running(disk.folder, log) as deployment:
        assert [int(body.split()[0]) for body in await deployment.bodies("a")] == acknowledged


async def test_scheduled_mutations_wait_for_space_and_run_once(disk: Disk, log: Path) -> None:
    async with running(disk.folder, log) as deployment:
        pid = deployment.process.pid
        await deployment.mutation("jobs:later", name=LARGE, ms=300)
        disk.fill(pid)
        await deployment.logged("Its data folder is")
        assert await events(deployment, LARGE) == []
        assert await job_states(deployment, LARGE) == ["pending"]
        disk.free(pid)
        await deployment.until("the scheduled mutation", lambda: events(deployment, LARGE))
        assert len(await events(deployment, LARGE)) == 1
        assert await job_states(deployment, LARGE) == ["success"]


async def test_the_end_of_an_action_is_noted_when_there_is_space(disk: Disk, log: Path) -> None:
    async with running(disk.folder, log) as deployment:
        pid = deployment.process.pid
        await deployment.mutation("jobs:slowActionLater", name="act", ms=500)

        await deployment.until("the action's beginning", lambda: events(deployment, "act began"))
        # Whatever space a small write still finds is used up first.
        disk.fill(pid)
        await deployment.logged("Its data folder is")
        disk.free(pid)

        async def ended() -> list[str]:
            return [state for state in await job_states(deployment, "act") if state != "inProgress"]

        (state,) = await deployment.until("the action's end", ended)
        assert await events(deployment, "act ended") == [] if state == "failed" else state == "success"


async def test_a_thread_that_had_to_be_ended_comes_back(disk: Disk, log: Path) -> None:
    async with running(disk.folder, log) as deployment:
        pid = deployment.process.pid
        await deployment.mutation("messages:send", channel="a", seq=1, body="before")
        disk.fill(pid)
        _, reply = await deployment.call("query", "messages:forever", {})
        assert "timed out" in reply["errorMessage"]
        assert await asyncio.wait_for(deployment.bodies("a"), WAIT_S) == ["before"]
        disk.free(pid)
        await deployment.mutation("messages:send", channel="a", seq=2, body="after")


async def test_an_environment_variable_is_refused_and_set_later(disk: Disk, log: Path) -> None:
    async with running(disk.folder, log) as deployment:
        pid = deployment.process.pid
        await deployment.mutation("messages:send", channel="a", seq=1, body="before")
        disk.fill(pid)
        changes = [{"name": f"LARGE_{i}", "value": "x" * 8000} for i in range(90)]
        status, reply = await deployment.post("/api/update_environment_variables", {"changes": changes})
        assert (status, reply["code"]) == (503, "StorageUnavailable")
        assert await deployment.bodies("a") == ["before"]
        disk.free(pid)
        status, _ = await deployment.post("/api/update_environment_variables", {"changes": changes[:1]})
        assert status == 200
        assert await deployment.query("values:setting", name="LARGE_0") == "x" * 8000


async def test_a_log_on_the_full_disk_stops_nothing(disk: Disk) -> None:
    async with running(disk.folder, disk.folder / "log") as deployment:
        pid = deployment.process.pid
        await deployment.mutation("messages:send", channel="a", seq=1, body="before")
        disk.fill(pid)
        for _ in range(20):
            await deployment.refused("messages:send", channel="a", seq=2, body=LARGE)
        assert await deployment.bodies("a") == ["before"]
        disk.free(pid)
        await deployment.mutation("messages:send", channel="a", seq=2, body="after")


async def test_a_start_on_a_full_disk_says_what_to_do(disk: Disk, log: Path) -> None:
    """As a new deployment, and as one that has data; which is there when there is space again."""
    data, new = disk.folder / "data", disk.folder / "new"
    async with running(data, log) as deployment:
        await deployment.mutation("messages:send", channel="a", seq=1, body="before")
    if isinstance(disk, Tmpfs):
        disk.fill()
    for folder in (new, data):
        code, told = await start_and_fail(folder, disk.fill if isinstance(disk, FileSizeLimit) else None)
        assert code == 1
        assert told.startswith(f"error: data folder {folder} can't be used"), told
        assert "--data DIR" in told or "free some space there" in told
        assert told.count("\n") == 1, "a message, no trace"
    if isinstance(disk, Tmpfs):
        disk.free()
    async with running(data, log) as deployment:
        assert await deployment.bodies("a") == ["before"]
