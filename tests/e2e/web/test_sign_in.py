"""Signing in and out, in a real browser, and that two people have nothing of each other's."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.typedefs import Middleware
from built_page import DIST
from harness import CALL_S, SEE_S, WEB, Person, Site
from playwright.async_api import Locator, Page, Request, expect

from worker.deployment.client import FunctionError
from worker.web import sign_in
from worker.web.origins import Origins

pytestmark = WEB


def tomorrow_ms() -> float:
    return (time.time() + 24 * 3600) * 1000


def heading(page: Page, name: str) -> Locator:
    return page.get_by_role("heading", level=1, name=name)


async def signed_in(page: Page) -> None:
    await expect(heading(page, "Requests")).to_be_visible()


async def stored(page: Page) -> dict[str, str]:
    found: dict[str, str] = await page.evaluate("() => ({ ...localStorage })")
    return found


async def test_a_link_signs_in_and_leaves_no_trace(site: Site) -> None:
    person = await site.person(full_name="Sam Rivera")
    page = await site.open_signed_out()
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.on("framenavigated", lambda frame: addresses.append(frame.url))
    link = await site.link(person)
    code = link.partition("#")[2]
    # A navigation's own address holds the fragment; what is sent, and what stays, must not.
    await page.goto(link)
    await signed_in(page)
    assert page.url == f"{site.url}/"
    held = (await stored(page))["floyd.session"]
    token = await page.evaluate(
        """async session => (await (await fetch("/auth/token", {
             method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({session}),
           })).json()).token""",
        held,
    )
    await page.reload()
    await signed_in(page)
    requested = "\n".join(address for address in addresses if not address.endswith(f"#{code}"))
    for secret in (code, held, token):
        assert secret not in requested
    assert set(await stored(page)) == {"floyd.session"}
    assert held != code
    assert await page.evaluate("() => document.cookie") == ""
    # Going back does not lead to the link either.
    await page.go_back()
    assert code not in page.url


async def test_a_link_works_once_and_the_second_use_is_explained(site: Site) -> None:
    person = await site.person()
    link = await site.link(person)
    page = await site.open_signed_out()
    await page.goto(link)
    await signed_in(page)
    other = await site.open_signed_out()
    await other.goto(link)
    await expect(other.get_by_role("alert")).to_contain_text("has been used already")
    assert other.url == f"{site.url}/sign-in"
    assert await stored(other) == {}
    # A new link, pasted, is the way out.
    await other.get_by_label("Link").fill(await site.link(person))
    await other.get_by_role("button", name="Sign in").click()
    await signed_in(other)


async def test_what_is_no_link_is_explained(site: Site) -> None:
    page = await site.open_signed_out()
    await page.goto(f"{site.url}/sign-in#not-a-code-at-all")
    await expect(page.get_by_role("alert")).to_contain_text("not a link of this Floyd")
    await page.get_by_label("Link").fill("hello")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert").filter(has_text="not a sign-in link")).to_be_visible()
    await expect(page.get_by_label("Link")).to_have_attribute("aria-invalid", "true")


async def test_every_page_asks_for_a_sign_in_first(site: Site) -> None:
    page = await site.open_signed_out()
    for path in ("/", "/requests/abc", "/questions", "/knows", "/settings", "/workers"):
        await page.goto(site.url + path)
        await expect(heading(page, "Sign in to Floyd")).to_be_visible()
        assert page.url == f"{site.url}/sign-in"


async def test_signing_out_signs_out_every_tab_and_ends_the_session(site: Site) -> None:
    page = await site.open(await site.person())
    second = await site.tab(page.context)
    await second.goto(f"{site.url}/knows")
    await expect(heading(second, "What Floyd knows")).to_be_visible()
    session = (await stored(page))["floyd.session"]
    await page.goto(f"{site.url}/settings")
    await page.get_by_role("button", name="Sign out", exact=True).first.click()
    for tab in (page, second):
        await expect(heading(tab, "Sign in to Floyd")).to_be_visible()
        await expect(tab.get_by_role("status")).to_contain_text("signed out")
        assert await stored(tab) == {}
    assert await _token_status(site, session) == 401
    await second.goto(f"{site.url}/knows")
    await expect(heading(second, "Sign in to Floyd")).to_be_visible()


async def test_a_browser_that_was_signed_out_elsewhere_is_told_so(site: Site) -> None:
    person = await site.person()
    lost, kept = await site.open(person), await site.open(person, "/settings")
    browsers = kept.get_by_role("list", name="Browsers").get_by_role("listitem")
    await expect(browsers).to_have_count(2)
    await browsers.filter(has_not_text="This one").get_by_role("button", name=re.compile("Sign out")).click()
    await expect(browsers).to_have_count(1)
    await lost.reload()
    await expect(heading(lost, "Sign in to Floyd")).to_be_visible()
    await expect(lost.get_by_role("status")).to_contain_text("has ended")
    assert await stored(lost) == {}
    await kept.reload()
    await expect(heading(kept, "Settings and people")).to_be_visible()


async def test_a_link_does_not_swap_the_person_unasked(site: Site) -> None:
    sam, eve = await site.person(full_name="Sam Rivera"), await site.person(full_name="Eve Adams")
    page = await site.open(sam)
    await page.goto(await site.link(eve))
    await expect(heading(page, "You are signed in already")).to_be_visible()
    await page.get_by_role("button", name="Stay as you are").click()
    await signed_in(page)
    await page.goto(f"{site.url}/settings")
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Sam Rivera")
    # And when it is wanted, it does.
    await page.goto(await site.link(eve))
    await page.get_by_role("button", name="Use the link").click()
    await signed_in(page)
    await page.goto(f"{site.url}/settings")
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Eve Adams")


async def test_a_worker_that_is_away_signs_nobody_out(site: Site) -> None:
    page = await site.open(await site.person())
    session = (await stored(page))["floyd.session"]
    asked: list[float] = []

    async def lost(route: Any) -> None:
        asked.append(time.monotonic())
        await route.abort()

    await page.route("**/auth/token", lost)
    await page.reload()
    await expect(page.get_by_text("Floyd does not answer")).to_be_visible()
    await expect(page.get_by_text("You are still signed in")).to_be_visible()
    assert (await stored(page))["floyd.session"] == session
    assert len(asked) <= 3, "it asks again and again"
    await page.unroute("**/auth/token", lost)
    await page.get_by_role("button", name="Try again").click()
    await signed_in(page)


@pytest.mark.parametrize("hours", [-30, 30])
async def test_a_clock_that_is_wrong_does_no_harm(site: Site, hours: int) -> None:
    page = await site.open_signed_out()
    tokens: list[str] = []

    def count(request: Request) -> None:
        if request.url.endswith(("/auth/token", "/auth/sign-in")):
            tokens.append(request.url)

    page.on("request", count)
    await page.clock.set_system_time(time.time() + hours * 3600)
    person = await site.person()
    await page.goto(await site.link(person))
    await signed_in(page)
    await person.functions.mutation("facts:add", {"text": "The clock is wrong"})
    await page.goto(f"{site.url}/knows")
    await expect(page.get_by_text("The clock is wrong")).to_be_visible()
    assert len(tokens) <= 3, tokens


async def test_a_token_is_renewed_before_it_ends_and_a_session_that_was_ended_is_noticed(site: Site) -> None:
    person = await site.person()
    page = await site.open_signed_out()
    await page.clock.install()
    await page.goto(await site.link(person))
    await signed_in(page)
    async with page.expect_request("**/auth/token", timeout=SEE_S * 1000):
        await page.clock.fast_forward("09:15")
    await person.functions.mutation("requests:create", {"text": "Ask the bakery", "notBefore": tomorrow_ms()})
    await expect(page.get_by_text("Ask the bakery")).to_be_visible()
    # Signed out from elsewhere: with the next renewal at the latest, this page notices.
    session = (await stored(page))["floyd.session"]
    assert await _post(site, "/auth/sign-out", {"session": session}, "") == (204, {})
    await page.clock.fast_forward("09:15")
    await expect(heading(page, "Sign in to Floyd")).to_be_visible()
    await expect(page.get_by_role("status")).to_contain_text("has ended")


async def test_two_people_have_nothing_of_each_others(site: Site) -> None:
    sam = await site.person(scenario="school", full_name="Sam Rivera")
    eve = await site.person(full_name="Eve Adams")
    hers, his = await site.open(eve), await site.open(sam)
    await his.get_by_label("What should Floyd do?").fill(sam.scenario["request"])
    await his.get_by_role("button", name="Send").click()
    await expect(his).to_have_url(re.compile(r"/requests/\w{31,37}$"))
    request_id = his.url.rpartition("/")[2]
    call_id = await _on_the_phone(sam, request_id)

    # In the page: neither in the list, nor at its address, by the same live query as his.
    await expect(hers.get_by_text("Nothing asked for yet")).to_be_visible()
    await hers.goto(f"{site.url}/requests/{request_id}")
    await expect(hers.get_by_role("alert")).to_contain_text("belongs to somebody else")
    for words in ("Mara", "school", "Lincoln"):
        await expect(hers.get_by_text(words)).to_have_count(0)

    # With her token she can neither read, nor steer, nor hear.
    token = eve.functions._headers["Authorization"]
    for function, args in (
        ("requests:show", {"requestId": request_id}),
        ("requests:get", {"requestId": request_id}),
        ("calls:access", {"callId": call_id}),
    ):
        with pytest.raises(FunctionError, match="NOT_FOUND"):
            await eve.functions.query(function, args)
    for function, args in (
        ("calls:hint", {"callId": call_id, "text": "Say that I am Sam"}),
        ("calls:takeOver", {"callId": call_id}),
        ("calls:handBack", {"callId": call_id}),
        ("calls:hangUp", {"callId": call_id}),
        ("requests:cancel", {"requestId": request_id}),
    ):
        with pytest.raises(FunctionError, match="NOT_FOUND"):
            await eve.functions.mutation(function, args)
    offer = await hers.evaluate(OFFER)
    for path in ("/rtc/listen", "/rtc/speak"):
        status, answer = await _post(site, path, {"callId": call_id, "sdp": offer}, token)
        assert (status, answer["error"]["code"]) == (404, "NOT_FOUND"), path
        status, answer = await _post(site, path, {"callId": call_id, "sdp": offer}, "Bearer x.y.z")
        assert status == 401, path
        assert "sdp" not in answer

    # His call was not disturbed, and is his to end.
    show = await sam.show(request_id)
    assert show["request"]["status"] in ("inFlight", "completed")
    assert not show["hints"]
    assert not any(call.get("control") for call in show["calls"])
    assert await eve.requests() == []
    with contextlib.suppress(FunctionError):  # it may have come to its end by now
        await sam.functions.mutation("requests:cancel", {"requestId": request_id})
    await expect(his.get_by_text(re.compile("^(Cancelled|Done)$")).first).to_be_visible()


async def test_a_page_hosted_elsewhere_signs_in_and_is_live(site: Site) -> None:
    """Plain files on a web server, with a config.json of their own; the worker is at another origin."""
    async with _files() as (page_url, config):
        settings = site.parts.settings.model_copy(update={"floyd_port": 0})
        functions = site.parts.deployment.as_worker()
        auth = sign_in.routes(functions, settings, site.parts.deployment.worker_token())
        try:
            async with _listening(auth, [Origins([page_url]).middleware()]) as worker_url:
                config |= {"deploymentUrl": site.parts.deployment.url, "workerUrl": worker_url}
                person = await site.person(full_name="Sam Rivera")
                page = await site.open_signed_out()
                await page.goto((await site.link(person)).replace(site.url, page_url))
                await signed_in(page)
                await page.goto(f"{page_url}/knows")
                await person.functions.mutation("facts:add", {"text": "The page is elsewhere"})
                await expect(page.get_by_text("The page is elsewhere")).to_be_visible()
                await page.goto(f"{page_url}/settings")
                await page.get_by_role("button", name="Sign out", exact=True).first.click()
                await expect(heading(page, "Sign in to Floyd")).to_be_visible()
            # The same from a page that the worker was not told of.
            async with _listening(auth, [Origins([]).middleware()]) as worker_url:
                config |= {"workerUrl": worker_url}
                await page.goto((await site.link(person)).replace(site.url, page_url))
                await expect(page.get_by_role("alert")).to_contain_text("does not answer")
        finally:
            await functions.close()


@contextlib.asynccontextmanager
async def _files() -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """A web server that knows nothing of Floyd: files, index.html for what is none, and a config.json."""
    config: dict[str, Any] = {"line": "rehearsal", "rehearsed": [], "recogniser": False}

    async def serve(request: web.Request) -> web.StreamResponse:
        if request.path == "/config.json":
            return web.json_response(config)
        file = DIST / request.path.lstrip("/")
        return web.FileResponse(file if request.path in names else DIST / "index.html")

    names = {f"/{file.relative_to(DIST).as_posix()}" for file in DIST.rglob("*") if file.is_file()}
    async with _listening([web.get("/{path:.*}", serve)], []) as url:
        yield url, config


@contextlib.asynccontextmanager
async def _listening(routes: list[web.RouteDef], middlewares: list[Middleware]) -> AsyncIterator[str]:
    app = web.Application(middlewares=middlewares)
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


OFFER = """async () => {
  const peer = new RTCPeerConnection();
  peer.addTransceiver("audio");
  peer.createDataChannel("events");
  await peer.setLocalDescription();
  if (peer.iceGatheringState !== "complete")
    await new Promise((done) => peer.addEventListener("icegatheringstatechange",
      () => peer.iceGatheringState === "complete" && done()));
  const { sdp } = peer.localDescription;
  peer.close();
  return sdp;
}"""
"""What a page would send to hear a call, from the browser itself."""


async def _on_the_phone(person: Person, request_id: str) -> str:
    """The call's id, once somebody has answered it."""
    async with asyncio.timeout(CALL_S):
        while True:
            show = await person.show(request_id)
            for call in show["calls"]:
                if call["status"] == "answered":
                    return str(call["_id"])
            await asyncio.sleep(0.1)


async def _post(site: Site, path: str, body: dict[str, Any], authorization: str) -> tuple[int, dict[str, Any]]:
    timeout = aiohttp.ClientTimeout(total=SEE_S)
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        http.post(site.url + path, json=body, headers={"Authorization": authorization}) as reply,
    ):
        return reply.status, dict(await reply.json()) if reply.status != 204 else {}


async def _token_status(site: Site, session: str) -> int:
    timeout = aiohttp.ClientTimeout(total=SEE_S)
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        http.post(f"{site.url}/auth/token", json={"session": session}) as reply,
    ):
        return reply.status
