"""Following a request: states arrive as they change, and leaving does not end the request."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
from cli_process import COMMAND_S, command, environment, floyd
from deployment_process import DeploymentProcess

from worker.deployment.http import HttpDeployment

PERSON = "watcher"


@pytest.fixture
def env(deployment: DeploymentProcess) -> dict[str, str]:
    return environment(deployment.folder, {"CONVEX_URL": deployment.url})


@pytest.fixture
async def person(deployment: DeploymentProcess) -> AsyncIterator[HttpDeployment]:
    connection = deployment.as_person(PERSON)
    await connection.mutation("users:ensure", {"name": "Alex"})
    yield connection
    await connection.close()


@contextmanager
def watching(request_id: str, env: dict[str, str], *options: str) -> Iterator[subprocess.Popen[str]]:
    arguments = command("watch", request_id, "--person", PERSON, *options)
    process = subprocess.Popen(arguments, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=COMMAND_S)


def rest(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What is still to come on both outputs. (`communicate` would lose what `readline` read ahead.)"""
    assert process.stdout is not None
    assert process.stderr is not None
    out, err = process.stdout.read(), process.stderr.read()
    process.wait(COMMAND_S)
    return out, err


async def test_each_state_is_an_object_on_a_line(person: HttpDeployment, env: dict[str, str]) -> None:
    request_id = await person.mutation("requests:create", {"text": "Call the school"})
    with watching(request_id, env, "--json") as watch:
        assert watch.stdout is not None
        first = json.loads(watch.stdout.readline())
        assert first["request"]["status"] == "pending"
        assert {"request", "calls", "transcript", "turns", "questions", "disclosures"} <= first.keys()
        await person.mutation("requests:cancel", {"requestId": request_id})
        out, err = rest(watch)
        states = [json.loads(line) for line in out.splitlines()]
        assert states[-1]["request"]["status"] == "cancelled"
        assert watch.returncode == 1, err


async def test_a_pipe_gets_lines(person: HttpDeployment, env: dict[str, str]) -> None:
    request_id = await person.mutation("requests:create", {"text": "Call the school"})
    with watching(request_id, env) as watch:
        assert watch.stdout is not None
        assert "Call the school" in watch.stdout.readline()
        await person.mutation("requests:cancel", {"requestId": request_id})
        out, _ = rest(watch)
        assert "pending" in out
        assert out.index("pending") < out.index("cancelled")
        assert "\x1b" not in out


async def test_leaving_does_not_end_the_request(person: HttpDeployment, env: dict[str, str]) -> None:
    request_id = await person.mutation("requests:create", {"text": "Call the school"})
    with watching(request_id, env) as watch:
        assert watch.stdout is not None
        watch.stdout.readline()
        watch.send_signal(signal.SIGINT)
        _, err = rest(watch)
        assert watch.returncode == 130
        assert "The request goes on" in err
        assert f"floyd watch {request_id}" in err
        assert "Traceback" not in err
    request = await person.query("requests:get", {"requestId": request_id})
    assert request["status"] == "pending"
    await person.mutation("requests:cancel", {"requestId": request_id})


async def test_what_is_over_is_shown_at_once(person: HttpDeployment, env: dict[str, str]) -> None:
    request_id = await person.mutation("requests:create", {"text": "Call the school"})
    await person.mutation("requests:cancel", {"requestId": request_id})
    done = floyd("watch", request_id, "--person", PERSON, "--json", env=env)
    assert done.code == 1
    assert [json.loads(line)["request"]["status"] for line in done.out.splitlines()] == ["cancelled"]


async def test_an_outage_is_told_and_outlived(own_deployment: DeploymentProcess) -> None:
    env = environment(own_deployment.folder, {"CONVEX_URL": own_deployment.url})
    person = own_deployment.as_person(PERSON)
    try:
        await person.mutation("users:ensure", {"name": "Alex"})
        request_id = await person.mutation("requests:create", {"text": "Call the school"})
        with watching(request_id, env) as watch:
            assert watch.stdout is not None
            assert watch.stderr is not None
            watch.stdout.readline()
            own_deployment.kill()
            assert "does not answer" in watch.stderr.readline()
            own_deployment.start()
            await person.mutation("requests:cancel", {"requestId": request_id})
            out, err = rest(watch)
            assert "cancelled" in out, err
            assert watch.returncode == 1
    finally:
        await person.close()
