"""Reading what a model answered, leniently, into typed values.

A reply may stand in a code fence, have prose around it, name lines as "3" or "[3]", or be nothing of what was
asked for. Each function returns None when the reply cannot be read, and never raises; the caller says what then
happens.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

LONGEST_REPLY = 50_000
"""Characters looked at; replies are bounded by `max_tokens`, but by the vendor, not by us."""

MOST_ITEMS = 50
"""Facts in one list. More is a model that has lost its way."""

LONGEST_SUMMARY = 1_000
LONGEST_FACT = 500


@dataclass(frozen=True, slots=True)
class Claim:
    """Something the model says it heard, with the seqs of transcript lines it names. Not checked yet."""

    text: str
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WrapUp:
    kind: str
    summary: str
    reported: tuple[Claim, ...] = ()
    learnt: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True)
class NumberChoice:
    """At most one of the two is set; neither: the model says that no number is known."""

    contact_id: str | None = None
    phone: str | None = None


def read_fact_choice(reply: str, known: frozenset[str]) -> tuple[str, ...] | None:
    """The chosen ids, without repeats and without ones that do not exist.

    None too when ids were named and not one of them exists: then the reply was about something else."""
    found = _json_object(reply)
    if found is None or not isinstance(found.get("facts"), list):
        return None
    named = [_identifier(item) for item in found["facts"]]
    chosen = tuple(dict.fromkeys(name for name in named if name in known))
    return chosen if chosen or not named else None


def read_number_choice(reply: str) -> NumberChoice | None:
    found = _json_object(reply)
    if found is None or not {"contact", "phone"} & found.keys():
        return None
    contact, phone = found.get("contact"), found.get("phone")
    if isinstance(contact, dict):
        contact = contact.get("id")
    if isinstance(contact, str) and contact.strip().lower() not in _NOTHING:
        return NumberChoice(contact_id=contact.strip())
    if isinstance(phone, str) and phone.strip().lower() not in _NOTHING:
        return NumberChoice(phone=phone.strip()[:100])
    return NumberChoice()


def read_wrap_up(reply: str) -> WrapUp | None:
    """None unless there is a kind (any text; the caller knows which are allowed) and a summary."""
    found = _json_object(reply)
    if found is None:
        return None
    kind, summary = found.get("kind"), found.get("summary")
    if not isinstance(kind, str) or not isinstance(summary, str) or not summary.strip():
        return None
    return WrapUp(
        kind=kind.strip()[:100],
        summary=_one_paragraph(summary, LONGEST_SUMMARY),
        reported=_claims(found.get("reported")),
        learnt=_claims(found.get("learnt")),
    )


_NOTHING = frozenset({"", "null", "none", "unknown", "n/a"})


def _claims(value: Any) -> tuple[Claim, ...]:
    if not isinstance(value, list):
        return ()
    claims = []
    for item in value[:MOST_ITEMS]:
        text, lines = (item.get("text"), item.get("lines")) if isinstance(item, dict) else (item, None)
        if isinstance(text, str) and text.strip():
            claims.append(Claim(_one_paragraph(text, LONGEST_FACT), _line_numbers(lines)))
    return tuple(claims)


def _line_numbers(value: Any) -> tuple[int, ...]:
    """3, "3", "[3]", 3.0, or a list of such; anything else is left out."""
    items = value if isinstance(value, list) else [value]
    numbers: list[int] = []
    for item in items[:MOST_ITEMS]:
        match item:
            case bool():
                continue
            case int() if item >= 0:
                numbers.append(item)
            case float() if math.isfinite(item) and item >= 0 and item == int(item):
                numbers.append(int(item))
            case str() if match := re.fullmatch(r"\s*\[?\s*([0-9]{1,9})\s*\]?\s*", item):
                numbers.append(int(match.group(1)))
    return tuple(dict.fromkeys(numbers))


def _identifier(item: Any) -> str:
    if isinstance(item, dict):
        item = item.get("id")
    return item.strip() if isinstance(item, str) else ""


def _one_paragraph(text: str, longest: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _json_object(reply: str) -> dict[str, Any] | None:
    """The first JSON object in the reply, wherever it stands."""
    decoder = json.JSONDecoder(parse_constant=lambda _: None)
    text = reply[:LONGEST_REPLY]
    for start in _brace_positions(text):
        try:
            value, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    return None


def _brace_positions(text: str) -> Iterator[int]:
    """Where an object may begin; bounded, so that a reply of nothing but braces costs little."""
    for n, match in enumerate(re.finditer(r"\{", text)):
        if n == 20:
            return
        yield match.start()
