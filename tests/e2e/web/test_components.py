"""What dialogs, messages, menus, tabs, switches and tooltips do under the pointer and under the keys."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest_asyncio
from harness import DESK, PHONE, WEB, Person, Site
from playwright.async_api import Locator, Page, expect
from test_quality import barriers, too_wide

pytestmark = WEB

DAY_MS = 86_400_000


@pytest_asyncio.fixture(loop_scope="session")
async def scheduled(site: Site) -> AsyncIterator[Page]:
    """A request that waits for tomorrow: it can be edited, moved and cancelled."""
    person = await site.person()
    tomorrow = (await person.functions.query("users:me", {}))["_creationTime"] + DAY_MS
    asked = {"text": "Ask the gym to pause my membership", "notBefore": tomorrow}
    request_id = await person.functions.mutation("requests:create", asked)
    yield await site.open(person, f"/requests/{request_id}")
    await person.functions.mutation("requests:cancel", {"requestId": request_id})


def message(page: Page, text: str) -> Locator:
    return page.get_by_role("region", name="Messages").get_by_role("listitem").filter(has_text=text)


async def refused(page: Page) -> Locator:
    """The dialog in which a call was asked for that is too far away, and is refused in a message."""
    await page.get_by_role("button", name="Call at").click()
    dialog = page.get_by_role("dialog", name="Call at")
    await dialog.get_by_label("Date and time").fill("2099-01-01T10:00")
    await dialog.get_by_role("button", name="Call then").click()
    await expect(message(page, "more than a year away")).to_be_visible()
    return dialog


async def test_a_message_over_a_dialog_is_read_and_closed_without_the_dialog(scheduled: Page) -> None:
    page = scheduled
    dialog = await refused(page)
    said = message(page, "more than a year away")
    assert await barriers(page) == []
    await page.set_viewport_size(PHONE)
    await expect(dialog.get_by_role("button", name="Call then")).to_be_visible()
    assert await overlap(said, dialog.get_by_role("button", name="Call then")) is False
    assert await too_wide(page) == []
    await page.set_viewport_size(DESK)
    # The text is no button, and a tap on it is no tap beside the dialog.
    await said.get_by_text("more than a year away").click()
    await expect(dialog).to_be_visible()
    await said.get_by_role("button", name="Close message").click()
    await expect(said).to_have_count(0)
    await expect(dialog.get_by_label("Date and time")).to_have_value("2099-01-01T10:00")


async def test_a_dialog_closes_by_a_tap_beside_it_and_gives_the_focus_back(scheduled: Page) -> None:
    page = scheduled
    opener = page.get_by_role("button", name="Call at")
    await opener.click()
    dialog = page.get_by_role("dialog", name="Call at")
    await expect(dialog.get_by_label("Date and time")).to_be_focused()
    await dialog.get_by_role("heading").click()
    await expect(dialog).to_be_visible()
    await page.mouse.click(4, 4)
    await expect(dialog).to_have_count(0)
    await expect(opener).to_be_focused()


async def test_what_cannot_be_undone_is_confirmed_on_purpose(scheduled: Page) -> None:
    page = scheduled
    opener = page.get_by_role("button", name="Cancel", exact=True)
    await opener.click()
    confirm = page.get_by_role("alertdialog", name="Cancel this request?")
    # Enter does no harm.
    await expect(confirm.get_by_role("button", name="Keep it")).to_be_focused()
    assert await barriers(page) == []
    await page.keyboard.press("Enter")
    await expect(confirm).to_have_count(0)
    await expect(opener).to_be_focused()
    await opener.click()
    await page.mouse.click(4, 4)
    await expect(confirm.get_by_role("button", name="Keep it")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(confirm).to_have_count(0)
    await opener.click()
    await confirm.get_by_role("button", name="Cancel the request").click()
    await expect(confirm).to_have_count(0)
    await expect(page.get_by_text("Cancelled").first).to_be_visible()


async def test_the_page_stays_where_it_is_under_a_dialog(scheduled: Page) -> None:
    page = scheduled
    # Hidden from screen readers under a dialog, so not to be found by its role.
    heading, last = page.locator("h1"), page.locator("main :text-is('Outcome')")
    await expect(page.get_by_role("button", name="Edit")).to_be_visible()
    await expect(last).to_be_visible()
    before = await heading.bounding_box(), await last.bounding_box()
    await page.get_by_role("button", name="Edit").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert (await heading.bounding_box(), await last.bounding_box()) == before
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert (await heading.bounding_box(), await last.bounding_box()) == before


async def test_a_file_that_was_not_chosen_after_all_closes_nothing(site: Site) -> None:
    page = await site.open(await site.person(), "/knows?show=contacts")
    await page.get_by_role("button", name="Import").click()
    dialog = page.get_by_role("dialog", name="Import contacts")
    picker = dialog.get_by_label("Choose a file")
    await expect(picker).to_be_focused()
    await picker.dispatch_event("cancel", {"bubbles": True})
    await expect(dialog).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_role("button", name="Import")).to_be_focused()


async def test_a_menu_is_within_the_window_and_leads_to_the_content(site: Site) -> None:
    page = await site.open(await site.person(), phone=True)
    more = page.get_by_role("button", name="More")
    await more.focus()
    await page.keyboard.press("ArrowDown")
    menu = page.get_by_role("menu", name="More")
    box = await menu.bounding_box()
    assert box is not None
    assert 0 <= box["x"] <= PHONE["width"] - box["width"]
    assert 0 <= box["y"] <= PHONE["height"] - box["height"]
    # By its first letter; shortcuts of the page mean nothing meanwhile.
    await page.keyboard.press("n")
    await page.keyboard.press("s")
    await expect(page.get_by_role("menuitem", name="Settings")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name="Settings")).to_be_visible()
    await expect(menu).to_have_count(0)
    await expect(page.get_by_role("main")).to_be_focused()


async def test_tabs_switches_and_tooltips_obey_the_keys(site: Site) -> None:
    person = await site.person(scenario="school")
    page = await site.open(person, "/knows")
    keys = page.keyboard
    await page.get_by_role("tab", name="About you").focus()
    await keys.press("ArrowRight")
    contacts = page.get_by_role("tab", name="Contacts")
    await expect(contacts).to_be_focused()
    await expect(contacts).to_have_attribute("aria-selected", "true")
    await expect(page.get_by_role("tabpanel", name="Contacts")).to_be_visible()
    await expect(page).to_have_url(re.compile(r"show=contacts$"))
    # Into what the tab shows, where a name is shown to those who see.
    edit = page.get_by_role("button", name="Edit Lincoln Elementary School")
    tooltip = page.get_by_text("Edit Lincoln Elementary School")
    for _ in range(4):
        if await edit.evaluate("element => element === document.activeElement"):
            break
        await keys.press("Tab")
    await expect(tooltip.first).to_be_visible()
    assert await barriers(page) == []
    await keys.press("Escape")
    await expect(tooltip).to_have_count(0)
    # A dialog that is closed by the pointer leaves no tooltip behind.
    await edit.click()
    await page.get_by_role("dialog").get_by_role("button", name="Close").click()
    await page.mouse.move(2, 2)
    await expect(edit).to_be_focused()
    await expect(tooltip).to_have_count(0)

    await page.goto(f"{site.url}/settings")
    hours = page.get_by_role("switch", name="Only call within certain hours")
    await expect(hours).not_to_be_checked()
    await hours.focus()
    await keys.press("Space")
    await expect(hours).to_be_checked()
    await expect(page.get_by_label("From")).to_be_visible()
    await page.get_by_text("Only call within certain hours").click()
    await expect(hours).not_to_be_checked()


async def test_messages_are_reached_by_the_keys(site: Site) -> None:
    person: Person = await site.person(scenario="school")
    page = await site.open(person, "/knows?show=contacts")
    await page.get_by_role("button", name="Delete Lincoln Elementary School").click()
    said = message(page, "Lincoln Elementary School is deleted.")
    await expect(said).to_be_visible()
    await page.keyboard.press("Alt+t")
    undo = said.get_by_role("button", name="Undo")
    for _ in range(4):
        await page.keyboard.press("Tab")
        if await undo.evaluate("element => element === document.activeElement"):
            break
    await expect(undo).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("listitem", name="Lincoln Elementary School")).to_be_visible()
    await expect(said).to_have_count(0)


async def overlap(one: Locator, other: Locator) -> bool:
    a, b = await one.bounding_box(), await other.bounding_box()
    assert a is not None
    assert b is not None
    across = a["x"] < b["x"] + b["width"] and b["x"] < a["x"] + a["width"]
    along = a["y"] < b["y"] + b["height"] and b["y"] < a["y"] + a["height"]
    return across and along
