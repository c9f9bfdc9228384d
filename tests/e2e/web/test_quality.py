"""What every page owes to everybody: no barrier, no sideways scrolling on a phone, no need for a mouse, patience
with a bad connection, and little to load."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import built_page
import pytest
import pytest_asyncio
from deployment_process import ROOT
from driven import DrivenCall
from harness import DESK, PHONE, WEB, Person, Site
from playwright.async_api import BrowserContext, Locator, Page, ViewportSize, expect

from worker.cli.control import RehearsalControl

pytestmark = WEB

AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text()

BUNDLE_BYTES = 250_000
"""Everything of the page but fonts and icons, gzipped."""
USABLE_MS = 6_000
"""The aim is 1.5 s, which is printed; two other tests may be using both cores."""

PAGES = {
    "requests": "/",
    "request": "/requests/{request}",
    "waiting request": "/requests/{waiting}",
    "questions": "/questions",
    "knows": "/knows",
    "settings": "/settings",
    "workers": "/workers",
    "line": "/line",
    "nothing": "/no/such/page",
}


class Lived:
    """Somebody whose pages have something on them: a call that went well, and one that needs them. They sign in
    once, and look at all pages in the same tab."""

    def __init__(self, site: Site, person: Person, page: Page, request_id: str, waiting_id: str) -> None:
        self.site, self.person, self.page = site, person, page
        self._ids = {"request": request_id, "waiting": waiting_id}

    def address(self, name: str) -> str:
        return self.site.url + PAGES[name].format(**self._ids)

    async def at(self, name: str) -> Page:
        """In light colours, on a desk."""
        await self.look(DESK)
        await self.page.goto(self.address(name))
        await expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        # Nothing of it is still on its way.
        await expect(self.page.get_by_role("main").get_by_label(re.compile("^Loading"))).to_have_count(0)
        return self.page

    async def look(self, size: ViewportSize, *, dark: bool = False) -> None:
        await self.page.set_viewport_size(size)
        await self.page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lived(whole_site: Site) -> AsyncIterator[Lived]:
    person = await whole_site.person(scenario="school", operator=True, keep=True)
    nowhere = await RehearsalControl(whole_site.parts.control_url).start("no-number")
    waiting = await whole_site.ask(person, nowhere["request"])
    await whole_site.until(person, waiting, "needsInput")
    async with DrivenCall.standing(whole_site, person, person.scenario["request"]) as call:
        done = call.request_id
        await a_whole_call(call)
    page = await whole_site.open(person, operator=True, keep=True)
    yield Lived(whole_site, person, page, done, waiting)
    await page.context.close()


async def a_whole_call(call: DrivenCall) -> None:
    """Everything that a call can leave behind."""
    of_request, of_call = {"requestId": call.request_id}, {"callId": call.call_id}
    told = "Mara is in class 4B"
    await call.write("requests:saveContext", **of_request, facts=[{"text": told, "sharing": "free"}])
    await call.write("requests:writePlan", **of_request, text="Say that Mara is sick today.", done=True)
    await call.say(
        {"speaker": "callee", "text": "Lincoln Elementary, this is Dana speaking."},
        {"speaker": "floyd", "text": "Mara is", "interrupted": True, "intended": "Mara is home sick today."},
        {"speaker": "callee", "text": "Which class is she in?"},
        {"speaker": "floyd", "text": "She is in class 4B."},
        {"speaker": "owner", "text": "This is Alex. Thank you."},
        {"speaker": "callee", "text": "I have noted it."},
    )
    await call.write("disclosures:record", **of_call, items=[{"text": told, "seq": 3}])
    parts = {"endpointingMs": 200, "modelMs": 500, "speechMs": 250, "floydMs": 30, "totalMs": 980}
    turns = [
        {"turn": turn, "speechEndedAt": 1000 * time.time(), "interrupted": turn == 0, **parts} for turn in range(3)
    ]
    await call.write("turns:record", **of_call, turns=turns)
    usage = {
        "promptTokens": 5000,
        "completionTokens": 140,
        "speechChars": 180,
        "recognisedSeconds": 30,
        "seconds": 31,
    }
    await call.write("calls:saveUsage", **of_call, usage=usage)
    noted = {"text": "The school noted Mara's absence", **of_call, "lines": [5], "confirmed": True}
    unsure = {"text": "She can come back on Monday", "lines": [], "confirmed": False}
    await call.finish("The school has noted that Mara is absent today.", [noted, unsure])


@pytest.mark.parametrize("name", PAGES)
async def test_no_page_has_a_barrier_or_scrolls_sideways(site: Site, lived: Lived, name: str) -> None:
    page = await lived.at(name)
    assert await barriers(page) == [], "light"
    await lived.look(DESK, dark=True)
    assert await barriers(page) == [], "dark"
    await lived.look(PHONE, dark=True)
    assert await too_wide(page) == []
    assert await barriers(page) == [], "phone"


async def test_a_call_that_goes_on_has_no_barrier(site: Site, lived: Lived) -> None:
    async with DrivenCall.standing(site, lived.person, "Order flowers for Krista") as call:
        page = await lived.at("requests")
        await page.goto(f"{site.url}/requests/{call.request_id}")
        await call.say({"speaker": "callee", "text": "Fernwood Florist."})
        await call.words("floyd", "Hi, this is Floyd")
        await expect(page.get_by_text("Hi, this is Floyd")).to_be_visible()
        await expect(page.get_by_role("button", name="Hang up")).to_be_visible()
        await call.ask_owner("The florist asks what you would like to spend.", within_s=60)
        await expect(page.get_by_label("Your answer")).to_be_visible()
        assert await barriers(page) == [], "light"
        await lived.look(PHONE, dark=True)
        assert await barriers(page) == [], "phone, dark"
        assert await too_wide(page) == []
        # On other pages it is said as well.
        await page.goto(lived.address("knows"))
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await expect(page.get_by_role("status", name="Question")).to_contain_text("what you would like to spend")
        assert await barriers(page) == [], "elsewhere"
        assert await too_wide(page) == []
        await call.finish("The flowers are ordered.", [])


async def test_the_sign_in_page_has_no_barrier_and_fits_a_phone(site: Site) -> None:
    page = await site.open_signed_out(phone=True)
    await page.goto(site.url)
    await expect(page).to_have_url(f"{site.url}/sign-in")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert await barriers(page) == []
    assert await too_wide(page) == []


async def test_menus_have_no_barrier_and_obey_the_keys(site: Site, lived: Lived) -> None:
    page = await lived.at("requests")
    await lived.look(PHONE)
    more = page.get_by_role("button", name="More")
    await more.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("menuitem", name="Settings")).to_be_focused()
    assert await barriers(page) == []
    assert await too_wide(page) == []
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("menuitem", name="Workers")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("menu")).to_have_count(0)
    await expect(more).to_be_focused()
    await more.click()
    await page.get_by_role("menuitem", name="Settings").click()
    await expect(page.get_by_role("heading", level=1, name="Settings")).to_be_visible()


async def test_dialogs_have_no_barrier_and_give_the_focus_back(site: Site, lived: Lived) -> None:
    page = await lived.at("waiting request")
    edit = page.get_by_role("button", name="Edit")
    await edit.click()
    dialog = page.get_by_role("dialog", name="Edit the request")
    await expect(dialog.get_by_label("What should Floyd do?")).to_be_focused()
    assert await barriers(page) == []
    await lived.look(PHONE, dark=True)
    assert await barriers(page) == []
    assert await too_wide(page) == []
    # The focus stays inside, and shortcuts of the page mean nothing.
    await tab_to(page, dialog.get_by_role("button", name="Close"), stops=10)
    await page.keyboard.press("n")
    await expect(dialog).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(edit).to_be_focused()


async def test_the_keyboard_suffices(site: Site, lived: Lived) -> None:
    page = await lived.at("settings")
    keys = page.keyboard
    # The first stop leads past the menu.
    await keys.press("Tab")
    await expect(page.get_by_role("link", name="To the content")).to_be_focused()
    assert await has_visible_focus(page)
    await keys.press("Enter")
    # One key from anywhere to a new request, and it is sent without leaving the keys.
    await page.get_by_role("main").focus()
    await keys.press("n")
    field = page.get_by_label("What should Floyd do?")
    await expect(field).to_be_focused()
    await tab_to(page, page.get_by_role("button", name="Number and time"))
    assert await has_visible_focus(page)
    await keys.press("Enter")
    await page.get_by_label("Number to call").press("Escape")
    await expect(page.get_by_label("Number to call")).to_be_visible()
    # Down the list with the arrows, into a request, and back.
    links = page.get_by_role("region", name="Your requests").get_by_role("link")
    await links.first.focus()
    await keys.press("ArrowDown")
    await expect(links.nth(1)).to_be_focused()
    assert await has_visible_focus(page)
    address = await links.nth(1).get_attribute("href")
    await keys.press("Enter")
    await expect(page).to_have_url(f"{site.url}{address}")
    await page.go_back()
    await expect(field).to_be_visible()


async def test_offline_and_back(site: Site) -> None:
    person = await site.person()
    page = await site.open(person)
    context: BrowserContext = page.context
    await expect(page.get_by_text("Nothing asked for yet")).to_be_visible()
    await context.set_offline(True)
    connection = page.get_by_role("status", name="Connection")
    await expect(connection).to_contain_text("No connection")
    # What was seen stays, and what is sent waits.
    await page.get_by_label("What should Floyd do?").fill("Ask the zoo when it opens")
    await page.get_by_role("button", name="Number and time").click()
    await page.get_by_label("Number to call").fill("+1 415 555 0150")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_text("It goes out as soon as the connection is back")).to_be_visible()
    assert await person.requests() == []
    await context.set_offline(False)
    await expect(connection).to_be_empty()
    await expect(page.get_by_text("Ask the zoo when it opens").first).to_be_visible()
    asked = await person.requests()
    assert [request["text"] for request in asked] == ["Ask the zoo when it opens"]
    await person.functions.mutation("requests:cancel", {"requestId": asked[0]["_id"]})


async def test_a_deployment_that_was_away_is_found_again(tmp_path: Path) -> None:
    async with Site.standing(tmp_path) as own:
        person = await own.person()
        page = await own.open(person)
        own.parts.deployment.kill()
        connection = page.get_by_role("status", name="Connection")
        await expect(connection).to_contain_text("No connection")
        own.parts.deployment.start()
        await expect(connection).to_be_empty()
        text = "Ask the theatre for two seats"
        later = (await person.functions.query("users:me", {}))["_creationTime"] + 86_400_000
        await person.functions.mutation("requests:create", {"text": text, "notBefore": later})
        await expect(page.get_by_text(text)).to_be_visible()


async def test_the_bundle_is_small() -> None:
    built_page.build()
    sizes = {
        path.name: len(gzip.compress(path.read_bytes(), 9))
        for path in built_page.files()
        if path.suffix in {".js", ".css", ".html"}
    }
    print(f"\n{sum(sizes.values()):,} bytes gzipped:")
    for name, size in sorted(sizes.items(), key=lambda one: -one[1]):
        print(f"{size:>9,}  {name}")
    assert sum(sizes.values()) < BUNDLE_BYTES, sizes


async def test_the_first_page_is_soon_usable(site: Site, lived: Lived) -> None:
    page = await lived.at("requests")
    took = []
    for _ in range(3):
        await page.reload(wait_until="commit")
        await page.get_by_role("region", name="Your requests").get_by_role("link").first.wait_for()
        took.append(await page.evaluate("performance.now()"))
    print(f"\nfirst page usable after {', '.join(f'{ms:.0f}' for ms in took)} ms")
    assert min(took) < USABLE_MS


async def barriers(page: Page) -> list[str]:
    """What axe finds, by all of its rules, readable in a failed test."""
    # By the protocol of the browser's tools: the page's own policy lets no script in.
    await page.evaluate(AXE)
    found = await page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {violation['help']}: {json.dumps(node['target'])} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


async def tab_to(page: Page, wanted: Locator, stops: int = 6) -> None:
    """By the Tab key alone, within so many stops."""
    for _ in range(stops):
        await page.keyboard.press("Tab")
        if await wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{wanted} is not reached by {stops} stops of the Tab key")


async def too_wide(page: Page) -> list[str]:
    """What reaches beyond the right edge, when the page scrolls sideways because of it."""
    return list(
        await page.evaluate(
            """() => {
              const width = document.documentElement.clientWidth;
              if (document.documentElement.scrollWidth <= width) return [];
              return [...document.querySelectorAll("body *")]
                .filter((element) => element.getBoundingClientRect().right > width + 1)
                .map((element) => element.outerHTML.slice(0, 160));
            }"""
        )
    )


async def has_visible_focus(page: Page) -> bool:
    return bool(
        await page.evaluate(
            """() => {
              const style = getComputedStyle(document.activeElement);
              return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
            }"""
        )
    )
