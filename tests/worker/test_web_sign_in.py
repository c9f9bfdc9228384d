"""Signing in against a real deployment: links, sessions, tokens, and everything that is refused."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import pytest_asyncio
import structlog
from deployment_process import DeploymentProcess
from structlog.testing import capture_logs
from web_support import ELSEWHERE, Reply, Served, serving

from worker.deployment.client import FunctionError
from worker.deployment.http import HttpDeployment
from worker.keys import load_key
from worker.settings import Settings
from worker.web import sign_in
from worker.web.secret import hash_of, new_secret
from worker.web.sign_in import routes

pytestmark = pytest.mark.asyncio


def settings(folder: Path) -> Settings:
    return Settings(_env_file=None, floyd_data_dir=folder)


class Door(Served):
    """The routes, and links to try them with."""

    def __init__(self, served: Served, deployment: HttpDeployment, process: DeploymentProcess) -> None:
        super().__init__(served.url, served.http)
        self.deployment, self.process = deployment, process

    async def link(self, person: str = "sam", *, operator: bool = False, name: str | None = None) -> str:
        """The code of a new one."""
        code = new_secret()
        offer: dict[str, Any] = {"codeHash": hash_of(code), "subject": f"person:{person}", "operator": operator}
        await self.deployment.mutation("signIn:offer", offer | ({"name": name} if name else {}))
        return code

    async def signed_in(self, person: str = "sam", **more: Any) -> dict[str, Any]:
        reply = await self.post("/auth/sign-in", {"code": await self.link(person, **more)})
        assert reply.status == 200, reply.body
        return dict(reply.json)

    async def as_person(self, token: str, function: str, **args: Any) -> Any:
        functions = HttpDeployment(self.process.url, token)
        try:
            if function in ("users:ensure", "signIn:revoke"):
                return await functions.mutation(function, args)
            return await functions.query(function, args)
        finally:
            await functions.close()


@pytest_asyncio.fixture
async def door(deployment: DeploymentProcess) -> AsyncIterator[Door]:
    functions = deployment.as_worker()
    made = routes(functions, settings(deployment.folder), deployment.worker_token())
    try:
        async with serving(made) as served:
            yield Door(served, functions, deployment)
    finally:
        await functions.close()


def person() -> str:
    return f"web-{secrets.token_hex(4)}"


async def test_a_link_signs_in_and_its_token_is_the_persons(door: Door) -> None:
    name = person()
    begun = await door.signed_in(name, name="Sam Rivera")
    assert begun.keys() == {"token", "expiresAt", "session", "name"}
    assert begun["name"] == "Sam Rivera"
    await door.as_person(begun["token"], "users:ensure")
    me = await door.as_person(begun["token"], "users:me")
    assert (me["name"], me["operator"]) == ("Sam Rivera", False)
    claims = jwt.decode(begun["token"], options={"verify_signature": False})
    assert claims["sub"] == f"person:{name}"
    assert claims["exp"] - claims["iat"] == 600
    assert begun["expiresAt"] == claims["exp"] * 1000


async def test_an_operators_link_makes_an_operators_token_and_another_does_not(door: Door) -> None:
    operator = await door.signed_in(person(), operator=True)
    assert isinstance(await door.as_person(operator["token"], "workers:list"), list)
    other = await door.signed_in(person())
    with pytest.raises(FunctionError, match="FORBIDDEN"):
        await door.as_person(other["token"], "workers:list")


async def test_a_link_works_once_and_a_second_use_is_explained(door: Door) -> None:
    code = await door.link()
    assert (await door.post("/auth/sign-in", {"code": code})).status == 200
    for _ in range(2):
        again = await door.post("/auth/sign-in", {"code": code})
        assert (again.status, again.code) == (410, "LINK_USED")
        assert "floyd token --link" in again.json["error"]["message"]


async def test_of_many_who_use_a_link_at_once_one_gets_in(door: Door) -> None:
    code = await door.link()
    replies = await asyncio.gather(*[door.post("/auth/sign-in", {"code": code}) for _ in range(12)])
    assert sorted(reply.status for reply in replies) == [200] + [410] * 11


async def test_a_session_yields_tokens_until_it_signs_out(door: Door) -> None:
    name = person()
    begun = await door.signed_in(name)
    for _ in range(3):
        reply = await door.post("/auth/token", {"session": begun["session"]})
        assert reply.status == 200
        assert reply.json.keys() == {"token", "expiresAt"}
        assert await door.as_person(reply.json["token"], "users:me") is None
    assert (await door.post("/auth/sign-out", {"session": begun["session"]})).status == 204
    ended = await door.post("/auth/token", {"session": begun["session"]})
    assert (ended.status, ended.code) == (401, "UNAUTHENTICATED")
    assert (await door.post("/auth/sign-out", {"session": begun["session"]})).status == 204


async def test_a_person_sees_and_ends_their_sessions_and_nobody_elses(door: Door) -> None:
    name = person()
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
    first = (await door.post("/auth/sign-in", {"code": await door.link(name)}, User_Agent=firefox)).json
    second = await door.signed_in(name)
    eve = await door.signed_in(person())
    listed = await door.as_person(first["token"], "signIn:sessions")
    assert [(row.get("device"), row["current"]) for row in listed] == [(None, False), ("Firefox on Linux", True)]
    [hers] = await door.as_person(eve["token"], "signIn:sessions")
    with pytest.raises(FunctionError, match="NOT_FOUND"):
        await door.as_person(first["token"], "signIn:revoke", sessionId=hers["sessionId"])
    await door.as_person(first["token"], "signIn:revoke", sessionId=listed[0]["sessionId"])
    assert (await door.post("/auth/token", {"session": second["session"]})).status == 401
    assert (await door.post("/auth/token", {"session": first["session"]})).status == 200
    assert (await door.post("/auth/token", {"session": eve["session"]})).status == 200


BAD_BODIES: list[tuple[bytes, int]] = [
    (b"", 400),
    (b"not json", 400),
    (b"[]", 400),
    (b"null", 400),
    (b'"text"', 400),
    (b"{}", 400),
    (b'{"code": 5, "session": 5}', 400),
    (b'{"code": "", "session": ""}', 400),
    (b'{"code": ["a"], "session": {}}', 400),
    (b"\xff\xfe{}", 400),
    (b'{"code": "' + b"a" * 300 + b'", "session": "' + b"a" * 300 + b'"}', 400),
    (b'{"code": "' + b"a" * 5000 + b'"}', 413),
    (b"[" * 1000, 400),
]


@pytest.mark.parametrize(("body", "status"), BAD_BODIES)
async def test_hostile_bodies_are_refused_with_a_reason(door: Door, body: bytes, status: int) -> None:
    for path in ("/auth/sign-in", "/auth/token", "/auth/sign-out"):
        reply = await door.post(path, body)
        assert reply.status == status, (path, reply.body)
        assert reply.code == "BAD_INPUT"
        assert len(reply.json["error"]["message"]) > 10


async def test_a_form_from_another_page_is_not_json(door: Door) -> None:
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
        reply = await door.post("/auth/token", {"session": new_secret()}, Content_Type=kind)
        assert (reply.status, reply.code) == (415, "BAD_INPUT")


async def test_secrets_that_are_none_are_refused_alike(door: Door) -> None:
    tried = [new_secret(), "x", "a" * 43, "../" * 14, "' OR 1=1 --", "a" * 42 + "é", new_secret() + "\n"]
    for secret in tried:
        assert (await door.post("/auth/token", {"session": secret})).code == "UNAUTHENTICATED"
        assert (await door.post("/auth/sign-in", {"code": secret})).code == "LINK_UNKNOWN"
        assert (await door.post("/auth/sign-out", {"session": secret})).status == 204


async def test_a_code_is_no_session_and_a_session_is_no_code(door: Door) -> None:
    code = await door.link()
    assert (await door.post("/auth/token", {"session": code})).status == 401
    begun = (await door.post("/auth/sign-in", {"code": code})).json
    assert (await door.post("/auth/token", {"session": code})).status == 401
    assert (await door.post("/auth/sign-in", {"code": begun["session"]})).code == "LINK_UNKNOWN"
    hashed = hash_of(begun["session"])
    assert (await door.post("/auth/token", {"session": hashed})).status == 401


async def test_pages_from_elsewhere_may_not(door: Door) -> None:
    session = {"session": (await door.signed_in())["session"]}
    for origin in (
        "https://evil.example.com",
        "null",
        "https://page.example.com.evil.example",
        "http://127.0.0.1",
    ):
        reply = await door.post("/auth/token", session, Origin=origin)
        assert (reply.status, reply.code) == (403, "FORBIDDEN")
        assert "Access-Control-Allow-Origin" not in reply.headers
        asked = await door.send(
            "OPTIONS", "/auth/token", None, Origin=origin, Access_Control_Request_Method="POST"
        )
        assert asked.status == 403
    assert (await door.post("/auth/token", session, Origin=door.url)).status == 200


async def test_a_page_hosted_elsewhere_may_when_it_is_allowed(door: Door) -> None:
    asked = await door.send(
        "OPTIONS",
        "/auth/token",
        None,
        Origin=ELSEWHERE,
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="content-type",
    )
    assert asked.status == 204
    assert asked.headers["Access-Control-Allow-Origin"] == ELSEWHERE
    assert "Content-Type" in asked.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in asked.headers
    session = (await door.signed_in())["session"]
    allowed = await door.post("/auth/token", {"session": session}, Origin=ELSEWHERE)
    assert (allowed.status, allowed.headers["Access-Control-Allow-Origin"]) == (200, ELSEWHERE)
    assert allowed.headers["Vary"] == "Origin"
    # What is refused can be read too, or the page could not say why.
    refused = await door.post("/auth/token", {"session": new_secret()}, Origin=ELSEWHERE)
    assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (401, ELSEWHERE)


async def test_nothing_is_kept_by_caches(door: Door) -> None:
    begun = await door.post("/auth/sign-in", {"code": await door.link()})
    renewed = await door.post("/auth/token", {"session": begun.json["session"]})
    assert {begun.headers["Cache-Control"], renewed.headers["Cache-Control"]} == {"no-store"}


async def test_whoever_asks_too_often_waits(door: Door) -> None:
    replies: list[Reply] = []
    for _ in range(sign_in.BURST + 30):
        replies.append(await door.post("/auth/token", {"session": "x"}))
        if replies[-1].status == 429:
            break
    last = replies[-1]
    assert (last.status, last.code) == (429, "TOO_MANY")
    assert int(last.headers["Retry-After"]) >= 1
    assert len(replies) > sign_in.BURST


async def test_a_deployment_that_is_away_is_no_reason_to_be_signed_out(
    own_deployment: DeploymentProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "PATIENCE_S", 0.5)
    functions = own_deployment.as_worker()
    made = routes(functions, settings(own_deployment.folder), own_deployment.worker_token())
    try:
        async with serving(made) as served:
            await asyncio.to_thread(own_deployment.stop)
            started = time.monotonic()
            reply = await served.post("/auth/token", {"session": new_secret()})
            assert (reply.status, reply.code) == (503, "UNAVAILABLE")
            assert time.monotonic() - started < 5
    finally:
        await functions.close()


async def test_a_worker_whose_key_is_another_signs_nobody_in_and_uses_no_link_up(
    door: Door, deployment: DeploymentProcess, tmp_path: Path
) -> None:
    code = await door.link()
    functions = deployment.as_worker()
    foreign = routes(functions, settings(tmp_path), deployment.worker_token())
    assert load_key(tmp_path).public_jwk["kid"] != deployment.key.public_jwk["kid"]
    try:
        async with serving(foreign) as served:
            reply = await served.post("/auth/sign-in", {"code": code})
            assert (reply.status, reply.code) == (503, "UNAVAILABLE")
    finally:
        await functions.close()
    assert (await door.post("/auth/sign-in", {"code": code})).status == 200


async def test_no_secret_is_logged(
    door: Door, deployment: DeploymentProcess, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    structlog.reset_defaults()
    with capture_logs() as logs:
        code = await door.link()
        begun = (await door.post("/auth/sign-in", {"code": code})).json
        await door.post("/auth/sign-in", {"code": code})
        await door.post("/auth/token", {"session": begun["session"]})
        await door.post("/auth/sign-out", {"session": begun["session"]})
        await door.post("/auth/token", {"session": begun["session"]})
    everything = f"{logs}{caplog.text}{deployment.log}"
    for secret in (code, begun["session"], begun["token"], hash_of(code), hash_of(begun["session"])):
        assert secret not in everything
