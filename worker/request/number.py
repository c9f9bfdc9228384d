"""Which number to call: found by rules where they suffice, by the model where they do not, and never made up.

Order: the number given with the request; a number the owner gave when asked for one; the model's choice among the
contacts and the numbers that literally stand in the request, the owner's answers and the facts. A number that
stands nowhere is not called, whoever names it. Numbers are normalised to E.164 in the region of the person.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import phonenumbers
import structlog
from phonenumbers.tzdata import TIMEZONE_DATA

from worker.call.contract import Answer, Fact
from worker.model import prompts
from worker.model.language_model import LanguageModel, ModelUnavailable
from worker.model.parse import NumberChoice, read_number_choice
from worker.model.prompts import Contact, Person

NUMBER_QUESTION = "What number should I call for"
"""How the question for a number begins; answers to it are looked at first."""

LONGEST_QUOTE = 120
"""Characters of the request that the question repeats: enough to know which one is meant."""

Source = Literal["request", "contact", "fact", "owner", "override"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ChosenNumber:
    """`phone` is E.164. `name` is whom it belongs to, when that is known."""

    phone: str
    source: Source
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """Everything a number may come from."""

    request: str
    to_number: str | None
    answers: Sequence[Answer]
    contacts: Sequence[Contact]
    facts: Sequence[Fact]
    region: str | None


async def find_number(
    model: LanguageModel, known: Known, person: Person, override: str | None
) -> ChosenNumber | None:
    """None when no number is known: then the owner has to be asked. `override` (a setting for development)
    replaces whatever was found, and keeps the name."""
    number = given_number(known)
    if number is None:
        number = await _ask_model(model, known, person)
    if override is not None:
        name = number.name if number else None
        return ChosenNumber(override, "override", name)
    return number


def given_number(known: Known) -> ChosenNumber | None:
    """The number that needs no choice: given with the request, or as the answer to the question for it."""
    if known.to_number:
        phone = normalise(known.to_number, known.region)
        if phone is not None:
            return named(ChosenNumber(phone, "request"), known)
    for answer in reversed(known.answers):
        if answer.question.startswith(NUMBER_QUESTION):
            found = numbers_in(answer.answer, known.region)
            if found:
                return named(ChosenNumber(found[0], "owner"), known)
    return None


async def _ask_model(model: LanguageModel, known: Known, person: Person) -> ChosenNumber | None:
    if not known.contacts and not standing_numbers(known):
        return None
    prompt = prompts.find_number(known.request, person, known.facts, known.contacts, known.answers)
    try:
        choice = read_number_choice(await model.complete(prompt))
    except ModelUnavailable as error:
        log.warning("no choice of a number: going by names", reason=error.message)
        choice = None
    if choice == NumberChoice():
        return None
    checked = check_choice(choice, known) if choice is not None else None
    if choice is not None and checked is None:
        log.warning("the model named a number or a contact that is not there: going by names")
    return checked or obvious_number(known)


def check_choice(choice: NumberChoice, known: Known) -> ChosenNumber | None:
    """The model's choice, if what it names is there."""
    if choice.contact_id is not None:
        match = re.fullmatch(r"c([1-9][0-9]{0,5})", choice.contact_id)
        if match is None or int(match.group(1)) > len(known.contacts):
            return None
        return _of_contact(known.contacts[int(match.group(1)) - 1], known.region)
    if choice.phone is None:
        return None
    phone = normalise(choice.phone, known.region)
    source = standing_numbers(known).get(phone) if phone is not None else None
    return named(ChosenNumber(phone, source), known) if phone is not None and source is not None else None


def obvious_number(known: Known) -> ChosenNumber | None:
    """Without a model: the one contact whose name or alias the request says, or the one number it holds."""
    said = [contact for contact in known.contacts if _is_named(contact, known.request)]
    if len(said) == 1:
        return _of_contact(said[0], known.region)
    held = numbers_in(known.request, known.region)
    return named(ChosenNumber(held[0], "request"), known) if not said and len(held) == 1 else None


def standing_numbers(known: Known) -> dict[str, Source]:
    """Every number that literally stands in what is known, with where it stands; the first place counts."""
    found: dict[str, Source] = {}
    places: list[tuple[Source, list[str]]] = [
        ("request", [known.request]),
        ("owner", [answer.answer for answer in known.answers]),
        ("fact", [fact.text for fact in known.facts]),
        ("contact", [contact.notes for contact in known.contacts]),
    ]
    for source, texts in places:
        for text in texts:
            for phone in numbers_in(text, known.region):
                found.setdefault(phone, source)
    for contact in known.contacts:
        own = normalise(contact.phone, known.region)
        if own is not None:
            found.setdefault(own, "contact")
    return found


def named(number: ChosenNumber, known: Known) -> ChosenNumber:
    """With the name of the contact that has this number, if one has."""
    for contact in known.contacts:
        if normalise(contact.phone, known.region) == number.phone:
            return replace(number, name=contact.name)
    return number


def number_question(request: str) -> str:
    quote = " ".join(request.split())
    if len(quote) > LONGEST_QUOTE:
        quote = quote[: LONGEST_QUOTE - 1].rstrip() + "…"
    return f"{NUMBER_QUESTION} “{quote}”? Please give it with the country code, like +14155550134."


def numbers_in(text: str, region: str | None) -> list[str]:
    """Telephone numbers that stand in a text, as E.164, in order, without repeats.

    Without a country code a number must be a valid one of `region`; with one, a possible one is enough (ranges for
    fiction are possible, and not valid). Dates, prices and order numbers are neither."""
    found = phonenumbers.PhoneNumberMatcher(text, region, leniency=phonenumbers.Leniency.POSSIBLE)
    usable = (
        match.number
        for match in found
        if match.raw_string.startswith("+") or phonenumbers.is_valid_number(match.number)
    )
    return list(dict.fromkeys(_e164(number) for number in usable))


def normalise(number: str, region: str | None) -> str | None:
    """One number as E.164, or None if it cannot be one."""
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    return _e164(parsed) if phonenumbers.is_possible_number(parsed) else None


def region_of(phone: str | None, timezone: str) -> str | None:
    """The country whose numbers a person writes without a country code: that of their own number, else that of
    their time zone; None when neither tells, and then only numbers with a country code count."""
    if phone is not None:
        try:
            region = phonenumbers.region_code_for_number(phonenumbers.parse(phone, None))
        except phonenumbers.NumberParseException:
            region = None
        if region is not None:
            return region
    return _regions_by_timezone().get(timezone)


@cache
def _regions_by_timezone() -> dict[str, str]:
    """From the metadata of libphonenumber, which lists the time zones of each number prefix: the shortest prefix
    of a zone begins with the code of its country."""
    regions: dict[str, str] = {}
    for prefix in sorted(TIMEZONE_DATA, key=len):
        region = next(
            (
                phonenumbers.region_code_for_country_code(int(prefix[:length]))
                for length in (1, 2, 3)
                if int(prefix[:length]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE
            ),
            None,
        )
        for zone in TIMEZONE_DATA[prefix]:
            if region is not None:
                regions.setdefault(zone, region)
    return regions


def _of_contact(contact: Contact, region: str | None) -> ChosenNumber | None:
    phone = normalise(contact.phone, region)
    return ChosenNumber(phone, "contact", contact.name) if phone is not None else None


def _is_named(contact: Contact, request: str) -> bool:
    names = [name for name in (contact.name, *contact.aliases) if name.strip()]
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", request, re.IGNORECASE) for name in names)


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
