"""The browser line: Floyd's calls ring at the page, and whoever picks up there is the one it calls."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from harness import CALL_S, WEB, Person, Site
from playwright.async_api import Locator, Page, expect
from spoken import record
from test_quality import barriers, too_wide

pytestmark = WEB

FLORIST = "+14155550142"
BAKERY = "+14155550143"
REQUEST = "Call Rose's Flowers and ask whether they are open on Sunday"
GREETING = "Rose's Flowers, good morning."
ANSWER = "Yes, we are open on Sunday from ten to four."


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def whole_line_site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    options = {"floyd_line": "browser", "floyd_rehearsed": "google,openai"}
    async with Site.standing(tmp_path_factory.mktemp("line-site"), **options) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="session")
async def line_site(whole_line_site: Site) -> AsyncIterator[Site]:
    yield whole_line_site
    complaints = await whole_line_site.leave()
    assert not complaints, complaints


async def ask(person: Person, to: str = FLORIST) -> str:
    wanted = {"text": REQUEST, "to": to}
    return str(await person.functions.mutation("requests:create", wanted))


def ringing(page: Page) -> Locator:
    return page.get_by_role("region", name="Incoming call")


def captions(page: Page) -> Locator:
    return page.get_by_role("region", name="Captions")


async def call_of(person: Person, request_id: str) -> dict[str, Any]:
    return dict((await person.show(request_id))["calls"][0])


async def failed(site: Site, person: Person, request_id: str) -> str:
    """What kind of end it came to."""
    show = await site.until(person, request_id, "failed")
    return str(show["request"]["outcome"]["kind"])


async def said(person: Person, request_id: str) -> str:
    lines = (await person.show(request_id))["transcript"]
    return " ".join(line["text"] for line in lines if line["speaker"] == "callee")


async def test_the_page_rings_and_a_typed_conversation_comes_to_its_outcome(line_site: Site) -> None:
    person = await line_site.person()
    page = await line_site.open(person, phone=True)
    request_id = await ask(person)
    await expect(ringing(page)).to_contain_text("Floyd is calling")
    await expect(ringing(page)).to_contain_text(REQUEST)
    await ringing(page).get_by_role("button", name="Pick up").click()
    await expect(page).to_have_url(re.compile(r"/line$"))
    # What is typed before the connection stands is said when it does.
    typed = page.get_by_label("Say it by typing")
    await typed.fill(GREETING)
    await typed.press("Enter")
    # There is no microphone in this browser: it is said, and typing is the way out.
    await expect(page.get_by_role("alert")).to_contain_text("You can type instead.")
    await expect(page.get_by_role("timer")).to_contain_text("0:0")
    await expect(captions(page)).to_contain_text("AI assistant", timeout=CALL_S * 1000)
    assert not await too_wide(page)
    await expect(captions(page)).to_contain_text("open on Sunday", timeout=CALL_S * 1000)
    # The call goes on while another page is looked at.
    await page.get_by_role("link", name="Requests", exact=True).click()
    await page.get_by_role("region", name="On the phone").get_by_role("button", name="Back to the call").click()
    await page.get_by_label("Say it by typing").fill(ANSWER)
    await page.get_by_role("button", name="Say it").click()
    await expect(page.get_by_role("heading", name="The call is over")).to_be_focused(timeout=CALL_S * 1000)
    show = await line_site.until(person, request_id, "completed")
    assert show["request"]["outcome"]["kind"] == "done"
    assert show["calls"][0]["carrier"] == "browser"
    assert show["calls"][0]["disclosureAt"]
    assert await said(person, request_id) == f"{GREETING} {ANSWER}"
    await page.get_by_role("link", name="See what came of it").click()
    await expect(page).to_have_url(re.compile(f"/requests/{request_id}$"))


async def test_a_conversation_by_microphone(line_site: Site, tmp_path: Path) -> None:
    spoken = tmp_path / "florist.wav"
    await record(line_site, spoken, [(0.5, GREETING), (10.5, ANSWER), (60.0, "")])
    person = await line_site.person()
    page = await line_site.open(person, "/line", microphone=spoken)
    request_id = await ask(person)
    await ringing(page).get_by_role("button", name="Pick up", exact=True).click()
    await expect(captions(page)).to_contain_text("open on Sunday", timeout=CALL_S * 1000)
    await expect(page.get_by_role("heading", name="The call is over")).to_be_visible(timeout=CALL_S * 1000)
    show = await line_site.until(person, request_id, "completed")
    assert show["request"]["outcome"]["kind"] == "done"
    assert ANSWER in await said(person, request_id)


async def test_every_tab_rings_one_picks_up_and_vanishes(line_site: Site) -> None:
    person = await line_site.person()
    first = await line_site.open(person)
    second = await line_site.tab(first.context)
    await second.goto(line_site.url + "/line")
    stranger = await line_site.open(await line_site.person())
    request_id = await ask(person)
    await expect(ringing(first)).to_be_visible()
    await expect(ringing(second)).to_be_visible()
    await expect(ringing(stranger)).to_have_count(0)
    await ringing(second).get_by_role("button", name="Pick up and type").click()
    await expect(second.get_by_label("Say it by typing")).to_be_focused()
    await expect(ringing(first)).to_have_count(0)
    await second.get_by_role("button", name="Keypad").click()
    await second.get_by_role("button", name="Star").click()
    assert not await barriers(second)
    await expect(captions(second)).to_contain_text("AI assistant", timeout=CALL_S * 1000)
    await second.close()
    assert await failed(line_site, person, request_id) == "interrupted"
    assert (await call_of(person, request_id))["endReason"] == "dropped"


async def test_a_second_call_is_told_of_and_rings_on_until_the_phone_is_free(line_site: Site) -> None:
    person = await line_site.person()
    page = await line_site.open(person, phone=True)
    first = await ask(person)
    await ringing(page).get_by_role("button", name="Pick up").click()
    await expect(captions(page)).to_contain_text("AI assistant", timeout=CALL_S * 1000)
    second = await ask(person, BAKERY)
    told = page.get_by_role("region", name="Second call")
    await expect(told).to_contain_text("Floyd is also calling +1 415 555 0143", timeout=CALL_S * 1000)
    await expect(page.get_by_role("status").filter(has_text="also calling")).to_have_count(1)
    await expect(ringing(page)).to_have_count(0)
    assert not await barriers(page)
    assert not await too_wide(page)
    # On other pages as well.
    await page.get_by_role("link", name="Requests", exact=True).click()
    elsewhere = page.get_by_role("region", name="On the phone")
    await expect(elsewhere.get_by_role("region", name="Second call")).to_be_visible()
    assert not await barriers(page)
    assert not await too_wide(page)
    await elsewhere.get_by_role("button", name="Hang up").click()
    # Now it rings as any call does.
    await expect(ringing(page)).to_contain_text("+1 415 555 0143")
    await ringing(page).get_by_role("button", name="Decline").click()
    assert await failed(line_site, person, second) == "busy"
    assert await failed(line_site, person, first) == "interrupted"


async def test_declining_is_a_busy_line_and_strangers_are_refused(line_site: Site) -> None:
    person, stranger = await line_site.person(), await line_site.person()
    page = await line_site.open(person)
    request_id = await ask(person)
    await expect(ringing(page)).to_be_visible()
    assert not await barriers(page)
    call_id = (await call_of(person, request_id))["_id"]
    assert await declined(line_site, stranger, call_id) == (404, "NOT_FOUND")
    await ringing(page).get_by_role("button", name="Decline").click()
    await expect(ringing(page)).to_have_count(0)
    assert await failed(line_site, person, request_id) == "busy"
    assert await declined(line_site, person, call_id) == (409, "CONFLICT")


async def declined(site: Site, person: Person, call_id: str) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {site.parts.deployment.key.person_token(person.name)}"}
    timeout = aiohttp.ClientTimeout(total=10)
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        http.post(f"{site.url}/rtc/line/decline", json={"callId": call_id}, headers=headers) as reply,
    ):
        return reply.status, str((await reply.json())["error"]["code"])
