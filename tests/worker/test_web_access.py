"""Who a browser's request comes from, and which calls they may reach: asked of a real deployment."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path

import jwt
import pytest
import pytest_asyncio
from aiohttp import web
from deployment_process import DeploymentProcess
from web_support import Reply, Served, serving

from worker.deployment.http import HttpDeployment
from worker.keys import AUDIENCE, DEFAULT_ISSUER, SigningKey, load_key
from worker.web import access
from worker.web.access import may_reach, person_of

pytestmark = pytest.mark.asyncio


def probe(deployment_url: str) -> list[web.RouteDef]:
    """Says who asks, and what they may reach."""

    async def me(request: web.Request) -> web.Response:
        person = await person_of(request, deployment_url)
        assert person.token not in repr(person)
        return web.json_response({"name": person.name, "userId": person.user_id})

    async def call(request: web.Request) -> web.Response:
        person = await person_of(request, deployment_url)
        reached = await may_reach(person, request.match_info["callId"])
        return web.json_response({"callId": reached.call_id, "status": reached.status})

    return [web.get("/rtc/me", me), web.get("/rtc/calls/{callId:.*}", call)]


@pytest_asyncio.fixture
async def door(deployment: DeploymentProcess) -> AsyncIterator[Served]:
    async with serving(probe(deployment.url)) as served:
        yield served


async def known(deployment: DeploymentProcess) -> str:
    """The token of somebody new whom Floyd knows."""
    name = f"web-{secrets.token_hex(4)}"
    functions = deployment.as_person(name)
    try:
        await functions.mutation("users:ensure", {"name": "Sam Rivera"})
    finally:
        await functions.close()
    return deployment.person_token(name)


async def begin_call(deployment: DeploymentProcess, token: str) -> str:
    """A call of this person's that is being dialled; nobody takes the request any further."""
    person, worker = HttpDeployment(deployment.url, token), deployment.as_worker()
    worker_id, lease = f"w-{secrets.token_hex(4)}", secrets.token_hex(8)
    try:
        await worker.mutation(
            "workers:register", {"workerId": worker_id, "incarnation": "i1", "version": "1", "maxCalls": 5}
        )
        text = {"text": "Call the school", "to": "+14155550134"}
        request_id = str(await person.mutation("requests:create", text))
        claim = {"workerId": worker_id, "incarnation": "i1", "token": lease}
        claimed = await worker.mutation("requests:claim", claim)
        assert claimed["request"]["_id"] == request_id
        begun = await worker.mutation(
            "calls:begin",
            {
                "requestId": request_id,
                "token": lease,
                "to": "+14155550134",
                "mediaTokenHash": "h",
                "workerId": worker_id,
            },
        )
        await person.mutation("requests:cancel", {"requestId": request_id})
        return str(begun["callId"])
    finally:
        await person.close()
        await worker.close()


async def ask(door: Served, token: str, path: str = "/rtc/me") -> Reply:
    return await door.get(path, Authorization=f"Bearer {token}")


def made(key: SigningKey, **claims: object) -> str:
    """A token with other claims than Floyd would sign."""
    now = int(time.time())
    usual = {"iss": DEFAULT_ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 600, "sub": "person:sam"}
    return jwt.encode({**usual, **claims}, key.private, algorithm="ES256", headers={"kid": key.public_jwk["kid"]})


async def test_a_person_is_known_by_their_token(door: Served, deployment: DeploymentProcess) -> None:
    reply = await ask(door, await known(deployment))
    assert (reply.status, reply.json["name"]) == (200, "Sam Rivera")


async def test_without_a_proper_header_nobody_is_asked(door: Served) -> None:
    for header in (
        "",
        "Bearer",
        "Bearer ",
        "Basic c2FtOnNhbQ==",
        "Bearer a b",
        "Bearer " + "a" * 8100,
        "bearer ü",
    ):
        reply = await door.get("/rtc/me", Authorization=header)
        assert (reply.status, reply.code) == (401, "UNAUTHENTICATED"), header
        assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert (await door.get("/rtc/me")).status == 401


async def test_tokens_that_do_not_verify_are_refused(
    door: Served, deployment: DeploymentProcess, tmp_path: Path
) -> None:
    good = await known(deployment)
    head, body, signature = good.split(".")
    now = int(time.time())
    stranger = load_key(tmp_path)
    unsigned = jwt.encode({"iss": DEFAULT_ISSUER, "aud": AUDIENCE, "sub": "person:sam"}, None, algorithm="none")
    for bad in (
        "garbage",
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{head}.{body}",
        unsigned,
        stranger.person_token("sam"),
        made(deployment.key, exp=now - 3600, iat=now - 7200),
        made(deployment.key, aud="another"),
        made(deployment.key, iss="https://another.example"),
    ):
        reply = await ask(door, bad)
        assert (reply.status, reply.code) == (401, "UNAUTHENTICATED"), bad


async def test_a_worker_and_a_stranger_are_no_people_here(door: Served, deployment: DeploymentProcess) -> None:
    worker = await ask(door, deployment.worker_token())
    assert (worker.status, worker.code) == (403, "FORBIDDEN")
    unknown = await ask(door, deployment.person_token(f"web-{secrets.token_hex(4)}"))
    assert (unknown.status, unknown.code) == (403, "FORBIDDEN")


async def test_a_call_is_reached_by_its_owner_and_does_not_exist_for_others(
    door: Served, deployment: DeploymentProcess
) -> None:
    sam, eve = await known(deployment), await known(deployment)
    call_id = await begin_call(deployment, sam)
    reached = await ask(door, sam, f"/rtc/calls/{call_id}")
    assert reached.status == 200, reached.body
    assert reached.json["callId"] == call_id
    refused = await ask(door, eve, f"/rtc/calls/{call_id}")
    missing = await ask(door, eve, "/rtc/calls/" + call_id[:-1] + ("a" if call_id[-1] != "a" else "b"))
    assert (refused.status, refused.code) == (404, "NOT_FOUND")
    # Nobody learns which calls there are.
    assert refused.body == missing.body


@pytest.mark.parametrize("call_id", ["x", "../../etc/passwd", "k" * 500, "%00", "K57" * 11, "'; --"])
async def test_what_is_no_id_is_no_call(door: Served, deployment: DeploymentProcess, call_id: str) -> None:
    reply = await ask(door, await known(deployment), f"/rtc/calls/{call_id.replace(' ', '%20')}")
    assert (reply.status, reply.code) == (404, "NOT_FOUND")


async def test_an_id_of_another_table_is_no_call(door: Served, deployment: DeploymentProcess) -> None:
    token = await known(deployment)
    user_id = (await ask(door, token)).json["userId"]
    reply = await ask(door, token, f"/rtc/calls/{user_id}")
    assert (reply.status, reply.code) == (404, "NOT_FOUND")


async def test_a_deployment_that_is_away_is_said_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "PATIENCE_S", 0.5)
    async with serving(probe("http://127.0.0.1:9")) as served, asyncio.timeout(5):
        reply = await ask(served, "a.b.c")
    assert (reply.status, reply.code) == (503, "UNAVAILABLE")
