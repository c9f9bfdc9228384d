"""The page of questions: answered while somebody holds the line, and after the call, so that Floyd calls again."""

from __future__ import annotations

import re

from harness import CALL_S, WEB, Site
from playwright.async_api import Locator, Page, expect

pytestmark = WEB


def asked(page: Page, question: str) -> Locator:
    return page.get_by_role("article", name=re.compile(question))


async def test_a_second_browser_answers_while_somebody_holds_the_line(site: Site) -> None:
    alex = await site.person(scenario="bouquet")
    desk = await site.open(alex, "/questions")
    phone = await site.open(alex, "/questions", phone=True)
    await expect(desk.get_by_text("Floyd has no questions")).to_be_visible()
    request_id = await site.ask(alex)

    question = asked(phone, "What is your budget")
    await expect(question).to_be_visible(timeout=CALL_S * 1000)
    await expect(question.get_by_text("On the line now")).to_be_visible()
    await expect(question.get_by_role("timer")).to_have_text(re.compile(r"^\d:\d\d left$"))
    await expect(question.get_by_role("link", name=alex.scenario["request"])).to_be_visible()
    # It counts down before one's eyes.
    first = await question.get_by_role("timer").inner_text()
    await expect(question.get_by_role("timer")).not_to_have_text(first)

    elsewhere = asked(desk, "What is your budget")
    await elsewhere.get_by_label("Your answer").fill("I am thinking")
    await question.get_by_label("Your answer").fill("Sixty dollars")
    await question.get_by_label("Your answer").press("Enter")
    await expect(question).to_have_count(0)
    await expect(phone.get_by_text("Floyd passes it on.")).to_be_visible()
    # The other one is told, and keeps what was typed.
    await expect(elsewhere).to_have_count(0)
    await expect(desk.get_by_text("You had typed: I am thinking")).to_be_visible()

    show = await site.until(alex, request_id, "completed")
    assert show["questions"][0]["answer"] == "Sixty dollars"
    assert len(show["calls"]) == 1
    said = " ".join(line["text"] for line in show["transcript"] if line["speaker"] == "floyd")
    assert "Sixty dollars" in said


async def test_an_answer_after_the_call_makes_floyd_call_again(site: Site) -> None:
    alex = await site.person(scenario="tailor")
    page = await site.open(alex, "/questions", phone=True)
    request_id = await site.ask(alex)
    question = asked(page, "By how many inches")
    await expect(question).to_be_visible(timeout=CALL_S * 1000)
    await site.until(alex, request_id, "needsInput")
    await expect(question.get_by_text("On the line now")).to_have_count(0)
    await question.get_by_label("Your answer").fill("By two inches")
    await question.get_by_role("button", name="Answer").click()
    await expect(page.get_by_text("Floyd has no questions")).to_be_visible()

    show = await site.until(alex, request_id, "completed")
    assert len(show["calls"]) == 2
    second = [line["text"] for line in show["transcript"] if line["callId"] == show["calls"][1]["_id"]]
    assert any("two inches" in text for text in second), second
