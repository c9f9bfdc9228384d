"""The supervisor's parts, with real processes: ports, the lock, readiness, logs, the end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from worker.cli.failure import CliError
from worker.cli.supervise.child import Child
from worker.cli.supervise.ports import any_free, is_free, usual_or_free
from worker.cli.supervise.running import AlreadyRunning, Running, hold, read_running, write_running

SOON_S = 10.0

READY = 'import sys, time; print(\'{"url": "u", "adminKey": "hush"}\', flush=True); '
SLEEP = "time.sleep(60)"

RUNNING = Running(
    pid=os.getpid(),
    started_at=1.0,
    url="http://127.0.0.1:1",
    site_url=None,
    worker_url="http://127.0.0.1:2",
    control_url=None,
    rehearsed=("twilio",),
    pids={"worker": 1},
)


def child(folder: Path, program: str) -> Child:
    return Child("part", [sys.executable, "-c", program], dict(os.environ), folder, folder / "logs" / "part.log")


def gone(pid: int) -> bool:
    """Whether the process has ended; a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


class TestPorts:
    def test_the_usual_one_if_it_is_free(self) -> None:
        port = any_free()
        assert usual_or_free(port) == port

    def test_another_if_it_is_taken(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            assert not is_free(port)
            assert usual_or_free(port) not in (0, port)


class TestRunning:
    def test_what_runs_is_known_while_the_lock_is_held(self, tmp_path: Path) -> None:
        with hold(tmp_path):
            assert read_running(tmp_path) is None  # still starting
            write_running(tmp_path, RUNNING)
            assert read_running(tmp_path) == RUNNING
        assert read_running(tmp_path) is None
        assert not (tmp_path / "running.json").exists()

    def test_what_a_killed_process_left_behind_is_not_believed(self, tmp_path: Path) -> None:
        with hold(tmp_path):
            pass
        write_running(tmp_path, RUNNING)
        assert read_running(tmp_path) is None

    def test_one_per_data_folder(self, tmp_path: Path) -> None:
        with hold(tmp_path), pytest.raises(AlreadyRunning), hold(tmp_path):
            pass
        with hold(tmp_path):
            pass


class TestChild:
    async def test_its_first_object_says_that_it_is_ready_and_stays_out_of_the_log(self, tmp_path: Path) -> None:
        part = child(tmp_path, "print('working', flush=True); " + READY + SLEEP)
        await part.start()
        try:
            assert await part.ready(SOON_S) == {"url": "u", "adminKey": "hush"}
        finally:
            await part.stop(SOON_S)
        assert "working" in part.log_path.read_text()
        assert "hush" not in part.log_path.read_text()
        assert not part.running

    async def test_an_early_end_is_told_with_the_last_lines(self, tmp_path: Path) -> None:
        part = child(tmp_path, "import sys; print('no such folder: data', file=sys.stderr); sys.exit(3)")
        await part.start()
        with pytest.raises(CliError) as caught:
            await part.ready(SOON_S)
        assert "ended at its start (exit code 3)" in caught.value.what
        assert "no such folder: data" in caught.value.what
        assert str(part.log_path) in caught.value.remedy

    async def test_one_that_is_never_ready(self, tmp_path: Path) -> None:
        part = child(tmp_path, "import time; " + SLEEP)
        await part.start()
        try:
            with pytest.raises(CliError, match=r"was not ready after 0\.2 s"):
                await part.ready(0.2)
        finally:
            part.kill()
            await part.stop(SOON_S)

    async def test_one_that_does_not_listen_is_killed(self, tmp_path: Path) -> None:
        deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        part = child(tmp_path, deaf + READY + SLEEP)
        await part.start()
        await part.ready(SOON_S)
        started = time.monotonic()
        await part.stop(0.2)
        assert not part.running
        assert time.monotonic() - started < SOON_S
        assert "killed by SIGKILL" in part.ended_unexpectedly().what

    async def test_a_program_that_is_not_there(self, tmp_path: Path) -> None:
        part = Child("part", [str(tmp_path / "nothing")], {}, tmp_path, tmp_path / "log")
        with pytest.raises(CliError, match="cannot be started"):
            await part.start()

    async def test_the_log_of_the_run_before_is_kept(self, tmp_path: Path) -> None:
        for words in ("first run", "second run"):
            part = child(tmp_path, f"print({words!r})")
            await part.start()
            await part.wait()
        assert "second run" in part.log_path.read_text()
        assert "first run" in (tmp_path / "logs" / "part.previous.log").read_text()

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel of Linux does it")
    def test_it_does_not_outlive_its_supervisor(self, tmp_path: Path) -> None:
        supervisor = (
            "import asyncio, os, sys; from pathlib import Path; from worker.cli.supervise.child import Child\n"
            "async def main():\n"
            f"    folder = Path({str(tmp_path)!r})\n"
            "    part = Child('part', [sys.executable, '-c', 'import time; time.sleep(60)'],"
            " dict(os.environ), folder, folder / 'log')\n"
            "    await part.start(); print(part.pid, flush=True); await asyncio.sleep(60)\n"
            "asyncio.run(main())\n"
        )
        process = subprocess.Popen([sys.executable, "-c", supervisor], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            pid = int(process.stdout.readline())
            assert not gone(pid)
            process.send_signal(signal.SIGKILL)
            process.wait(SOON_S)
            end = time.monotonic() + SOON_S
            while not gone(pid):
                assert time.monotonic() < end, "the child outlived its supervisor"
                time.sleep(0.02)
        finally:
            process.kill()
            process.wait(SOON_S)
            process.stdout.close()  # type: ignore[union-attr]
