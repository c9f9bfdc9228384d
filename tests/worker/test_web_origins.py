"""Which pages may use the routes for browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from web_support import ELSEWHERE, Served, serving

from worker.web.errors import refused
from worker.web.origins import origin_of

pytestmark = pytest.mark.asyncio

OWN = "http://127.0.0.1:3220"


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Served]:
    async def sound(_: web.Request) -> web.Response:
        return web.json_response({"sdp": "v=0"})

    async def refuse(_: web.Request) -> web.Response:
        raise refused(web.HTTPNotFound, "NOT_FOUND", "There is no such call of yours")

    async def anything(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    routes = [web.post("/rtc/listen", sound), web.get("/rtc/gone", refuse), web.get("/{path:.*}", anything)]
    async with serving(routes, (OWN, ELSEWHERE)) as served:
        yield served


async def test_no_origin_or_its_own_is_let_through(site: Served) -> None:
    for headers in ({}, {"Origin": site.url}, {"Origin": site.url.replace("http:", "https:")}):
        reply = await site.post("/rtc/listen", {}, **headers)
        assert reply.status == 200
        assert "Access-Control-Allow-Origin" not in reply.headers


async def test_a_proxys_name_for_the_worker_is_its_own(site: Served) -> None:
    own = {"Origin": "https://floyd.example.com", "Host": "floyd.example.com"}
    assert (await site.post("/rtc/listen", {}, **own)).status == 200


@pytest.mark.parametrize("origin", [OWN, ELSEWHERE])
async def test_pages_that_are_known_get_answers_and_refusals(site: Served, origin: str) -> None:
    for reply in (await site.post("/rtc/listen", {}, Origin=origin), await site.get("/rtc/gone", Origin=origin)):
        assert reply.headers["Access-Control-Allow-Origin"] == origin
        assert reply.headers["Vary"] == "Origin"
    asked = await site.send("OPTIONS", "/rtc/listen", None, Origin=origin, Access_Control_Request_Method="POST")
    assert asked.status == 204
    assert asked.headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert "Authorization" in asked.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    "origin",
    [
        "null", "", "https://evil.example", "file://", ELSEWHERE + ".evil.example", ELSEWHERE + ":444",
        ELSEWHERE.replace("https", "http"), "https://evil.example/" + ELSEWHERE, OWN + "@evil.example", "x" * 4000,
    ],
)  # fmt: skip
async def test_all_others_are_refused_before_anything_is_done(site: Served, origin: str) -> None:
    reply = await site.post("/rtc/listen", {}, Origin=origin)
    assert (reply.status, reply.code) == (403, "FORBIDDEN")
    assert "Access-Control-Allow-Origin" not in reply.headers


async def test_the_page_itself_is_for_everybody(site: Served) -> None:
    assert (await site.get("/", Origin="https://evil.example")).status == 200


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Example.com/page", "https://example.com"),
        ("https://example.com:443", "https://example.com"),
        ("http://example.com:80/x", "http://example.com"),
        ("http://127.0.0.1:3220", "http://127.0.0.1:3220"),
        ("http://[::1]:3220/", "http://[::1]:3220"),
    ],
)
async def test_origins_are_as_browsers_write_them(url: str, origin: str) -> None:
    assert origin_of(url) == origin
