"""Which number is called."""

from __future__ import annotations

import pytest
from house import Model, unavailable
from hypothesis import given
from hypothesis import strategies as st

from worker.call.contract import Answer, Fact
from worker.model.parse import NumberChoice
from worker.model.prompts import Contact, Person
from worker.request.number import (
    NUMBER_QUESTION,
    ChosenNumber,
    Known,
    check_choice,
    find_number,
    given_number,
    number_question,
    numbers_in,
    obvious_number,
    region_of,
    standing_numbers,
)

ALEX = Person("Alex", "America/Los_Angeles")
SCHOOL = Contact("Lincoln Elementary", "+14155550134", ("school",), "Office: 415 555 0135")
FLORIST = Contact("Ana's Flowers", "(415) 555-0177", ("florist", "flower shop"))


def known(request: str = "Call them", **more: object) -> Known:
    values: dict[str, object] = {
        "to_number": None,
        "answers": [],
        "contacts": [SCHOOL, FLORIST],
        "facts": [],
        "region": "US",
        **more,
    }
    return Known(request=request, **values)  # type: ignore[arg-type]


def asked(answer: str) -> Answer:
    return Answer(number_question("Call them"), answer)


@pytest.mark.parametrize(
    ("text", "region", "found"),
    [
        ("Call +1 415 555 0134 please", None, ["+14155550134"]),
        ("(415) 555-0134 or 415.555.0177", "US", ["+14155550134", "+14155550177"]),
        ("+14155550134, I repeat: 415 555 0134", "US", ["+14155550134"]),
        ("030 901820", "DE", ["+4930901820"]),
        ("415 555 0134", None, []),
        ("On 2026-05-01 at 10:30 for 60 dollars, order 123456789", "US", []),
        ("911", "US", []),
        ("call 555-0134", "US", []),
        ("", "US", []),
    ],
)
def test_numbers_in_a_text(text: str, region: str | None, found: list[str]) -> None:
    assert numbers_in(text, region) == found


@pytest.mark.parametrize(
    ("phone", "timezone", "region"),
    [
        ("+4930901820", "America/Los_Angeles", "DE"),
        (None, "America/Los_Angeles", "US"),
        (None, "Europe/Berlin", "DE"),
        (None, "Asia/Tokyo", "JP"),
        (None, "Europe/London", "GB"),
        (None, "UTC", None),
        ("nonsense", "Europe/Paris", "FR"),
    ],
)
def test_region_of_a_person(phone: str | None, timezone: str, region: str | None) -> None:
    assert region_of(phone, timezone) == region


def test_the_number_given_with_the_request_comes_first() -> None:
    everything = known(to_number="+14155550199", answers=[asked("+14155550122")])
    assert given_number(everything) == ChosenNumber("+14155550199", "request")


def test_a_given_number_gets_the_name_of_its_contact() -> None:
    assert given_number(known(to_number="+14155550134")) == ChosenNumber("+14155550134", "request", SCHOOL.name)


def test_the_latest_answer_to_the_question_counts() -> None:
    answers = [asked("415 555 0122"), asked("No: 415 555 0123"), Answer("What budget?", "415 555 0124")]
    assert given_number(known(answers=answers)) == ChosenNumber("+14155550123", "owner")


def test_an_answer_without_a_number_leaves_it_open() -> None:
    assert given_number(known(answers=[asked("The one on Main Street")])) is None


@pytest.mark.parametrize(
    ("choice", "number"),
    [
        (NumberChoice(contact_id="c1"), ChosenNumber("+14155550134", "contact", SCHOOL.name)),
        (NumberChoice(contact_id="c2"), ChosenNumber("+14155550177", "contact", FLORIST.name)),
        (NumberChoice(contact_id="c3"), None),
        (NumberChoice(contact_id="c0"), None),
        (NumberChoice(contact_id="f1"), None),
        (NumberChoice(contact_id="school"), None),
        (NumberChoice(phone="415-555-0134"), ChosenNumber("+14155550134", "contact", SCHOOL.name)),
        (NumberChoice(phone="+14155550135"), ChosenNumber("+14155550135", "contact")),
        (NumberChoice(phone="+14155550166"), ChosenNumber("+14155550166", "fact")),
        (NumberChoice(phone="+14155550155"), ChosenNumber("+14155550155", "request")),
        (NumberChoice(phone="+14155550144"), ChosenNumber("+14155550144", "owner")),
        (NumberChoice(phone="+14155550199"), None),
        (NumberChoice(phone="911"), None),
        (NumberChoice(phone="the school"), None),
        (NumberChoice(), None),
    ],
)
def test_a_choice_is_taken_only_if_it_is_there(choice: NumberChoice, number: ChosenNumber | None) -> None:
    place = known(
        "Call 415 555 0155",
        facts=[Fact("The dentist is at 415 555 0166", "free")],
        answers=[Answer("Who?", "Try 415 555 0144")],
    )
    assert check_choice(choice, place) == number


@given(st.from_regex(r"\+1[2-9][0-9]{2}[2-9][0-9]{6}", fullmatch=True))
def test_no_number_from_nowhere_is_ever_taken(phone: str) -> None:
    place = known("Call 415 555 0155", facts=[Fact("The dentist is at 415 555 0166", "free")])
    chosen = check_choice(NumberChoice(phone=phone), place)
    assert chosen is None or chosen.phone in standing_numbers(place)


@pytest.mark.parametrize(
    ("request_text", "phone"),
    [
        ("Call the school about Mara", "+14155550134"),
        ("Call ANA'S FLOWERS", "+14155550177"),
        ("Ask the florist", "+14155550177"),
        ("Call the schoolmaster", None),
        ("Call the school, then the florist", None),
        ("Call 415 555 0155", "+14155550155"),
        ("Call 415 555 0155 or 415 555 0156", None),
        ("Call the bakery", None),
    ],
)
def test_what_is_obvious_without_a_model(request_text: str, phone: str | None) -> None:
    number = obvious_number(known(request_text))
    assert (number.phone if number else None) == phone


@pytest.mark.parametrize(
    ("answer", "phone"),
    [
        ('{"contact": "c2"}', "+14155550177"),
        ('{"contact": null}', None),
        ('{"phone": "+14155550199"}', "+14155550134"),
        ('{"contact": "c9"}', "+14155550134"),
        ("I do not know", "+14155550134"),
        (unavailable(), "+14155550134"),
    ],
)
async def test_the_model_chooses_and_names_decide_when_it_cannot(
    answer: str | Exception, phone: str | None
) -> None:
    number = await find_number(Model(find_number=answer), known("Call the school"), ALEX, None)
    assert (number.phone if number else None) == phone


async def test_the_model_is_not_asked_when_there_is_nothing_to_choose_from() -> None:
    model = Model()
    assert await find_number(model, known("Call the bakery", contacts=[]), ALEX, None) is None
    assert await find_number(model, known(to_number="+14155550122"), ALEX, None) is not None
    assert model.prompts == []


async def test_the_override_stands_in_for_every_number_and_for_none() -> None:
    override = "+14155550100"
    found = await find_number(Model(), known("Call the school"), ALEX, override)
    assert found == ChosenNumber(override, "override", SCHOOL.name)
    assert await find_number(Model(), known("x", contacts=[]), ALEX, override) == ChosenNumber(
        override, "override"
    )


def test_the_question_names_the_request_and_stays_short() -> None:
    question = number_question("Call the bakery\nabout\tbread " + "x" * 5000)
    assert question.startswith(f"{NUMBER_QUESTION} “Call the bakery about bread xxx")
    assert len(question) < 250
