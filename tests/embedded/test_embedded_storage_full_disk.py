"""Files on a full disk: an upload fails whole with 503, leaves nothing, and files that are there are served on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from full_disk import Deployment, Disk, FileSizeLimit, Tmpfs, running

pytestmark = pytest.mark.timeout(90)

FUNCTIONS = Path(__file__).parent / "filesApp" / "convex"
PART = b"x" * 65_536
PARTS = 96


@pytest.fixture(params=[Tmpfs, FileSizeLimit], ids=["file system", "file size"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    disk: Disk = request.param(folder)
    yield disk
    disk.close()


async def parts() -> AsyncIterator[bytes]:
    for _ in range(PARTS):
        yield PART


async def upload(
    deployment: Deployment, url: str, body: bytes | AsyncIterator[bytes]
) -> tuple[int, dict[str, str]]:
    async with deployment.http.post(url, data=body) as reply:
        return reply.status, await reply.json()


async def fetch(deployment: Deployment, storage_id: str) -> bytes:
    url = await deployment.query("files:url", id=storage_id)
    async with deployment.http.get(url) as reply:
        assert reply.status == 200
        return await reply.read()


async def test_an_upload_fails_whole_and_files_are_served_on(disk: Disk, tmp_path: Path) -> None:
    async with running(disk.folder, tmp_path / "log", FUNCTIONS) as deployment:
        pid = deployment.process.pid
        url = await deployment.mutation("files:uploadUrl")
        status, first = await upload(deployment, url, b"first")
        assert status == 200
        files = sorted((disk.folder / "files").iterdir())
        disk.fill(pid)
        for body in (PART * PARTS, parts()):  # with a length and without
            status, refused = await upload(deployment, url, body)
            assert (status, refused["code"]) == (503, "StorageUnavailable"), refused
            assert "free some space" in refused["message"]
        assert sorted((disk.folder / "files").iterdir()) == files
        assert await fetch(deployment, first["storageId"]) == b"first"
        await deployment.logged(f"Its data folder is {disk.folder}")

        text = "x" * len(PART) * PARTS
        status, action = await deployment.call("action", "files:roundTrip", {"text": text})
        assert (status, action["status"]) == (200, "error")
        assert "free some space" in action["errorMessage"]
        told = await deployment.refused("files:storeInMutation", text=text, fail=False)
        assert "free some space" in told
        assert sorted((disk.folder / "files").iterdir()) == files

        disk.free(pid)
        status, second = await upload(deployment, url, parts())
        assert status == 200
        assert len(await fetch(deployment, second["storageId"])) == len(PART) * PARTS
        assert [row["_id"] for row in await deployment.query("files:list")] == [
            second["storageId"],
            first["storageId"],
        ]
