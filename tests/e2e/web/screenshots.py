"""Pictures of the main pages, of rehearsed calls that were really made: see `scripts/screenshots`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

from harness import CALL_S, Person, Site, find_browser  # noqa: E402
from playwright.async_api import Page, expect  # noqa: E402

from worker.cli.control import RehearsalControl  # noqa: E402

IMAGES = HERE.parents[2] / "docs" / "images"


class Album:
    """Takes those pictures that were asked for."""

    def __init__(self, site: Site, wanted: list[str]) -> None:
        self.site, self._wanted = site, wanted

    def wants(self, name: str) -> bool:
        return not self._wanted or any(name.startswith(wanted) for wanted in self._wanted)

    async def both(self, person: Person, name: str, path: str, ready: Callable[[Page], Awaitable[Any]]) -> None:
        """On a desk in light, on a phone in dark colours."""
        for phone in (False, True):
            await self.one(person, name, path, ready, phone=phone)

    async def one(
        self, person: Person, name: str, path: str, ready: Callable[[Page], Awaitable[Any]], *, phone: bool
    ) -> None:
        if not self.wants(name):
            return
        page = await self.open(person, path, phone=phone)
        await ready(page)
        await self.take(page, name, phone=phone)
        await page.context.close()

    async def open(self, person: Person, path: str, *, phone: bool) -> Page:
        scale = 2 if phone else 1
        how = {"phone": phone, "dark": phone, "device_scale_factor": scale, "reduced_motion": "reduce"}
        return await self.site.open(person, path, operator=True, keep=True, **how)

    async def take(self, page: Page, name: str, *, phone: bool) -> None:
        await page.evaluate("document.fonts.ready")
        IMAGES.mkdir(parents=True, exist_ok=True)
        file = IMAGES / f"{name}-{'phone' if phone else 'desk'}.png"
        await page.screenshot(path=file)
        print(file.relative_to(IMAGES.parents[1]))


async def main(wanted: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with Site.standing(Path(folder)) as site:
            album = Album(site, wanted)
            alex = await site.person(scenario="school", full_name="Alex Rivera", operator=True)
            await a_day(album, alex)
            await pages(album, alex)
    with tempfile.TemporaryDirectory() as folder:
        async with Site.standing(Path(folder), floyd_line="browser", floyd_rehearsed="google,openai") as site:
            album = Album(site, wanted)
            if album.wants("line"):
                await the_line(album)


async def a_day(album: Album, alex: Person) -> None:
    """Requests of every kind, and one that is being talked about."""
    site = album.site
    control = RehearsalControl(site.parts.control_url)
    in_a_while = (datetime.now(UTC) + timedelta(hours=20)).timestamp() * 1000
    later = {"text": "Ask the gym to pause my membership for August", "notBefore": in_a_while}
    await alex.functions.mutation("requests:create", later)
    for name, end in (("nobody-picks-up", "failed"), ("flowers", "completed"), ("no-number", "needsInput")):
        scenario = await control.start(name)
        for contact in scenario["person"]["contacts"]:
            given = {key: contact[key] for key in ("name", "phone", "aliases", "notes") if contact.get(key)}
            await alex.functions.mutation("contacts:add", {"aliases": [], **given})
        request_id = await site.ask(alex, scenario["request"])
        await site.until(alex, request_id, end, within_s=2 * CALL_S)
    request_id = await a_talk(album, alex)
    await site.until(alex, request_id, "completed")
    noted = "has noted that Mara"
    await album.both(
        alex, "request", f"/requests/{request_id}", lambda page: page.get_by_text(noted).first.wait_for()
    )


async def a_talk(album: Album, alex: Person) -> str:
    """Asked for on the page, which is there when the talk is in full swing."""
    page = await album.open(alex, "/", phone=False)
    await page.get_by_label("What should Floyd do?").fill(alex.scenario["request"])
    await page.get_by_role("button", name="Send").click()
    await page.wait_for_url("**/requests/*")
    await page.get_by_text("Which class is she in?").first.wait_for(timeout=CALL_S * 1000)
    await page.get_by_text("four B").first.wait_for()
    if album.wants("call"):
        await album.take(page, "call", phone=False)
    request_id = page.url.rsplit("/", 1)[1]
    await page.context.close()
    return request_id


async def pages(album: Album, alex: Person) -> None:
    def shows(text: str) -> Callable[[Page], Awaitable[Any]]:
        return lambda page: page.get_by_text(text).first.wait_for()

    await album.both(alex, "requests", "/", shows("piano tuner"))
    await album.both(alex, "questions", "/questions", shows("piano tuner"))
    await album.both(alex, "knows", "/knows", shows("class 4B"))
    await album.both(alex, "settings", "/settings", shows("Time zone"))
    await album.one(alex, "workers", "/workers", shows("Drain"), phone=False)


async def the_line(album: Album) -> None:
    site = album.site
    alex = await site.person(scenario="flowers", full_name="Alex Rivera")
    await site.ask(alex)
    ready: Callable[[Page], Awaitable[Any]] = lambda page: expect(  # noqa: E731
        page.get_by_role("button", name="Pick up", exact=True)
    ).to_be_visible(timeout=CALL_S * 1000)
    await album.one(alex, "line", "/line", ready, phone=True)


if __name__ == "__main__":
    if find_browser() is None:
        sys.exit("screenshots: no Chromium is installed")
    asyncio.run(main(sys.argv[1:]))
