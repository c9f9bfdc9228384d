"""A full disk under the worker, or under everything, in the middle of a call: the call goes on, and what could not
be written is written when there is space. The disk is made full by a limit on the size of files (`ulimit -f`)."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import textwrap
from pathlib import Path

import psutil
import pytest
from parts import SCENARIOS, Parts, Show, assert_whole, talking

pytestmark = [
    pytest.mark.timeout(150),
    pytest.mark.skipif(
        sys.platform != "linux", reason="NOT TESTED: only Linux limits the files of a process that runs"
    ),
]

FULL = (0, resource.RLIM_INFINITY)
FREE = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)

LONGEST_OUTAGE_S = 20.0
"""Well within a lease, which can't be renewed meanwhile."""

PLAY_A_PART = """
    import asyncio, json, os, resource, sys
    from pathlib import Path
    from worker.call.ready_made import ReadyMade
    from worker.call.recording import Recording
    from worker.daemon.logs import set_up_logs
    from worker.settings import Settings

    class Tone:
        said = 0
        async def speak(self, text):
            Tone.said += 1
            yield b"\\x10" * 8000
        async def warm_up(self): ...
        async def close(self): ...

    async def main(folder):
        ready = ReadyMade(folder / "openings", Tone(), "tone")
        first, again = await ready.get("Hello."), await ready.get("Hello.")
        recording = Recording(0.0)
        recording.callee_says(b"\\x10" * 160_000)
        written = await recording.write(folder / "recordings" / "call.wav")
        files = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
        print(json.dumps([len(first.mulaw), again is first, Tone.said, written, files]), flush=True)

    set_up_logs(Settings(_env_file=None), json=True)
    folder = Path(sys.argv[1])
    soft = int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))
    asyncio.run(main(folder))
    os._exit(0)  # like `floyd`: Python's own exit would fail for log lines that cannot be written any more
"""


@pytest.mark.parametrize("largest", [0, 4096], ids=["nothing fits", "a part fits"])
async def test_openings_recordings_and_logs_that_cannot_be_kept(tmp_path: Path, largest: int) -> None:
    """The opening is there all the same, the recording says that it isn't, and no half file is left."""
    folder = tmp_path / "data"
    folder.mkdir()
    with (tmp_path / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", textwrap.dedent(PLAY_A_PART), str(folder), str(largest)),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
        async with asyncio.timeout(60):
            told, _ = await process.communicate()
    assert process.returncode == 0
    assert json.loads(told) == [8000, True, 1, False, []]
    assert (tmp_path / "log").stat().st_size <= largest


async def test_a_disk_that_is_full_for_a_while_costs_no_line(tmp_path: Path) -> None:
    async with Parts.standing(tmp_path, scenarios=SCENARIOS) as parts:
        under_way, over = asyncio.Event(), asyncio.Event()

        def look(show: Show) -> None:
            if talking(show, 1):
                under_way.set()
            if show["request"]["status"] != "inFlight":
                over.set()

        playing = asyncio.create_task(parts.play("absence", look))
        async with asyncio.timeout(60):
            await under_way.wait()
        over.clear()
        pids = [parts.worker.pid, deployment_pid(tmp_path)]
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, FULL)
        said = len((await callee(parts))["said"])
        try:
            # The callee says something more, or the call ends, while nothing can be written.
            async with asyncio.timeout(LONGEST_OUTAGE_S):
                await says_more(parts, said)
            assert any("free some space" in line for line in parts.deployment.log)
            assert not over.is_set()
        finally:
            for pid in pids:
                resource.prlimit(pid, resource.RLIMIT_FSIZE, FREE)
        verdict = await playing
        assert verdict.problems == ()
        show = await parts.show(verdict)
        assert_whole(show)
        said_all = " ".join((await callee(parts))["said_text"])
        heard = " ".join(line["text"] for line in show["transcript"] if line["speaker"] == "callee")
        assert heard.split() == said_all.split()


async def says_more(parts: Parts, than: int) -> None:
    while True:
        note = await callee(parts)
        if note["status"] != "in-progress" or len(note["said"]) > than:
            return
        await asyncio.sleep(0.1)


async def callee(parts: Parts) -> Show:
    (note,) = await parts.control("GET", "/calls?scenario=absence")
    texts = [said if isinstance(said, str) else said["text"] for said in note["said"]]
    return {**note, "said_text": texts}


def deployment_pid(folder: Path) -> int:
    (found,) = (
        child.pid for child in psutil.Process().children() if str(folder / "embedded") in " ".join(child.cmdline())
    )
    return found
