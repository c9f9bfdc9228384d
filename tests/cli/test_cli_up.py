"""`floyd up` with real parts: the deployment and the worker. The vendors are configured, so none is rehearsed, and
away, which nothing here needs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cli_process import command, environment, floyd

from worker.cli.supervise.ports import any_free

START_S = 60.0
END_S = 30.0
VENDORS_AWAY = {
    "TWILIO_API_BASE_URL": "http://127.0.0.1:9",
    "TWILIO_ACCOUNT_SID": "AC0123456789",
    "TWILIO_AUTH_TOKEN": "hush-hush-token",
    "TWILIO_PHONE_NUMBER": "+14155550199",
    "FLOYD_PUBLIC_URL": "http://127.0.0.1:9",
    "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
    "GOOGLE_SPEECH_ENDPOINT": "127.0.0.1:9",
    "GOOGLE_SPEECH_PLAINTEXT": "1",
    "FLOYD_DRAIN_SECONDS": "1",
}


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path, {**VENDORS_AWAY, "FLOYD_PORT": str(any_free())})


@contextmanager
def running(env: dict[str, str]) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    arguments = command("up", "--json")
    process = subprocess.Popen(arguments, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield json.loads(line), process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=END_S)
        finally:
            process.kill()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").exists() and " Z " in Path(f"/proc/{pid}/stat").read_text()


def eventually(condition: Callable[[], bool], limit_s: float, what: str) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.1)


@pytest.mark.timeout(180)
def test_it_runs_everything_restarts_the_worker_and_stops_in_order(env: dict[str, str], tmp_path: Path) -> None:
    with running(env) as (ready, process):
        assert ready["rehearsed"] == []
        assert ready["pids"].keys() == {"deployment", "worker"}
        recorded = tmp_path / "running.json"
        assert json.loads(recorded.read_text()) == ready
        assert VENDORS_AWAY["TWILIO_AUTH_TOKEN"] not in recorded.read_text()

        # Another terminal finds it; a second `up` does not disturb it.
        states = {check["name"]: check["state"] for check in floyd("doctor", "--json", env=env).json["checks"]}
        assert (states["deployment"], states["sign-in"], states["worker"]) == ("ok", "ok", "ok")
        again = floyd("up", "--json", env=env)
        assert again.code == 0
        assert again.json == ready
        assert "already running" in again.err

        killed = ready["pids"]["worker"]
        os.kill(killed, signal.SIGKILL)
        eventually(
            lambda: json.loads(recorded.read_text())["pids"]["worker"] != killed, START_S, "no worker came back"
        )
        pids = json.loads(recorded.read_text())["pids"]
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=END_S)
        assert process.returncode == 0, err
        assert "The worker ended unexpectedly (killed by SIGKILL); starting it again" in err
        assert all(gone(pid) for pid in pids.values())
        assert not recorded.exists()


@pytest.mark.timeout(180)
def test_after_a_kill_nothing_is_left_and_it_starts_again(env: dict[str, str]) -> None:
    with running(env) as (ready, process):
        person = floyd("me", "--name", "Alex Rivera", "--json", env=env).json["user"]
        process.kill()
        process.wait(END_S)
        eventually(
            lambda: all(gone(pid) for pid in ready["pids"].values()), END_S, "a part outlived the supervisor"
        )
        assert "Nothing is running" in floyd("list", env=env).err
    with running(env):
        assert floyd("me", "--json", env=env).json["user"] == person


@pytest.mark.timeout(120)
def test_without_its_deployment_it_ends_and_says_which_part(env: dict[str, str]) -> None:
    with running(env) as (ready, process):
        os.kill(ready["pids"]["deployment"], signal.SIGKILL)
        _, err = process.communicate(timeout=END_S)
        assert process.returncode == 1
        assert "The deployment ended unexpectedly (killed by SIGKILL)" in err
        assert "deployment.log" in err
        assert gone(ready["pids"]["worker"])
