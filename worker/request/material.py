"""What the deployment hands over for a request, checked and typed.

Shapes: `requests:claim` and `requests:material`. Unknown fields are ignored, so that a newer deployment does not
stop an older worker. Numbers arrive as floats.

**What the model may know.** Facts marked `never` do not leave the deployment. Facts marked `ask` stop here: they
reach no prompt and no call. What the owner wants said after all is said by an answer to a question, in the owner's
own words, and answers are passed on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from worker.call.contract import Answer, EarlierCall, Fact, SpokenLine
from worker.model.prompts import Contact, Person

DEFAULT_LANGUAGE = "en-US"


class _Row(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class Limits(_Row):
    max_spend_usd: float | None = None
    max_call_minutes: float = Field(default=10, gt=0)
    record_calls: bool = False


class User(_Row):
    name: str
    timezone: str
    phone: str | None = None
    language: str | None = None
    voice: str | None = None
    limits: Limits = Field(default_factory=Limits)


class Request(_Row):
    id: str = Field(alias="_id")
    text: str
    to_number: str | None = None
    attempts: float = 0


class Claimed(_Row):
    """The answer of `requests:claim` that is not null."""

    request: Request
    user: User


class _FactRow(_Row):
    fact_id: str | None = None
    text: str
    sharing: Literal["free", "ask", "never"]


class _ContactRow(_Row):
    name: str
    phone: str
    aliases: tuple[str, ...] = ()
    notes: str | None = None


class _LineRow(_Row):
    seq: float
    speaker: str
    text: str


class _EarlierRow(_Row):
    attempt: float
    outcome: str | None = None
    transcript: tuple[_LineRow, ...] = ()


class _AnswerRow(_Row):
    question: str
    answer: str


class _MaterialRow(_Row):
    facts: tuple[_FactRow, ...] = ()
    contacts: tuple[_ContactRow, ...] = ()
    earlier: tuple[_EarlierRow, ...] = ()
    answers: tuple[_AnswerRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Material:
    """All that may be used for one request: facts that may be told, contacts, and what happened before."""

    facts: tuple[Fact, ...]
    contacts: tuple[Contact, ...]
    answers: tuple[Answer, ...]
    earlier: tuple[EarlierCall, ...]


def read_material(value: Any) -> Material:
    """Raises pydantic's `ValidationError` for what is not the shape of `requests:material`."""
    row = _MaterialRow.model_validate(value)
    return Material(
        facts=tuple(
            Fact(text=fact.text, sharing=fact.sharing, fact_id=fact.fact_id)
            for fact in row.facts
            if fact.sharing == "free"
        ),
        contacts=tuple(
            Contact(name=contact.name, phone=contact.phone, aliases=contact.aliases, notes=contact.notes or "")
            for contact in row.contacts
        ),
        answers=tuple(Answer(question=item.question, answer=item.answer) for item in row.answers if item.answer),
        earlier=tuple(
            EarlierCall(
                attempt=int(call.attempt),
                outcome=call.outcome or "",
                lines=tuple(SpokenLine(int(line.seq), line.speaker, line.text) for line in call.transcript),
            )
            for call in row.earlier
        ),
    )


def person_of(user: User) -> Person:
    return Person(name=user.name, timezone=user.timezone, language=user.language or DEFAULT_LANGUAGE)
