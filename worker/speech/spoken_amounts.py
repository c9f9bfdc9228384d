"""How quantities are said in English: money, per cent, measures, fractions, ordinals, ranges, plain numbers.

Pure.
"""

from __future__ import annotations

import re

from worker.speech.spoken_rules import Rule, rule, word_after, word_before
from worker.speech.spoken_words import (
    LONGEST_GROUP,
    cardinal,
    digits,
    grouped_digits,
    is_one,
    number,
    ordinal,
    year,
)

NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,6}|[0-9]{1,20})(?:\.[0-9]{1,10})?"
ALONE = r"(?<![\w.,])"
"""In front of a number that is no tail of a longer one."""
ENDS = r"(?![\w%]|[.,][0-9])"
"""Behind a number that is no head of a longer one."""
TO = r"\s?[-–—]\s?"

_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "us$": ("U S dollar", "U S dollars", "cent", "cents"),
    "ca$": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "c$": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "a$": ("Australian dollar", "Australian dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "sen", "sen"),
    "usd": ("U S dollar", "U S dollars", "cent", "cents"),
    "eur": ("euro", "euros", "cent", "cents"),
    "gbp": ("pound", "pounds", "penny", "pence"),
    "cad": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "aud": ("Australian dollar", "Australian dollars", "cent", "cents"),
    "chf": ("Swiss franc", "Swiss francs", "centime", "centimes"),
}
_SIGN = r"(?:US\$|CA\$|C\$|A\$|[$€£¥])"
_CODE = r"(?:USD|EUR|GBP|CAD|AUD|CHF)"
_SCALES = {
    "k": "thousand",
    "m": "million",
    "mm": "million",
    "b": "billion",
    "bn": "billion",
    "thousand": "thousand",
    "million": "million",
    "billion": "billion",
    "trillion": "trillion",
}
_SCALE = r"(?:\s?(?:thousand|million|billion|trillion)\b|(?:[kKmMbB]|bn|mm|MM)\b)"
_PERIODS = {
    "hr": "hour",
    "h": "hour",
    "min": "minute",
    "mo": "month",
    "mth": "month",
    "wk": "week",
    "yr": "year",
    "pp": "person",
    "ea": "each",
}
_ARTICLE_WORDS = "a an the this that your our my their his her each another per"
_ARTICLES = frozenset(_ARTICLE_WORDS.split())
_NO_NOUN_WORDS = """
    and or but is was are were be been for to in on at of off per a an the we i you they he she it will would can
    could should if that which who total plus minus from each with without by as so because when until till before
    after now today tonight tomorrow yesterday up down over under about more less extra again there here only
    already then than not may might must do does did have has had
"""
_NO_NOUN = frozenset(_NO_NOUN_WORDS.split())
"""What may follow an amount and is nothing that it is an amount of."""

_UNITS: dict[str, tuple[str, str]] = {
    "km": ("kilometer", "kilometers"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "mi": ("mile", "miles"),
    "ft": ("foot", "feet"),
    "yd": ("yard", "yards"),
    "yds": ("yard", "yards"),
    "kg": ("kilogram", "kilograms"),
    "g": ("gram", "grams"),
    "mg": ("milligram", "milligrams"),
    "mcg": ("microgram", "micrograms"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "ml": ("milliliter", "milliliters"),
    "mL": ("milliliter", "milliliters"),
    "l": ("liter", "liters"),
    "L": ("liter", "liters"),
    "gal": ("gallon", "gallons"),
    "hr": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "h": ("hour", "hours"),
    "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"),
    "sec": ("second", "seconds"),
    "secs": ("second", "seconds"),
    "ms": ("millisecond", "milliseconds"),
    "wk": ("week", "weeks"),
    "wks": ("week", "weeks"),
    "yr": ("year", "years"),
    "yrs": ("year", "years"),
    "mph": ("mile per hour", "miles per hour"),
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "kmh": ("kilometer per hour", "kilometers per hour"),
    "mpg": ("mile per gallon", "miles per gallon"),
    "kW": ("kilowatt", "kilowatts"),
    "kWh": ("kilowatt hour", "kilowatt hours"),
    "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"),
    "TB": ("terabyte", "terabytes"),
    "sq ft": ("square foot", "square feet"),
    "sq. ft": ("square foot", "square feet"),
    "sqft": ("square foot", "square feet"),
    "ft²": ("square foot", "square feet"),
    "m²": ("square meter", "square meters"),
    "m2": ("square meter", "square meters"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°C": ("degree Celsius", "degrees Celsius"),
    "℉": ("degree Fahrenheit", "degrees Fahrenheit"),
    "℃": ("degree Celsius", "degrees Celsius"),
    "°": ("degree", "degrees"),
}
_UNIT = "(?:" + "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True)) + ")"

_GLYPHS = {
    "½": (1, 2),
    "⅓": (1, 3),
    "⅔": (2, 3),
    "¼": (1, 4),
    "¾": (3, 4),
    "⅕": (1, 5),
    "⅛": (1, 8),
    "⅜": (3, 8),
    "⅝": (5, 8),
    "⅞": (7, 8),
}
_PARTS = {2: ("half", "halves"), 3: ("third", "thirds"), 4: ("quarter", "quarters"), 8: ("eighth", "eighths")}
_USUAL = frozenset({(1, 2), (1, 3), (2, 3), (1, 4), (3, 4), (1, 8), (3, 8), (5, 8), (7, 8)})
"""Fractions that are no dates, unless something says so."""


def fraction(top: int, bottom: int) -> str:
    """3/4 is "three quarters", 5/16 "five sixteenths"."""
    one, many = _PARTS.get(bottom) or (ordinal(bottom), f"{ordinal(bottom)}s")
    return f"{cardinal(top)} {one if top == 1 else many}"


def is_usual_fraction(top: int, bottom: int) -> bool:
    return (top, bottom) in _USUAL


def mixed(whole: str, top: int, bottom: int) -> str:
    """2 1/2 is "two and a half"."""
    part = f"a {_PARTS[bottom][0]}" if top == 1 and bottom in _PARTS else fraction(top, bottom)
    return f"{number(whole)} and {part}"


def plain(figures: str) -> str:
    """A number with nothing around it that tells what it is. Four figures are said in pairs, as years and prices
    are; long ones without commas are no quantities, but numbers of something."""
    if figures.isdigit() and not figures.startswith("0"):
        if len(figures) == 4 and 1100 <= int(figures) <= 2099:
            return year(int(figures))
        if len(figures) > LONGEST_GROUP - 1 and not figures.endswith("00"):
            return grouped_digits(figures)
    return number(figures)


def money(figures: str, unit: str, scale: str = "", *, adjective: bool = False) -> str:
    one, many, cent, cents = _CURRENCIES[unit.lower()]
    if scale:
        return f"{number(figures)} {_SCALES[scale.strip().lower()]} {one if adjective else many}"
    whole, _, fractional = figures.replace(",", "").partition(".")
    if fractional and len(fractional) != 2:
        return f"{number(figures)} {many}"
    small = int(fractional or "0")
    coins = f"{cardinal(small)} {cent if small == 1 or adjective else cents}"
    notes = f"{number(whole)} {one if adjective or int(whole) == 1 else many}"
    if not small:
        return notes
    return coins if not int(whole) else f"{notes} and {coins}"


def _is_adjective(match: re.Match[str]) -> bool:
    """ "a $60 limit" has sixty dollar, and "a limit of $60" sixty dollars."""
    following = word_after(match)
    return word_before(match) in _ARTICLES and following.islower() and following not in _NO_NOUN


def _money(match: re.Match[str]) -> str:
    unit = match["sign"] or match["code"] or match["sign_after"] or match["code_after"]
    scale, to_scale = match["scale"] or "", match["to_scale"] or ""
    adjective = _is_adjective(match)
    said = money(match["amount"], unit, scale, adjective=adjective)
    if match["to"]:
        upper = money(match["to"], unit, to_scale, adjective=adjective)
        # "sixty to eighty dollars", but "one dollar and ten cents to two dollars"
        is_short = not scale and "." not in match["amount"] + match["to"]
        said = f"{number(match['amount']) if is_short or scale == to_scale else said} to {upper}"
    if match["per"]:
        said += f" per {_PERIODS.get(match['per'].lower(), match['per'])}"
    return f"minus {said}" if match["minus"] else said


def _percent(match: re.Match[str]) -> str:
    lower = f"{number(match['from'])} to " if match["from"] else ""
    return f"{lower}{_signed(match)} percent"


def _measure(match: re.Match[str]) -> str:
    one, many = _UNITS[match["unit"]]
    lower = f"{number(match['from'])} to " if match["from"] else ""
    adjective = _is_adjective(match) and "degree" not in one and one != "foot"
    return f"{lower}{_signed(match)} {one if is_one(match['amount']) or adjective else many}"


def _signed(match: re.Match[str]) -> str:
    return f"{'minus ' if match['minus'] else ''}{number(match['amount'])}"


def _fraction(match: re.Match[str]) -> str | None:
    top, bottom = int(match["top"]), int(match["bottom"])
    if bottom < 2 or (top, bottom) == (0, 0):
        return None
    if match["whole"]:
        return mixed(match["whole"], top, bottom) if top < bottom else None
    if is_usual_fraction(top, bottom) or (top < bottom and word_after(match) == "of"):
        return fraction(top, bottom)
    return None


def _glyph(match: re.Match[str]) -> str:
    top, bottom = _GLYPHS[match["glyph"]]
    return mixed(match["whole"], top, bottom) if match["whole"] else fraction(top, bottom)


def _ordinal(match: re.Match[str]) -> str:
    return ordinal(int(match["figures"].replace(",", "")))


def _decade(match: re.Match[str]) -> str:
    said = year(int(match["figures"])) if len(match["figures"]) == 4 else cardinal(int(match["figures"]))
    return f"{said[:-1]}ies" if said.endswith("y") else f"{said}s"


def _range(match: re.Match[str]) -> str | None:
    lower, upper = match["from"], match["to"]
    if any(len(part) > 4 or (len(part) > 1 and part.startswith("0")) for part in (lower, upper)):
        return None
    return f"{plain(lower)} to {plain(upper)}"


def _plain(match: re.Match[str]) -> str:
    figures = match["amount"]
    following = word_after(match)
    is_counted = following.endswith("s") and following not in _NO_NOUN
    is_quantity = is_counted and len(figures) > 4 and not figures.startswith("0")
    said = number(figures) if is_quantity else plain(figures)
    return f"minus {said}" if match["minus"] else said


def _version(match: re.Match[str]) -> str:
    parts = match[0].lstrip("v").split(".")
    return "v " * match[0].startswith("v") + " point ".join(number(part) for part in parts)


def _left(match: re.Match[str]) -> str:
    said = number(match["amount"])
    following = match.string[match.end() : match.end() + 1]
    return f"{said} " if following.isalnum() and not following.isdigit() else said


_MINUS = r"(?P<minus>(?<![\w)])[-−](?=[0-9$€£¥.]))?"

AMOUNTS: tuple[Rule, ...] = (
    rule(
        rf"{ALONE}(?P<feet>[0-9])\s?(?:ft|foot|feet)\.?\s(?P<inches>1[01]|[0-9])\s?(?:inches\b|in\b\.?)",
        lambda match: f"{number(match['feet'])} foot {number(match['inches'])}",
    ),
    rule(
        rf"{_MINUS}(?<![\w.,$€£¥])(?:(?P<sign>{_SIGN})\s?|(?P<code>{_CODE})\s)?"
        rf"(?P<amount>{NUMBER})(?P<scale>{_SCALE})?"
        rf"(?:{TO}{_SIGN}?(?P<to>{NUMBER})(?P<to_scale>{_SCALE})?)?"
        rf"(?(sign)|(?(code)|\s?(?:(?P<sign_after>[€£¥$])|(?P<code_after>{_CODE})\b)))"
        r"(?![0-9]|[.,][0-9])(?:\s?/\s?(?P<per>[a-z]{1,12})\b)?",
        _money,
    ),
    rule(
        rf"(?:{ALONE}(?P<from>{NUMBER})%?{TO})?(?P<minus>(?<![\w)])[-−])?(?<![\w.,])(?P<amount>{NUMBER})\s?%",
        _percent,
    ),
    rule(
        rf"(?:{ALONE}(?P<from>{NUMBER})\s?{TO})?(?P<minus>(?<![\w)])[-−])?(?<![\w.,])(?P<amount>{NUMBER})"
        rf"\s?(?P<unit>{_UNIT})(?![\w/])",
        _measure,
    ),
    rule(rf"{ALONE}(?:(?P<whole>[0-9]{{1,3}})[ -]?)?(?P<glyph>[{''.join(_GLYPHS)}])", _glyph),
    rule(
        rf"{ALONE}(?P<feet>[0-9])['’′]\s?(?P<inches>1[01]|[0-9])(?![\w'’])[\"”″]?",
        lambda match: f"{number(match['feet'])} foot {number(match['inches'])}",
    ),
    rule(rf"{ALONE}24/7\b", lambda _: "twenty-four seven"),
    rule(rf"{ALONE}50/50(?![\w/])", lambda _: "fifty-fifty"),
    rule(
        rf"{ALONE}(?:(?P<whole>[0-9]{{1,3}})[ -])?(?P<top>[0-9]{{1,2}})/(?P<bottom>[0-9]{{1,2}})"
        r"(?![\w/]|[.,][0-9])",
        _fraction,
    ),
    rule(rf"{ALONE}(?P<figures>[0-9]{{1,3}}(?:,[0-9]{{3}})?|[0-9]{{1,4}})(?:st|nd|rd|th)\b", _ordinal),
    rule(r"(?<![\w.,])['’]?(?P<figures>(?:1[1-9]|20)[0-9]0|[2-9]0)['’]?s\b", _decade),
    rule(rf"{ALONE}(?P<figures>{NUMBER})[x×](?![\w])", lambda match: f"{number(match['figures'])} times"),
    rule(
        rf"{ALONE}(?P<one>{NUMBER})\s?[x×]\s?(?P<other>{NUMBER}){ENDS}",
        lambda match: f"{number(match['one'])} by {number(match['other'])}",
    ),
    rule(rf"{ALONE}(?P<from>[0-9]{{1,4}}){TO}(?P<to>[0-9]{{1,4}})(?![\w%/-]|[.,:][0-9])", _range),
    rule(
        rf"{ALONE}(?P<over>[0-9]{{1,3}})/(?P<under>[0-9]{{1,3}})(?![\w/]|[.,][0-9])",
        lambda match: f"{number(match['over'])} over {number(match['under'])}",
    ),
    rule(
        rf"{ALONE}(?P<one>[0-9]{{1,3}}):(?P<other>[0-9])(?![\w:]|[.,][0-9])",
        lambda match: f"{number(match['one'])} to {number(match['other'])}",
    ),
    # Versions and outlines: 2.0.1
    rule(
        r"(?<![\w.,])v?[0-9]{1,5}(?:\.[0-9]{1,5}){2,6}(?!\w)",
        _version,
    ),
    rule(rf"{_MINUS}(?<![\w.,])(?P<amount>{NUMBER}){ENDS}", _plain),
    rule(r"(?<![\w.])\.(?P<decimals>[0-9]{1,10})\b", lambda match: f"point {digits(match['decimals'])}"),
    rule(f"[{''.join(_GLYPHS)}]", lambda match: f" {fraction(*_GLYPHS[match[0]])}"),
    # Whatever is left: figures among letters and marks.
    rule(r"(?<=[^\W\d_])(?P<amount>[0-9]{1,20})", lambda match: f" {_left(match)}"),
    rule(r"(?P<amount>[0-9]{1,20})", _left),
)
"""In order of precedence. The last ones take every figure that is left."""
