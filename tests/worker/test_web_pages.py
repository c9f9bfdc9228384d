"""The page's files: what is found, how long it is kept, in which encoding, and under which policy."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from web_support import Served, serving

from worker.settings import Settings
from worker.web import pages
from worker.web.pages import page_config, routes, security_headers

SCRIPT = b"console.log('Floyd')\n" * 100


def settings(**values: Any) -> Settings:
    usual = {"convex_url": "http://127.0.0.1:3210", "floyd_port": 3220}
    return Settings(**{"_env_file": None, **usual, **values})


@pytest.fixture
def build(tmp_path: Path) -> Path:
    folder = tmp_path / "web" / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Floyd</title>")
    (folder / "icon.svg").write_text("<svg/>")
    (folder / ".sources").write_text("stamp")
    (folder / "assets" / "main-abc.js").write_bytes(SCRIPT)
    (folder / "assets" / "main-abc.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "assets" / "main-abc.js.br").write_bytes(b"brotli, as far as this test goes")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest_asyncio.fixture
async def site(build: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    """It looks at the folder each time, so that no test has to wait."""
    monkeypatch.setattr(pages, "LOOK_EVERY_S", 0.0)
    async with serving(routes(settings(), build)) as served:
        yield served


async def test_every_path_that_is_no_file_is_the_page(site: Served) -> None:
    for path in ("/", "/requests/k57", "/sign-in", "/knows?tab=facts", "/%F0%9F%98%80"):
        reply = await site.get(path)
        assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8"), path
        assert b"<title>Floyd" in reply.body
        assert reply.headers["Cache-Control"] == "no-cache"


async def test_what_is_missing_under_assets_or_looks_like_a_file_is_not_the_page(site: Served) -> None:
    for path in ("/assets/gone.js", "/assets/", "/favicon.ico", "/robots.txt", "/auth/x", "/rtc/x", "/twilio/x"):
        reply = await site.get(path)
        assert (reply.status, reply.code) == (404, "NOT_FOUND"), path


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2f..%2fsecret.txt",
        "//secret.txt", "/assets/%00", "/.sources", "/link.txt", "/assets/main-abc.js.gz", "/etc/passwd",
        "/..%5csecret.txt", "/%252e%252e/secret.txt",
    ],
)  # fmt: skip
async def test_no_path_leads_out_of_the_build(site: Served, path: str) -> None:
    reply = await site.get(path)
    assert b"secret" not in reply.body
    assert b"stamp" not in reply.body
    assert b"root:" not in reply.body
    assert reply.status in (200, 400, 404)
    assert reply.status != 200 or b"<title>Floyd" in reply.body


async def test_assets_are_kept_for_ever_and_in_the_best_encoding(site: Served) -> None:
    plain = await site.get("/assets/main-abc.js")
    assert plain.body == SCRIPT
    assert plain.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert plain.headers["Vary"] == "Accept-Encoding"
    zipped = await site.get("/assets/main-abc.js", Accept_Encoding="gzip, deflate")
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == SCRIPT
    best = await site.get("/assets/main-abc.js", Accept_Encoding="gzip, deflate, br")
    assert best.headers["Content-Encoding"] == "br"
    refused = await site.get("/assets/main-abc.js", Accept_Encoding="br;q=0, gzip;q=0.0")
    assert "Content-Encoding" not in refused.headers
    assert len({reply.headers["ETag"] for reply in (plain, zipped, best)}) == 3


async def test_what_the_browser_has_is_not_sent_again(site: Served) -> None:
    etag = (await site.get("/")).headers["ETag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        reply = await site.get("/", If_None_Match=known)
        assert (reply.status, reply.body) == (304, b"")
    assert (await site.get("/", If_None_Match='"other"')).status == 200


async def test_head_has_no_body_and_nothing_else_is_taken(site: Served) -> None:
    head = await site.send("HEAD", "/", None)
    assert (head.status, head.body) == (200, b"")
    for method in ("POST", "PUT", "DELETE"):
        assert (await site.send(method, "/requests", b"{}")).status == 405


async def test_a_new_build_is_served_without_a_new_worker(site: Served, build: Path) -> None:
    assert b"Floyd" in (await site.get("/")).body
    await asyncio.to_thread((build / "index.html").write_text, "<!doctype html><title>The next one</title>")
    assert b"The next one" in (await site.get("/")).body


async def test_a_build_that_is_being_replaced_is_served_as_it_was(site: Served, build: Path) -> None:
    assert (await site.get("/")).status == 200
    await asyncio.to_thread((build / "index.html").unlink)
    assert b"Floyd" in (await site.get("/")).body


async def test_without_a_build_it_says_so(tmp_path: Path) -> None:
    async with serving(routes(settings(), tmp_path / "nothing")) as site:
        reply = await site.get("/")
        assert reply.status == 503
        assert b"floyd up" in reply.body
        assert reply.headers["Retry-After"]
        assert reply.headers["Cache-Control"] == "no-store"
        assert (await site.get("/assets/main.js")).status == 404
        assert (await site.get("/config.json")).status == 200


async def test_the_policy_allows_the_page_itself_and_the_deployment_only(site: Served) -> None:
    for path in ("/", "/assets/main-abc.js", "/config.json", "/gone.js"):
        headers = (await site.get(path)).headers
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        connect = policy["connect-src"].split()
        assert connect == ["'self'", "http://127.0.0.1:3220", "http://127.0.0.1:3210", "ws://127.0.0.1:3210"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "microphone=(self)" in headers["Permissions-Policy"]


def test_what_is_configured_may_be_connected_to_and_nothing_else() -> None:
    hosted = settings(
        convex_url="https://happy-animal-123.convex.cloud",
        floyd_public_url="https://floyd.example.com/base",
        floyd_web_connect="https://login.example.com, https://other-worker.example.com:8443/x",
    )
    headers = security_headers(hosted)
    connect = headers["Content-Security-Policy"].partition("connect-src ")[2].partition(";")[0].split()
    assert connect == [
        "'self'",
        "https://floyd.example.com",
        "https://happy-animal-123.convex.cloud",
        "wss://happy-animal-123.convex.cloud",
        "https://login.example.com",
        "wss://login.example.com",
        "https://other-worker.example.com:8443",
        "wss://other-worker.example.com:8443",
    ]
    assert "max-age=" in headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in security_headers(settings())


def test_the_page_is_told_its_surroundings() -> None:
    assert page_config(settings()) == {
        "deploymentUrl": "http://127.0.0.1:3210",
        "workerUrl": "",
        "line": "telephone",
        "rehearsed": [],
        "recogniser": False,
    }
    rehearsed = settings(floyd_rehearsed="google,openai,twilio", google_speech_endpoint="127.0.0.1:3231")
    assert page_config(rehearsed) | {"deploymentUrl": ""} == {
        "deploymentUrl": "",
        "workerUrl": "",
        "line": "rehearsal",
        "rehearsed": ["google", "openai", "twilio"],
        "recogniser": True,
    }
    browser = settings(floyd_line="browser", floyd_web_convex_url="https://db.example.com")
    assert page_config(browser)["line"] == "browser"
    assert page_config(browser)["deploymentUrl"] == "https://db.example.com"


async def test_no_secret_of_the_worker_is_in_what_the_page_gets(build: Path) -> None:
    given = settings(
        openai_api_key="sk-secret",
        twilio_account_sid="AC1",
        twilio_auth_token="hush",
        twilio_phone_number="+14155550199",
        floyd_public_url="https://floyd.example.com",
        FLOYD_WORKER_TOKEN="eyJ.secret",
    )
    async with serving(routes(given, build)) as site:
        text = (await site.get("/config.json")).body.decode()
    for secret in ("sk-secret", "AC1", "hush", "eyJ"):
        assert secret not in text
