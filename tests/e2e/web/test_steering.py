"""Steering a call from its page: whisper, take over and back, hang up. (Answers: `test_questions.py`.)"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from harness import CALL_S, WEB, Person, Site
from playwright.async_api import Locator, Page, expect
from spoken import record

pytestmark = WEB

CALL_MS = CALL_S * 1000

BEFORE_S = 4.0
"""Of silence, before the owner speaks: until then the page has connected, and the call is taken over."""

AGAIN_S = 10.0
"""Of silence, before what had no answer is said again."""

LONG_S = 60.0
"""Of silence at the end of a file, which begins anew after it."""

OWNER_SAYS = "Hello there, my own name is Alex Rivera."
OWNER_ASKS = "It is a birthday cake, please."


async def on_the_call(site: Site, person: Person, **options: Any) -> tuple[Page, str]:
    """The page of a request whose call has just been picked up."""
    request_id = await site.ask(person)
    page = await site.open(person, f"/requests/{request_id}", **options)
    await expect(controls(page)).to_be_visible(timeout=CALL_MS)
    await expect(page.get_by_role("timer", name="Time on the line")).to_be_visible(timeout=CALL_MS)
    return page, request_id


def controls(page: Page) -> Locator:
    return page.get_by_role("region", name="Call controls")


def transcript(page: Page) -> Locator:
    return page.get_by_role("region", name="Transcript")


async def heard_by_callee(site: Site, number: str) -> str:
    """What the callee of the last call to a number understood."""
    calls = await site.parts.control("GET", "/calls")
    [last] = [call for call in calls if call["to"] == number][-1:]
    return " ".join(line["text"] for line in last["heard"])


def lines_of(show: dict[str, Any], speaker: str) -> list[str]:
    return [line["text"] for line in show["transcript"] if line["speaker"] == speaker]


async def test_a_whisper_changes_what_floyd_says_next(site: Site) -> None:
    person = await site.person(scenario="bakery")
    page, request_id = await on_the_call(site, person)
    await controls(page).get_by_role("button", name="Whisper", exact=True).click()
    await page.get_by_label("Whisper to Floyd").fill("They should be the blue ones")
    await page.get_by_role("button", name="Send whisper").click()
    whispered = page.get_by_role("list", name="What you whispered")
    await expect(whispered).to_contain_text("They should be the blue ones")
    await expect(whispered).to_contain_text("heard at", timeout=CALL_MS)
    await expect(transcript(page)).to_contain_text("The blue candles, please.", timeout=CALL_MS)
    show = await site.until(person, request_id, "completed")
    assert "blue candles" in (await heard_by_callee(site, "+14155550163")).lower()
    # The callee hears what Floyd makes of it, and not what was whispered.
    assert "should be the blue" not in " ".join(lines_of(show, "floyd"))
    assert show["calls"][0]["usage"]["promptTokens"] > 0


async def test_the_owner_takes_over_is_really_heard_and_hands_back(site: Site, tmp_path: Path) -> None:
    person = await site.person(scenario="bakery")
    microphone = tmp_path / "alex.wav"
    await record(site, microphone, [(BEFORE_S, OWNER_SAYS), (3.0, OWNER_ASKS), (LONG_S, "")])
    page, request_id = await on_the_call(site, person, microphone=microphone)
    await expect(controls(page).get_by_role("button", name="Take over")).to_be_enabled()
    await expect(transcript(page)).to_contain_text("an AI assistant calling", timeout=CALL_MS)
    await controls(page).get_by_role("button", name="Take over").click()
    await expect(controls(page)).to_contain_text("You are on the line: they hear you")
    await expect(transcript(page)).to_contain_text("Hello Alex.", timeout=CALL_MS)
    await expect(transcript(page)).to_contain_text("With pleasure. Is that all?", timeout=CALL_MS)
    show = await person.show(request_id)
    so_far = len(lines_of(show, "floyd"))
    assert [words(line) for line in lines_of(show, "owner")] == [words(OWNER_SAYS), words(OWNER_ASKS)]

    await controls(page).get_by_role("button", name="Hand back").click()
    await expect(transcript(page)).to_contain_text("as Alex has told you", timeout=CALL_MS)
    show = await site.until(person, request_id, "completed")
    assert len(lines_of(show, "floyd")) > so_far
    heard = words(await heard_by_callee(site, "+14155550163"))
    assert words(OWNER_SAYS) in heard
    assert words(OWNER_ASKS) in heard
    assert words("that is all, as Alex has told you") in heard
    # In order, as it was said.
    said = [(line["speaker"], words(line["text"])) for line in show["transcript"]]
    owner = [index for index, (speaker, _) in enumerate(said) if speaker == "owner"]
    assert said[owner[0] + 1][0] == "callee"
    assert said[-2][0] == "floyd" or said[-1][0] == "floyd"


async def test_a_page_that_is_closed_leaves_the_line_to_floyd_and_another_hangs_up(
    site: Site, tmp_path: Path
) -> None:
    person = await site.person(scenario="bakery")
    microphone = tmp_path / "alex.wav"
    # Whoever has no answer says it again: what this is about comes after it.
    await record(
        site, microphone, [(BEFORE_S, OWNER_SAYS), (AGAIN_S, OWNER_SAYS), (AGAIN_S, OWNER_SAYS), (LONG_S, "")]
    )
    page, request_id = await on_the_call(site, person, microphone=microphone)
    await expect(transcript(page)).to_contain_text("an AI assistant calling", timeout=CALL_MS)
    await controls(page).get_by_role("button", name="Take over").click()
    await expect(transcript(page)).to_contain_text("Hello Alex", timeout=CALL_MS)
    await page.close()
    second = await site.open(person, f"/requests/{request_id}")
    # The line is Floyd's again by itself, and Floyd speaks.
    await expect(transcript(second)).to_contain_text("One moment, please.", timeout=CALL_MS)
    await expect(controls(second).get_by_role("button", name="Take over")).to_be_visible()

    await controls(second).get_by_role("button", name="Hang up").click()
    await second.get_by_role("alertdialog").get_by_role("button", name="Hang up").click()
    await expect(controls(second)).to_have_count(0, timeout=CALL_MS)
    await expect(second.get_by_role("region", name="Outcome")).to_be_visible(timeout=CALL_MS)
    show = await person.show(request_id)
    assert show["calls"][0]["endReason"] == "ownerHungUp"
    assert show["request"]["outcome"]["kind"] == "interrupted"
    assert lines_of(show, "floyd")[-1] == "Thank you. Goodbye."
    assert "goodbye" in (await heard_by_callee(site, "+14155550163")).lower()


def words(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))
