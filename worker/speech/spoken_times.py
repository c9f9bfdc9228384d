"""How times and dates are said in English. Pure."""

from __future__ import annotations

import datetime
import re

from worker.speech.spoken_amounts import is_usual_fraction
from worker.speech.spoken_rules import Rule, rule, text_after, word_after, word_before
from worker.speech.spoken_words import cardinal, ordinal, two_digits, year

_MONTH_NAMES = "January February March April May June July August September October November December"
_MONTHS = _MONTH_NAMES.split()
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?(?![^\W\d_])"
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WEEKDAY = (
    r"(?:Mon(?:day)?|Tue(?:s|sday)?|Wed(?:nesday)?|Thu(?:r|rs|rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?)\.?"
    r"(?![^\W\d_])"
)
_DAY = r"(?:0?[1-9]|[12][0-9]|3[01])(?:st|nd|rd|th)?"
_YEAR = r"(?:1[5-9]|20)[0-9]{2}"
_NO_MORE = r"(?![\w:%/]|[.,:-][0-9])"
"""Nothing follows that makes it something else."""

_HALF = r"(?:\s?(?:[aApP]\.\s?[mM]\b\.?|[aApP][mM]\b))"
_HOUR, _MINUTE = r"(?:2[0-4]|1[0-9]|0?[0-9])", r"[0-5][0-9]"
_TIME = rf"{_HOUR}(?::{_MINUTE})?{_HALF}?"

_DATE_CUE_WORDS = """
    on since until till before after through due dated date born
    monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun
"""
_DATE_CUES = frozenset(_DATE_CUE_WORDS.split())
"""After these, 1/2 is a day and no half."""
_AFTER_DAY = "at is works would for from and or to with if until by through in between was will"
_MAY_GOES_ON = frozenset(_AFTER_DAY.split())
"""What follows "May 5" where it is a day: otherwise someone asks whether five may."""


def _time(written: str, *, short: bool = False) -> str:
    """One time of day. `short` leaves out "o'clock", as between the ends of a span."""
    found = re.match(rf"(?P<hour>{_HOUR})(?:[:.](?P<minute>{_MINUTE}))?(?P<half>{_HALF})?", written)
    assert found is not None
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    half = "".join(letter for letter in (found["half"] or "") if letter.isalpha()).upper()
    if not half and found["minute"] is not None:
        if hour % 24 == 0 and minute == 0:
            return "midnight"
        if hour > 12 or hour == 0:
            half = "PM" if 12 < hour < 24 else "AM"
            hour = hour % 12 or 12
    said = cardinal(hour)
    if minute:
        said += f" {two_digits(minute)}"
    elif not half and found["minute"] is not None and not short:
        said += " o'clock"
    return f"{said} {half}" if half else said


def _clock(match: re.Match[str]) -> str:
    hour = int(re.match(r"[0-9]+", match[0])[0])  # type: ignore[index]
    following = text_after(match).lstrip()
    said = _time(match[0], short=following.startswith(("o'clock", "o’clock")))
    if hour > 12 and match["half"]:
        said = f"{cardinal(hour)}{said[len(cardinal(hour)) :]}"
    return said + _stop(match)


def _span(match: re.Match[str]) -> str | None:
    start, end = match["start"], match["end"]
    if ":" not in start + end and not match["half"] and not re.search(r"[aApP]", start):
        return None
    return f"{_time(start, short=True)} to {_time(end, short=True)}{_stop(match)}"


def _stop(match: re.Match[str]) -> str:
    """The full stop of "p.m." that ends a sentence too."""
    if not match[0].endswith("."):
        return ""
    following = text_after(match)
    return "." if not following.strip() or re.match(r"\s+[A-Z]", following) else ""


def _day(figures: str) -> str:
    return ordinal(int(re.sub(r"[a-z]", "", figures, flags=re.IGNORECASE)))


def _month_named(written: str) -> str:
    return next(month for month in _MONTHS if month.startswith(written.rstrip(".")[:3]))


def _weekday_named(written: str) -> str:
    return next(day for day in _WEEKDAYS if day.startswith(written.rstrip(".")[:3]))


def _month_day(match: re.Match[str]) -> str | None:
    month = match["month"]
    following = word_after(match)
    if month == "May" and not match["year"] and following.islower() and following not in _MAY_GOES_ON:
        return None  # "May 5 people come?"
    said = f"{_month_named(month)} {_day(match['day'])}"
    if match["to"]:
        said += f" to {_day(match['to'])}"
    return f"{said}, {year(int(match['year']))}" if match["year"] else said


def _day_month(match: re.Match[str]) -> str:
    said = f"{_day(match['day'])} of {_month_named(match['month'])}"
    if word_before(match) not in ("the", "this", "every"):
        said = f"{_month_named(match['month'])} {_day(match['day'])}" if not match["of"] else f"the {said}"
    return f"{said}, {year(int(match['year']))}" if match["year"] else said


def _date(day: int, month: int, in_year: int | None) -> str | None:
    try:
        datetime.date(in_year if in_year is not None else 2024, month, day)  # a leap year, where none is given
    except ValueError:
        return None
    said = f"{_MONTHS[month - 1]} {ordinal(day)}"
    return said if in_year is None else f"{said}, {year(in_year)}"


def _iso(match: re.Match[str]) -> str | None:
    return _date(int(match["day"]), int(match["month"]), int(match["year"]))


def _slashes(match: re.Match[str], month_first: bool) -> str | None:
    one, other = int(match["one"]), int(match["other"])
    in_year = None
    if match["year"]:
        in_year = int(match["year"])
        if len(match["year"]) == 2:
            in_year += 2000 if in_year < 70 else 1900
    else:
        cue = word_before(match)
        is_fraction = is_usual_fraction(one, other) and cue not in _DATE_CUES
        if is_fraction or word_after(match) == "of" or (one >= 24 and other == 7):
            return None
    if month_first and one <= 12:
        return _date(other, one, in_year)
    return _date(one, other, in_year) or _date(other, one, in_year)


def rules(*, month_first: bool) -> tuple[Rule, ...]:
    """Times and dates. `month_first`: 3/5 is in March and not in May."""
    return (
        rule(rf"(?<![\w.-])(?P<year>{_YEAR})-(?P<month>[0-9]{{2}})-(?P<day>[0-9]{{2}})(?![\w-])", _iso),
        rule(
            r"(?<![\w./-])(?P<one>[0-9]{1,2})/(?P<other>[0-9]{1,2})(?:/(?P<year>[0-9]{4}|[0-9]{2}))?"
            r"(?![\w/%]|[.,-][0-9])",
            lambda match: _slashes(match, month_first),
        ),
        rule(
            rf"(?<![\w./-])(?P<day>[0-9]{{1,2}})\.(?P<month>[0-9]{{1,2}})\.(?P<year>{_YEAR})(?![\w/]|[.,-][0-9])",
            _iso,
        ),
        rule(
            rf"\b(?P<from>{_WEEKDAY})(?P<join>\s?[-–—]\s?|(?=,? ?(?:{_MONTH} ?)?[0-9]))"
            rf"(?P<to>(?<=[-–—\s]){_WEEKDAY})?",
            _weekdays,
        ),
        rule(
            rf"\b(?P<month>{_MONTH})\s(?P<day>{_DAY})(?:\s?[-–—]\s?(?P<to>{_DAY}))?"
            rf"(?:,?\s(?P<year>{_YEAR}))?{_NO_MORE}(?!\s?[aApP]\.?[mM]\b)",
            _month_day,
        ),
        rule(
            rf"(?<![\w.,/:-])(?P<day>{_DAY})\s(?P<of>of\s)?(?P<month>{_MONTH})(?:,?\s(?P<year>{_YEAR}))?{_NO_MORE}",
            _day_month,
        ),
        rule(
            rf"(?<![\w./-])(?P<month>0?[1-9]|1[0-2])/(?P<year>{_YEAR}){_NO_MORE}",
            lambda match: f"{_MONTHS[int(match['month']) - 1]} {year(int(match['year']))}",
        ),
        rule(
            rf"\b(?P<month>{_MONTH})\s(?P<year>{_YEAR}){_NO_MORE}",
            lambda match: f"{_month_named(match['month'])} {year(int(match['year']))}",
        ),
        rule(
            rf"(?<![\w.,:/-])(?P<start>{_TIME})\s?[-–—]\s?(?P<end>{_HOUR}(?::{_MINUTE})?(?P<half>{_HALF})?)(?![\w:/%]|[.,-][0-9])",
            _span,
        ),
        rule(
            rf"(?<![\w.,:/-])[0-9]{{1,2}}(?::{_MINUTE}){{2}}(?![\w:])",
            lambda match: " ".join(
                cardinal(int(part)) if at == 0 else two_digits(int(part))
                for at, part in enumerate(match[0].split(":"))
            ),
        ),
        rule(rf"(?<![\w.,:/$€£-]){_HOUR}(?:[:.]{_MINUTE})?(?P<half>{_HALF})", _clock),
        rule(rf"(?<![\w.,:/-]){_HOUR}:{_MINUTE}(?P<half>)(?![\w:/%]|[.,-][0-9])", _clock),
        rule(
            rf"(?<![\w.,:/-])(?P<from>{_YEAR})\s?[-–—]\s?(?P<to>{_YEAR})(?![\w:/%]|[.,-][0-9])",
            lambda match: f"{year(int(match['from']))} to {year(int(match['to']))}",
        ),
        rule(
            rf"\b(?i:in|since|year|until|till|of|class of|back in)\s(?P<year>{_YEAR})(?![\w%]|[.,-][0-9])",
            lambda match: match[0][: -len(match["year"])] + year(int(match["year"])),
        ),
    )


def _weekdays(match: re.Match[str]) -> str | None:
    if match["to"]:
        return f"{_weekday_named(match['from'])} to {_weekday_named(match['to'])}"
    return _weekday_named(match["from"]) if not match["join"] and match["from"] not in _WEEKDAYS else None
