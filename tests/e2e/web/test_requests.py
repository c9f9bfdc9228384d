"""The page of requests: asking, the live list, search and filters."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from driven import DrivenCall
from harness import CALL_S, WEB, Person, Site
from playwright.async_api import Locator, Page, expect

pytestmark = WEB

MANY = 45
"""Requests, more than a list shows at first."""


def rows(page: Page) -> Locator:
    return page.get_by_role("region", name="Your requests").get_by_role("listitem")


async def file(person: Person, text: str) -> str:
    """A request that no worker takes: it is due tomorrow at the earliest."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).timestamp() * 1000
    return str(await person.functions.mutation("requests:create", {"text": text, "notBefore": tomorrow}))


async def test_a_text_request_is_called_and_its_outcome_shown(site: Site) -> None:
    alex = await site.person(scenario="absence")
    page = await site.open(alex)
    asked = alex.scenario["request"]
    await page.get_by_label("What should Floyd do?").fill(asked)
    await page.get_by_role("button", name="Send").click()
    await expect(page).to_have_url(re.compile(r"/requests/\w{31,37}$"))
    # Back in the list the row follows the call by itself.
    await page.get_by_role("link", name="Requests", exact=True).click()
    row = rows(page).first
    await expect(row).to_contain_text(asked)
    await expect(row).to_contain_text("Talking", timeout=CALL_S * 1000)
    await expect(row).to_contain_text("Done", timeout=CALL_S * 1000)
    await expect(row).to_contain_text("The school has noted that Ben is absent today.")


async def test_a_request_appears_in_every_tab_at_once(site: Site) -> None:
    person = await site.person()
    first = await site.open(person)
    second = await site.tab(first.context)
    await second.goto(site.url)
    await expect(second.get_by_text("Nothing asked for yet")).to_be_visible()
    next_week = (datetime.now(UTC) + timedelta(days=7)).strftime("%Y-%m-%dT12:00")
    await first.get_by_role("button", name="Number and time").click()
    await first.get_by_label("Not before").fill(next_week)
    await first.get_by_label("What should Floyd do?").fill("Ask the library when it opens")
    await first.get_by_label("What should Floyd do?").press("Enter")
    await expect(rows(second)).to_have_count(1)
    await expect(rows(second)).to_contain_text("Scheduled")


async def test_the_way_back_leads_to_where_the_list_was_left(site: Site) -> None:
    person = await site.person()
    for number in range(MANY):
        await file(person, f"Ask shop {number} when it opens")
    page = await site.open(person, phone=True)
    await expect(rows(page).first).to_be_visible()
    # Further down than is loaded at first.
    oldest = rows(page).filter(has_text="Ask shop 0 when")
    while not await oldest.count():
        await rows(page).last.scroll_into_view_if_needed()
        await page.get_by_role("button", name="Show more").or_(oldest).first.wait_for()
        await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    chosen = rows(page).filter(has_text="Ask shop 3 when")
    await chosen.scroll_into_view_if_needed()
    before = await chosen.bounding_box()
    await chosen.get_by_role("link").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Ask shop 3 when")
    assert await page.evaluate("scrollY") == 0
    await page.go_back()
    await expect(chosen).to_be_in_viewport()
    assert await chosen.bounding_box() == before
    # Whoever goes there by a link begins at its beginning.
    await chosen.get_by_role("link").click()
    await page.get_by_role("link", name="Requests", exact=True).click()
    await expect(rows(page).first).to_be_visible()
    assert await page.evaluate("scrollY") == 0


async def test_a_row_changed_from_outside_changes_the_page(site: Site) -> None:
    person = await site.person()
    page = await site.open(person)
    request_id = await file(person, "Ask the bakery for a cake")
    await expect(rows(page)).to_contain_text("Ask the bakery for a cake")
    changed = {"requestId": request_id, "text": "Ask the bakery for two cakes"}
    await person.functions.mutation("requests:edit", changed)
    await expect(rows(page)).to_contain_text("Ask the bakery for two cakes")
    await person.functions.mutation("requests:cancel", {"requestId": request_id})
    await expect(rows(page)).to_contain_text("Cancelled")


async def test_whoever_holds_the_line_is_spoken_of_on_every_page(site: Site) -> None:
    person = await site.person()
    page = await site.open(person)
    question = page.get_by_role("status", name="Question")
    async with DrivenCall.standing(site, person, "Order flowers for Krista") as call:
        await expect(rows(page)).to_contain_text("Talking")
        await expect(question).to_be_empty()
        await call.ask_owner("The florist asks what you would like to spend.", within_s=60)
        await expect(question).to_contain_text("The florist asks what you would like to spend.")
        await expect(page.get_by_role("link", name="Questions 1 open")).to_be_visible()
        await page.get_by_role("link", name="Settings").click()
        await expect(question).to_contain_text("Somebody holds the line.")
        await question.get_by_role("link", name="Answer").click()
        await expect(page).to_have_url(f"{site.url}/requests/{call.request_id}")
        await expect(question).to_be_empty()
        await call.finish("The flowers are ordered.", [])


async def test_search_and_filters(site: Site) -> None:
    person = await site.person()
    for text in ("Ask the bakery for a cake", "Move the dentist to Monday", "Ask the dentist about the bill"):
        last = await file(person, text)
    await person.functions.mutation("requests:cancel", {"requestId": last})
    page = await site.open(person)
    await expect(rows(page)).to_have_count(3)

    await page.keyboard.press("/")
    search = page.get_by_label("Search requests")
    await expect(search).to_be_focused()
    await search.fill("dentist")
    await expect(rows(page)).to_have_count(2)
    await expect(page).to_have_url(re.compile(r"\?search=dentist$"))
    await page.get_by_role("button", name="Under way").click()
    await expect(rows(page)).to_have_count(1)
    await expect(rows(page)).to_contain_text("Move the dentist to Monday")

    # The address holds the choice.
    await page.reload()
    await expect(rows(page)).to_have_count(1)
    await expect(page.get_by_role("button", name="Under way")).to_have_attribute("aria-pressed", "true")

    await search.fill("unicorn")
    await expect(page.get_by_text("Nothing found for “unicorn”")).to_be_visible()
    await page.get_by_role("button", name="Show all").click()
    await expect(rows(page)).to_have_count(3)


async def test_more_rows_come_as_the_list_is_scrolled(site: Site) -> None:
    person = await site.person()
    for number in range(45):
        await file(person, f"Ask about matter number {number}")
    page = await site.open(person)
    await expect(rows(page)).to_have_count(20)
    await page.get_by_role("button", name="Show more").scroll_into_view_if_needed()
    await expect(rows(page)).to_have_count(45)
    await expect(rows(page).first).to_contain_text("matter number 44")
    await expect(rows(page).last).to_contain_text("matter number 0")


async def test_what_is_refused_is_said_at_its_field(page: Page) -> None:
    await page.get_by_label("What should Floyd do?").fill("Call the florist")
    await page.get_by_role("button", name="Number and time").click()
    number = page.get_by_label("Number to call")
    await number.fill("911")
    await page.get_by_role("button", name="Send").click()
    await expect(number).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_role("alert")).to_contain_text("number")
    await expect(page.get_by_label("What should Floyd do?")).to_have_value("Call the florist")


async def test_what_is_written_outlasts_a_look_elsewhere_and_a_reload(page: Page) -> None:
    field = page.get_by_label("What should Floyd do?")
    await field.fill("Call the plumber about")
    await page.get_by_role("link", name="Settings").click()
    await expect(page.get_by_role("heading", level=1, name="Settings")).to_be_visible()
    await page.keyboard.press("n")
    await expect(field).to_be_focused()
    await expect(field).to_have_value("Call the plumber about")
    await page.reload()
    await expect(field).to_have_value("Call the plumber about")


async def test_what_is_typed_is_shown_as_text(site: Site) -> None:
    person = await site.person()
    text = "<img src=x onerror=document.title='owned'> & <b>call</b> <script>document.title='owned'</script>"
    await file(person, text)
    page = await site.open(person)
    await expect(rows(page)).to_contain_text(text)
    await expect(page).to_have_title("Requests · Floyd")
