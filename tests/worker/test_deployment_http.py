"""The HTTP function API against a real server that speaks it, well and badly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from worker.deployment import http
from worker.deployment.client import DeploymentUnavailable, FunctionError, LeaseLost
from worker.deployment.http import HttpDeployment

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def deployment(answer: Answer, **options: Any) -> AsyncIterator[HttpDeployment]:
    """A deployment whose every function is `answer`."""
    app = web.Application()
    app.router.add_post("/api/{kind}", answer)
    app.router.add_get("/version", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    client = HttpDeployment(f"http://127.0.0.1:{port}/", "secret-token", **options)
    try:
        yield client
    finally:
        await client.close()
        await runner.cleanup()


def always(body: Any, status: int = 200) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    return answer


def in_turn(*answers: Answer) -> Answer:
    waiting = list(answers)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await (waiting.pop(0) if len(waiting) > 1 else waiting[0])(request)

    return answer


async def broken_off(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def hangs(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response()


fine = always({"status": "success", "value": {"n": 1.0}})


async def test_what_is_sent() -> None:
    seen: list[tuple[str, str | None, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.path, request.headers.get("Authorization"), await request.json()))
        return web.json_response({"status": "success", "value": None})

    async with deployment(answer) as functions:
        assert await functions.query("requests:pending", {}) is None
        assert await functions.mutation("requests:setStage", {"stage": "planning"}) is None
    assert seen == [
        ("/api/query", "Bearer secret-token", {"path": "requests:pending", "args": {}, "format": "json"}),
        (
            "/api/mutation",
            "Bearer secret-token",
            {"path": "requests:setStage", "args": {"stage": "planning"}, "format": "json"},
        ),
    ]


@pytest.mark.parametrize("status", [200, 560])
async def test_a_refusal_is_told_as_it_was_meant(status: int) -> None:
    data = {"code": "BAD_INPUT", "message": "`text` is empty", "field": "text"}
    async with deployment(
        always({"status": "error", "errorMessage": "x", "errorData": data}, status)
    ) as functions:
        with pytest.raises(FunctionError) as caught:
            await functions.mutation("requests:create", {})
    assert (caught.value.code, caught.value.message, caught.value.field) == (
        "BAD_INPUT",
        "`text` is empty",
        "text",
    )


async def test_a_lost_lease_has_a_type_of_its_own() -> None:
    data = {"code": "LEASE_LOST", "message": "stop"}
    async with deployment(always({"status": "error", "errorMessage": "x", "errorData": data})) as functions:
        with pytest.raises(LeaseLost):
            await functions.mutation("requests:setStage", {})


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"status": "error", "errorMessage": "Uncaught Error: oops"}, 200, "SERVER"),
        ({"status": "error", "errorMessage": "x", "errorData": "just text"}, 200, "SERVER"),
        ({"status": "error", "errorMessage": "x", "errorData": {"code": 7}}, 200, "SERVER"),
        ({"code": "Unauthenticated", "message": "no"}, 401, "UNAUTHENTICATED"),
        ({"code": "Forbidden", "message": "no"}, 403, "FORBIDDEN"),
        ({"code": "BadRequest", "message": "no"}, 400, "BAD_INPUT"),
        ({"code": "Gone", "message": "no"}, 410, "SERVER"),
    ],
)
async def test_what_is_never_tried_again(body: Any, status: int, code: str) -> None:
    tries = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal tries
        tries += 1
        return await always(body, status)(request)

    async with deployment(answer) as functions:
        with pytest.raises(FunctionError) as caught:
            await functions.mutation("m:f", {})
    assert caught.value.code == code
    assert tries == 1


@pytest.mark.parametrize(
    "first",
    [
        broken_off,
        always({"code": "Overloaded", "message": "later"}, 503),
        always({"code": "RateLimited", "message": "later"}, 429),
        always(["no", "object"]),
        always({"status": "success", "value": 1}, 502),
        always({}),
    ],
)
async def test_what_is_tried_again(first: Answer) -> None:
    async with deployment(in_turn(first, first, fine)) as functions:
        assert await functions.mutation("m:f", {}) == {"n": 1.0}


async def test_a_proxys_error_page_is_no_answer() -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>Bad gateway</html>", content_type="text/html")

    async with deployment(in_turn(page, fine)) as functions:
        assert await functions.query("q:f", {}) == {"n": 1.0}


async def test_patience_bounds_the_whole_call() -> None:
    async with deployment(hangs) as functions:
        began = time.monotonic()
        with pytest.raises(DeploymentUnavailable, match=r"m:f: no answer from http://127\.0\.0\.1"):
            await functions.mutation("m:f", {}, patience_s=0.3)
        assert time.monotonic() - began < 2


async def test_an_attempt_that_hangs_is_given_up_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "ATTEMPT_DEADLINE_S", 0.2)
    async with deployment(in_turn(hangs, fine)) as functions:
        assert await functions.mutation("m:f", {}, patience_s=5) == {"n": 1.0}


async def test_nobody_is_there() -> None:
    functions = HttpDeployment("http://127.0.0.1:9", "t")
    with pytest.raises(DeploymentUnavailable):
        await functions.query("q:f", {}, patience_s=0.2)
    with pytest.raises(DeploymentUnavailable):
        await functions.version()
    await functions.close()


async def test_an_endless_reply_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LONGEST_REPLY_BYTES", 1000)
    async with deployment(always({"status": "success", "value": "x" * 2000})) as functions:
        with pytest.raises(FunctionError, match="more than 1000 bytes"):
            await functions.query("q:f", {})


async def test_being_cancelled_is_not_an_error_to_retry() -> None:
    async with deployment(hangs) as functions:
        task = asyncio.create_task(functions.mutation("m:f", {}, patience_s=30))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 2)


async def test_how_long_functions_took_is_observed() -> None:
    seen: list[tuple[str, str]] = []
    async with deployment(fine, observe=lambda kind, path, _: seen.append((kind, path))) as functions:
        await functions.mutation("m:f", {})
        await functions.query("q:f", {})
    assert seen == [("mutation", "m:f"), ("query", "q:f")]


async def test_version() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="embedded")

    async with deployment(answer) as functions:
        assert await functions.version() == "embedded"
