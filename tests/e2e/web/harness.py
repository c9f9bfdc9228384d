"""A real browser before the whole of Floyd: `Site` is everything standing with the page built and served by the
worker, `Person` somebody who may sign in, `Site.open` a page of theirs.

    async def test_something(site: Site) -> None:
        alex = await site.person(scenario="school")
        page = await site.open(alex)
        await page.get_by_role("button", name="Send").click()

Whatever a page reports as an error of its own, or as a breach of its content security policy, fails the test.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import built_page
import pytest
from parts import Parts
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    ViewportSize,
    async_playwright,
    expect,
)

from worker.cli.control import RehearsalControl
from worker.deployment.http import HttpDeployment

WEB = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]
"""The marks of every file here: `pytestmark = WEB`."""

SEE_S = 15.0
"""For what a page shows by itself within a moment, on a busy machine."""
CALL_S = 60.0
"""For a rehearsed call from the request to its outcome; most take ten to twenty seconds."""

POLL_S = 0.1
"""Between two looks at a request; the pages themselves are told."""

PHONE: ViewportSize = {"width": 360, "height": 740}
DESK: ViewportSize = {"width": 1280, "height": 860}

_FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    # Everything is drawn by the processor: the less, the more is left for the calls.
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    # Addresses on loopback are given to WebRTC as they are: there is no mDNS where tests run.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]

Microphone = Path | Literal["blocked"] | None

expect.set_options(timeout=SEE_S * 1000)


def find_browser() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


def browser_path() -> str:
    """An installed Chromium; without one the test is skipped, and `scripts/test` says so."""
    found = find_browser()
    if found is None:
        pytest.skip("no Chromium is installed")
    return found


@dataclass
class Person:
    """Somebody Floyd knows, with their own way to the functions."""

    name: str
    """In `sub` of their token."""
    functions: HttpDeployment
    scenario: dict[str, Any] = field(default_factory=dict)
    """The one that was begun for them; `request` is what to ask for."""

    async def requests(self) -> list[dict[str, Any]]:
        first = {"numItems": 50, "cursor": None}
        return list((await self.functions.query("requests:list", {"paginationOpts": first}))["page"])

    async def show(self, request_id: str) -> dict[str, Any]:
        return dict(await self.functions.query("requests:show", {"requestId": request_id}))


class Site:
    """Everything standing. `parts` are the processes behind the page."""

    def __init__(self, parts: Parts, playwright: Playwright) -> None:
        self.parts = parts
        self.url = f"http://127.0.0.1:{parts.port}"
        self._playwright = playwright
        self._browsers: dict[tuple[str, ...], Browser] = {}
        self._contexts: list[BrowserContext] = []
        self._people: list[Person] = []
        self._kept: list[Person] = []
        self._complaints: list[str] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def standing(cls, folder: Path, **options: Any) -> AsyncIterator[Site]:
        """`options` are those of `Parts.standing`: settings of the worker's, a folder of scenarios."""
        browser_path()
        built_page.build()
        async with (
            Parts.standing(folder, **{"floyd_rehearsed": "google,openai,twilio", **options}) as parts,
            async_playwright() as playwright,
        ):
            site = cls(parts, playwright)
            try:
                yield site
            finally:
                await site.leave()
                for person in site._kept:
                    await person.functions.close()
                for browser in site._browsers.values():
                    await browser.close()

    async def person(
        self,
        *,
        scenario: str | None = None,
        full_name: str | None = None,
        operator: bool = False,
        keep: bool = False,
    ) -> Person:
        """Somebody new. With `scenario` that one begins anew, and they know what its person knows. `keep`: for
        more than one test."""
        name = f"web-{secrets.token_hex(4)}"
        key = self.parts.deployment.key
        token = key.person_token(name, full_name=full_name, operator=operator)
        person = Person(name, HttpDeployment(self.parts.deployment.url, token))
        (self._kept if keep else self._people).append(person)
        known: dict[str, Any] = {"facts": [], "contacts": []}
        if scenario is not None:
            person.scenario = await RehearsalControl(self.parts.control_url).start(scenario)
            known = person.scenario["person"]
        await person.functions.mutation("users:ensure", {"name": full_name or known.get("name") or "Alex Rivera"})
        for fact in known["facts"]:
            added = {"text": fact["text"], "sharing": fact.get("sharing") or "free"}
            await person.functions.mutation("facts:add", added)
        for contact in known["contacts"]:
            given = {key: contact[key] for key in ("name", "phone", "aliases", "notes") if contact.get(key)}
            await person.functions.mutation("contacts:add", {"aliases": [], **given})
        return person

    async def ask(self, person: Person, text: str | None = None) -> str:
        """File a request behind the page's back: `text`, or that of the person's scenario. Its id."""
        wanted = {"text": text or person.scenario["request"]}
        return str(await person.functions.mutation("requests:create", wanted))

    async def until(
        self, person: Person, request_id: str, status: str, within_s: float = CALL_S
    ) -> dict[str, Any]:
        """`requests:show`, as soon as the request has this status."""
        async with asyncio.timeout(within_s):
            while True:
                show = await person.show(request_id)
                if show["request"]["status"] == status:
                    return show
                assert show["request"]["status"] not in {"completed", "failed", "cancelled"}, show["request"]
                await asyncio.sleep(POLL_S)

    async def until_said(self, person: Person, request_id: str, lines: int, within_s: float = CALL_S) -> None:
        """Return as soon as the transcript has so many lines."""
        async with asyncio.timeout(within_s):
            while True:
                show = await person.show(request_id)
                if len(show["transcript"]) >= lines:
                    return
                assert show["request"]["status"] in {"pending", "inFlight"}, show["request"]
                await asyncio.sleep(POLL_S)

    async def link(self, person: Person, *, operator: bool = False) -> str:
        """A one-time link, as `floyd token --link` prints it."""
        code = secrets.token_urlsafe(32)
        code_hash = hashlib.sha256(code.encode()).hexdigest()
        worker = self.parts.deployment.as_worker()
        try:
            offered = {"codeHash": code_hash, "subject": f"person:{person.name}", "operator": operator}
            await worker.mutation("signIn:offer", offered)
        finally:
            await worker.close()
        return f"{self.url}/sign-in#{code}"

    async def open(
        self,
        person: Person,
        path: str = "/",
        *,
        phone: bool = False,
        dark: bool = False,
        operator: bool = False,
        microphone: Microphone = None,
        keep: bool = False,
        **context: Any,
    ) -> Page:
        """A page in a browser of its own, signed in by a one-time link. `microphone`: a WAV file that is heard
        again and again, or one that the person blocked. `keep`: whoever opens it closes its context.
        `context`: more options of Playwright's `new_context`."""
        page = await self.open_signed_out(phone=phone, dark=dark, microphone=microphone, **context)
        if keep:
            self._contexts.remove(page.context)
        await page.goto(await self.link(person, operator=operator))
        await expect(page.get_by_role("heading", level=1, name="Requests")).to_be_visible()
        if path != "/":
            await page.goto(self.url + path)
        return page

    async def open_signed_out(
        self, *, phone: bool = False, dark: bool = False, microphone: Microphone = None, **context: Any
    ) -> Page:
        """An empty page of a browser that knows nobody yet."""
        browser = await self.browser(microphone)
        options = {
            "viewport": PHONE if phone else DESK,
            "is_mobile": phone,
            "has_touch": phone,
            "color_scheme": "dark" if dark else "light",
            # Without a graphics card every frame of an animation costs a core that the call needs.
            "reduced_motion": "reduce",
            "locale": "en-US",
            "timezone_id": "America/Los_Angeles",
        }
        made = await browser.new_context(**{**options, **context})
        self._contexts.append(made)
        made.set_default_timeout(SEE_S * 1000)
        return await self.tab(made)

    async def tab(self, context: BrowserContext) -> Page:
        """One more tab of the same browser."""
        page = await context.new_page()
        page.on("pageerror", lambda error: self._complaints.append(f"{page.url}: {error}"))
        page.on("console", self._listen)
        return page

    async def browser(self, microphone: Microphone = None) -> Browser:
        """Launched when it is first needed. Permission for the microphone is given when there is a file for it."""
        flags: tuple[str, ...] = ()
        if microphone == "blocked":
            flags = ("--use-fake-device-for-media-stream",)
        elif microphone is not None:
            flags = (
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={microphone}",
            )
        if flags not in self._browsers:
            self._browsers[flags] = await self._playwright.chromium.launch(
                executable_path=browser_path(), args=[*_FLAGS, *flags]
            )
        return self._browsers[flags]

    def _listen(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Minified React error" in message.text:
            self._complaints.append(message.text)

    async def leave(self) -> list[str]:
        """Close what the last test opened; what its pages complained of."""
        for context in self._contexts:
            await context.close()
        # One without a microphone is used again by the next test.
        for flags in [flags for flags in self._browsers if flags]:
            await self._browsers.pop(flags).close()
        for person in self._people:
            await person.functions.close()
        complaints = self._complaints
        self._contexts, self._people, self._complaints = [], [], []
        return complaints
