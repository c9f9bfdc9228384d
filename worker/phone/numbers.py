"""May this number be called? A pure verdict with its reason.

The deployment checks numbers too, by plainer rules, since it is the one that others can reach. Here the tables
of the `phonenumbers` library tell what a prefix means in each country. The order of the rules is that of the
clearest answer: 911 is refused as an emergency number, not as one that lacks a country code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberType, shortnumberinfo


class Reason(StrEnum):
    ALLOWED = "allowed"
    EMPTY = "empty"
    NOT_E164 = "notE164"
    EMERGENCY = "emergency"
    SERVICE = "service"
    SHORT = "short"
    PREMIUM = "premium"
    SATELLITE = "satellite"
    OWN = "own"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`number` is in E.164 form when allowed, else as it was given. `message` is fit for a person to read."""

    allowed: bool
    reason: Reason
    message: str
    number: str


_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
"""ITU-T E.164: at most 15 digits, the first not 0. Under 7 there is no subscriber number."""

_N11 = re.compile(r"(?:\+?1)?[2-9]11")
"""North American service codes, 211 to 911, with or without the country code."""

_WIDELY_EMERGENCY = frozenset({"112", "911", "999", "000", "110", "118", "119", "113", "117", "100", "101", "102"})
"""Numbers that mean an emergency service in many countries; refused in whatever country they are meant for."""

_LONGEST_SHORT_CODE = 6

_SATELLITE_CODES = frozenset({870, 881, 882, 883})
"""Inmarsat, global satellite systems, and international networks that are mostly satellite or fraud."""

_PREMIUM_CODES = frozenset({979, 878})
"""International premium rate, and personal numbers that are charged alike."""

_PREMIUM_TYPES = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST})

_NANP_PREMIUM = re.compile(r"\+1(?:900[0-9]{7}|[0-9]{3}976[0-9]{4})")
"""900 numbers and the 976 exchange of every North American area code."""

_SEPARATORS = re.compile(r"[\s().\-\u2010-\u2015\u00a0]")


def judge(number: str, *, own: Iterable[str] = ()) -> Verdict:
    """Judge a destination. `own` are numbers that belong to Floyd or the carrier account, which would call
    themselves. Spaces, dots, brackets and hyphens in the number are taken as decoration."""
    digits = _SEPARATORS.sub("", number)
    if not digits:
        return _refuse(
            number, Reason.EMPTY, "No number was given: give one with its country code, like +14155550134."
        )
    if _is_emergency(digits):
        return _refuse(number, Reason.EMERGENCY, "Floyd never calls emergency numbers: call yourself.")
    if _N11.fullmatch(digits):
        return _refuse(number, Reason.SERVICE, "This is a service code (like 411), which Floyd does not call.")
    if not digits.startswith("+") and digits.isdecimal() and len(digits) <= _LONGEST_SHORT_CODE:
        return _refuse(number, Reason.SHORT, "This is a short code: give a full number with its country code.")
    if not _E164.fullmatch(digits):
        return _refuse(
            number, Reason.NOT_E164, "Give the number with + and its country code, digits only, like +14155550134."
        )
    return _judge_e164(number, digits, {_SEPARATORS.sub("", mine) for mine in own})


def _judge_e164(given: str, e164: str, own: set[str]) -> Verdict:
    if e164 in own:
        return _refuse(given, Reason.OWN, "This is Floyd's own number: it would call itself.")
    try:
        parsed = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return _refuse(given, Reason.INVALID, "No country has this number: check its country code.")
    if parsed.country_code in _SATELLITE_CODES:
        return _refuse(
            given, Reason.SATELLITE, "This is a satellite number, which costs several dollars a minute."
        )
    if parsed.country_code in _PREMIUM_CODES or _NANP_PREMIUM.fullmatch(e164):
        return _refuse(given, Reason.PREMIUM, "This is a premium-rate number, which Floyd does not call.")
    if phonenumbers.number_type(parsed) in _PREMIUM_TYPES:
        return _refuse(given, Reason.PREMIUM, "This is a premium-rate number, which Floyd does not call.")
    if not phonenumbers.is_valid_number(parsed):
        return _refuse(given, Reason.INVALID, "There is no such number: check its digits and its country code.")
    canonical = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if canonical in own:
        return _refuse(given, Reason.OWN, "This is Floyd's own number: it would call itself.")
    return Verdict(True, Reason.ALLOWED, "", canonical)


def _is_emergency(digits: str) -> bool:
    if digits in _WIDELY_EMERGENCY:
        return True
    if not digits.startswith("+"):
        return False
    # With a country code in front (+1911, +44999): what is left, dialled in that country.
    for length in (1, 2, 3):
        code, rest = digits[1 : 1 + length], digits[1 + length :]
        if not code.isdigit() or len(rest) > _LONGEST_SHORT_CODE:
            continue
        for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code), ()):
            if shortnumberinfo.is_emergency_number(rest, region):
                return True
    return False


def _refuse(number: str, reason: Reason, message: str) -> Verdict:
    return Verdict(False, reason, message, number)
