"""What Floyd knows: a fact that is edited is used in the next call, what is learnt there is kept, and imports."""

from __future__ import annotations

from pathlib import Path

from harness import CALL_S, WEB, Person, Site
from playwright.async_api import Locator, Page, expect

pytestmark = WEB

ADDRESS_BOOK = """BEGIN:VCARD
VERSION:3.0
FN:Lincoln Elementary School
NICKNAME:school
item1.TEL;type=pref:\u202a+1 (415) 555-0134\u202c
TEL;TYPE=FAX:+14155550199
NOTE:Ask for Dana\\, please
END:VCARD
BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6rg;;;
TEL;CELL:030 901820
END:VCARD
BEGIN:VCARD
VERSION:3.0
FN:Mail Only
EMAIL:mail@example.org
END:VCARD
"""

TABLE = """First Name,Last Name,Organization Name,Phone 1 - Label,Phone 1 - Value
,,City Dental,Main,+1 415-555-0120
Lincoln,Elementary School,,Main,+1 415-555-0134
Emergency,,,Main,911
"""


def row(page: Page | Locator, text: str) -> Locator:
    return page.get_by_role("listitem", name=text)


async def contacts_of(person: Person) -> dict[str, str]:
    return {contact["name"]: contact["phone"] for contact in await person.functions.query("contacts:list", {})}


async def test_an_edited_fact_is_told_in_the_next_call_and_what_is_learnt_is_kept(site: Site) -> None:
    alex = await site.person(scenario="library")
    page = await site.open(alex, "/knows", phone=True)
    fact = row(page, "Al's library card number is 4455")
    await fact.get_by_role("button", name="Edit").click()
    await page.get_by_role("textbox", name="Fact", exact=True).fill("Al's library card number is 7731")
    await page.keyboard.press("Enter")
    edited = row(page, "Al's library card number is 7731")
    await expect(edited.get_by_role("button", name="Edit")).to_be_focused()

    request_id = await site.ask(alex)
    show = await site.until(alex, request_id, "completed")
    assert show["request"]["outcome"]["kind"] == "done", show["request"]["outcome"]
    told = [disclosure["text"] for disclosure in show["disclosures"]]
    assert told == ["Al's library card number is 7731"]

    # The page has it as soon as the call is wrapped up, with what was said and the way there.
    learnt = row(page, "Harbor Library opens at eight")
    await expect(learnt).to_be_visible(timeout=CALL_S * 1000)
    await learnt.get_by_text("Where this comes from").click()
    await expect(learnt.get_by_role("blockquote")).to_contain_text("We now open at eight")
    await expect(learnt.get_by_role("link", name=alex.scenario["request"])).to_be_visible()
    await learnt.get_by_label("May Floyd tell it?").select_option("Free")
    await learnt.get_by_role("button", name="Keep").click()
    await expect(row(page.get_by_role("list", name="Facts"), "Harbor Library opens at eight")).to_be_visible()
    facts = {fact["text"]: fact for fact in await alex.functions.query("facts:list", {})}
    kept = facts["Harbor Library opens at eight"]
    assert (kept["status"], kept["sharing"], kept["source"]) == ("accepted", "free", "call")

    await learnt.get_by_text("Where this comes from").click()
    await learnt.get_by_role("link", name=alex.scenario["request"]).click()
    line = page.get_by_role("region", name="Transcript").get_by_text("We now open at eight")
    await expect(line).to_be_in_viewport()


async def test_what_is_deleted_can_be_taken_back(site: Site) -> None:
    alex = await site.person()
    await alex.functions.mutation("facts:add", {"text": "We have two cats", "sharing": "ask"})
    page = await site.open(alex, "/knows")
    await row(page, "We have two cats").get_by_role("button", name="Delete").click()
    await expect(row(page, "We have two cats")).to_have_count(0)
    assert await alex.functions.query("facts:list", {}) == []
    await page.get_by_role("button", name="Undo").click()
    await expect(row(page, "We have two cats")).to_be_visible()
    [fact] = await alex.functions.query("facts:list", {})
    assert (fact["sharing"], fact["source"]) == ("ask", "owner")


async def test_nothing_is_taken_back_for_whoever_signs_in_next(site: Site) -> None:
    alex = await site.person()
    await alex.functions.mutation("facts:add", {"text": "We have two cats"})
    page = await site.open(alex, "/knows")
    await row(page, "We have two cats").get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("button", name="Undo")).to_be_visible()
    await page.get_by_role("link", name="Settings").click()
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await expect(page).to_have_url(f"{site.url}/sign-in")
    await expect(page.get_by_text("two cats")).to_have_count(0)
    await expect(page.get_by_role("button", name="Undo")).to_have_count(0)


async def test_address_books_and_lists_are_imported_after_a_look(site: Site, tmp_path: Path) -> None:
    alex = await site.person()
    page = await site.open(alex, "/knows?show=contacts", phone=True)
    cards, table, lines = tmp_path / "contacts.vcf", tmp_path / "contacts.csv", tmp_path / "about-us.txt"
    cards.write_text(ADDRESS_BOOK, "utf-8")
    table.write_text(TABLE, "utf-16")
    lines.write_text("# About us\n- Two cats\nTwo cats\nRex is a dog\n", "utf-8")

    await page.get_by_role("button", name="Import").click()
    dialog = page.get_by_role("dialog", name="Import contacts")
    await dialog.get_by_label("Choose a file").set_input_files(cards)
    await expect(dialog.get_by_text("1 contact can be added")).to_be_visible()
    await dialog.get_by_label("Numbers without a country code are from").select_option("DE")
    await expect(dialog.get_by_text("2 contacts can be added")).to_be_visible()
    await dialog.get_by_text("1 left out").click()
    left_out = dialog.get_by_role("list", name="Left out")
    await expect(dialog.get_by_role("list", name="Left out")).to_contain_text(
        "Mail Only (row 3): Has no phone number"
    )
    await dialog.get_by_role("button", name="Add 2 contacts").click()
    await expect(row(page, "Lincoln Elementary School")).to_contain_text("Ask for Dana, please")
    assert await contacts_of(alex) == {"Lincoln Elementary School": "+14155550134", "Jörg Müller": "+4930901820"}

    await page.get_by_role("button", name="Import").click()
    await dialog.get_by_label("Choose a file").set_input_files(table)
    await expect(dialog.get_by_text("1 contact can be added")).to_be_visible()
    await dialog.get_by_text("2 left out").click()
    await expect(left_out).to_contain_text("You have this contact already")
    await expect(left_out).to_contain_text("emergency number")
    await dialog.get_by_role("button", name="Add 1 contact").click()
    await expect(row(page, "City Dental")).to_be_visible()

    await page.get_by_role("tab", name="About you").click()
    await page.get_by_role("button", name="Import").click()
    dialog = page.get_by_role("dialog", name="Import facts")
    await dialog.get_by_label("Choose a text file").set_input_files(lines)
    await dialog.get_by_role("button", name="Add 2 facts").click()
    await expect(row(page, "Rex is a dog")).to_be_visible()
    assert [fact["text"] for fact in await alex.functions.query("facts:list", {})] == ["Two cats", "Rex is a dog"]
