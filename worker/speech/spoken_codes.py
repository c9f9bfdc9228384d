"""How telephone numbers, codes, room and house numbers and spelled names are said: sign by sign, with pauses.

Pure.
"""

from __future__ import annotations

import re

import phonenumbers

from worker.speech.spoken_rules import Rule, rule, text_after
from worker.speech.spoken_words import cardinal, digits, grouped_digits, number, ordinal, split_digits, two_digits

_STRONG = r"""pin|passcode|password|code|zip|postcode|extension|ext\.?|confirmation|invoice|reference|ref\.?
    |account|acct\.?|policy|tracking|serial|vin|mrn|ssn|box|plate|last\sfour(?:\sdigits)?|(?:ending|ends)\s(?:in|with)|(?:account|card)\sending
    |(?:phone|cell|mobile|fax|telephone|tel\.?)"""
"""What follows these is a code, however short."""
_WEAK = "order|booking|reservation|case|ticket|claim|member|membership|patient|card|group|prescription|licen[cs]e"
"""After these, "number" or "#" must come first, or many figures: one also orders 12 roses."""
_PLACE = r"""room|rm\.?|suite|ste\.?|apt\.?|apartment|unit|gate|bus|route|rte\.?|highway|hwy\.?|interstate|flight
    |platform|seat|building|bldg\.?|bay|lane|aisle|exit|channel|locker|track|line"""
"""These have numbers, which are said as numbers when they are short."""
_NAMES = {
    "ext": "extension",
    "apt": "apartment",
    "ste": "suite",
    "rm": "room",
    "acct": "account",
    "ref": "reference",
}
_NAMES |= {"rte": "route", "hwy": "highway", "bldg": "building", "tel": "telephone"}
_JOINS = r"(?:\s(?:number|num\.?|no\.?|code|id|is|was))*\s?[:#]?\s?#?"
_CODE = r"(?=[A-Z0-9-]{0,20}[0-9])[A-Z0-9]{1,20}(?:-[A-Z0-9]{1,12}){0,5}"
_AFTER_CODE = r"(?![\w/%:]|[.,][0-9]|-[0-9A-Za-z])"

_STREETS = {
    "st": "Street",
    "ave": "Avenue",
    "av": "Avenue",
    "blvd": "Boulevard",
    "rd": "Road",
    "dr": "Drive",
    "ln": "Lane",
    "ct": "Court",
    "pl": "Place",
    "sq": "Square",
    "pkwy": "Parkway",
    "hwy": "Highway",
    "ter": "Terrace",
}
_STREET = (
    r"Street|Avenue|Boulevard|Road|Drive|Lane|Court|Place|Square|Parkway|Highway|Terrace|Way|Circle|Alley|Broadway"
    r"|(?:St|Ave|Av|Blvd|Rd|Dr|Ln|Ct|Pl|Sq|Pkwy|Hwy|Ter)\b\.?"
)

_LONGEST_LOCAL = 10
"""Figures of a telephone number without its country's code, in the USA."""


def phone(written: str, region: str) -> str:
    """The digits in groups: "+14155550134" is "plus one, four one five, five five five, zero one three four"."""
    plus = "plus " if written.startswith("+") else ""
    return plus + ", ".join(
        digits(part) for group in phone_groups(written, region) for part in split_digits(group)
    )


def phone_groups(written: str, region: str) -> list[str]:
    """The figures in the groups they are written in, else those usual in their country."""
    groups = re.findall(r"[0-9]+", written)
    if len(groups) == 1 or max(len(group) for group in groups) > 6:
        return _usual_groups("+" * written.startswith("+") + "".join(groups), region)
    return groups


def _usual_groups(figures: str, region: str) -> list[str]:
    """The groups in which these figures are written where they belong; as they are if nobody knows them."""
    bare = figures.lstrip("+")
    try:
        parsed = phonenumbers.parse(figures, region)
        style = phonenumbers.PhoneNumberFormat
        form = style.INTERNATIONAL if figures.startswith("+") else style.NATIONAL
        groups = re.findall(r"[0-9]+", phonenumbers.format_number(parsed, form))
    except phonenumbers.NumberParseException:
        return [bare]
    # A formatter may add or drop a digit (a trunk's 0); what was written is said.
    return groups if "".join(groups) == bare else [bare]


def code(written: str) -> str:
    """Sign by sign: letters as letters, figures as figures, a pause where there is a mark or a long run."""
    return ", ".join(_run(run) for run in re.findall(r"[A-Za-z0-9]+", written))


def _run(run: str) -> str:
    parts = re.findall(r"[A-Za-z]+|[0-9]+", run)
    return " ".join(_letters(part) if part[0].isalpha() else grouped_digits(part) for part in parts)


def _letters(letters: str) -> str:
    """Few letters belong together; three or more are parted, so that they are not taken for a word."""
    return (", " if len(letters) > 2 else " ").join(letters.upper())


def _named(match: re.Match[str]) -> str:
    """The words in front of a code, in full."""
    cue = match["cue"]
    first = re.match(r"[A-Za-z]+\.?", cue)
    if first and (full := _NAMES.get(first[0].rstrip(".").lower())):
        cue = (full.capitalize() if cue[0].isupper() else full) + cue[first.end() :]
    cue = re.sub(r"\bno\b\.?|\bnum\b\.?", "number", cue, flags=re.IGNORECASE)
    if "#" in cue:
        cue = cue.replace("#", " number " if "number" not in cue.lower() else " ")
    return " ".join(cue.split()) + " "


def _strong(match: re.Match[str]) -> str | None:
    return _named(match) + code(match["code"])


def _weak(match: re.Match[str]) -> str | None:
    figures = match["code"]
    is_numbered = re.search(r"#|\bnumber|\bno\b|\bid\b|\bcode\b", match["cue"], re.IGNORECASE)
    if not is_numbered and figures.isdigit() and len(figures) < 5 and not figures.startswith("0"):
        return None
    return _named(match) + code(figures)


def _place(match: re.Match[str]) -> str:
    return _named(match) + place_number(match["code"])


def place_number(written: str) -> str:
    """Room 12 is "twelve", 200 "two hundred", 204 "two zero four", 4B "four B"."""
    found = re.fullmatch(r"([A-Z]*)-?([0-9]+)-?([A-Z]*)", written)
    if found is None or len(found[1]) > 2 or len(found[3]) > 2:
        return code(written)
    return " ".join(part for part in (_spaced(found[1]), _short(found[2]), _spaced(found[3])) if part)


def _spaced(letters: str) -> str:
    return " ".join(letters)


def _short(figures: str) -> str:
    if figures.startswith("0") or (len(figures) > 2 and not figures.endswith("00")) or len(figures) > 4:
        return grouped_digits(figures)
    return cardinal(int(figures))


def _numbered(match: re.Match[str]) -> str:
    plural = "s" if match["plural"] else ""
    capital = "N" if match[0][0] == "N" else "n"
    return f"{capital}umber{plural} {place_number(match['code'])}"


def _house(match: re.Match[str]) -> str:
    figures, street = match["house"], match["street"]
    bare = match["kind"].rstrip(".").lower()
    if full := _STREETS.get(bare):
        following = text_after(match)
        ends = match["kind"].endswith(".") and not following.strip()
        street = street[: -len(match["kind"])] + full + ("." if ends else "")
    street = re.sub(r"[0-9]+(?=st|nd|rd|th)(?:st|nd|rd|th)", lambda found: ordinal(int(found[0][:-2])), street)
    return house_number(figures) + street


def house_number(written: str) -> str:
    """123 is "one twenty-three", 300 "three hundred", 1205 "twelve oh five", 45 "forty-five"."""
    found = re.fullmatch(r"([0-9]+)([A-Za-z]?)", written)
    assert found is not None
    figures, letter = found[1], found[2]
    front, back = figures[:-2], figures[-2:]
    if len(figures) < 3 or len(figures) > 4 or figures.startswith("0") or int(figures) % 1000 == 0:
        said = number(figures) if len(figures) < 5 else grouped_digits(figures)
    elif back == "00":
        said = f"{cardinal(int(front))} hundred"
    else:
        said = f"{cardinal(int(front))} {two_digits(int(back))}"
    return f"{said} {letter.upper()}" if letter else said


def _phone_rule(region: str) -> Rule:
    def say(match: re.Match[str]) -> str | None:
        written = match["number"]
        groups = re.findall(r"[0-9]+", written)
        count = sum(map(len, groups))
        sure = written.startswith(("+", "(")) or match["extension"]
        if not 7 <= count <= 19 or (len(groups) == 1 and not sure and count != _LONGEST_LOCAL):
            return None
        is_thousands = len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
        if not sure and is_thousands and re.fullmatch(r"[0-9 ]+", written) and len(groups) > 1:
            return None  # 1 250 000, as some write it
        if not sure and re.search(r"[0-9]\.[0-9]", written) and [len(group) for group in groups][-2:] != [3, 4]:
            return None  # a version
        said = phone(written, region)
        return f"{said}, extension {grouped_digits(match['extension'])}" if match["extension"] else said

    return rule(
        r"(?<![\w.,:/$€£¥-])(?P<number>\(?\+?[0-9]{1,4}(?:\)?[ .\-‑–]?\(?[0-9]{1,7}\)?){1,6})"
        r"(?:,?\s?(?:x|ext\.?|extension)\s?(?P<extension>[0-9]{1,6}))?(?![\w%:/]|[.,-][0-9])",
        say,
    )


def _spelled(match: re.Match[str]) -> str:
    signs = re.findall(r"[A-Za-z0-9]", match[0])
    return ", ".join(digits(sign) if sign.isdigit() else sign.upper() for sign in signs)


def _mixed(match: re.Match[str]) -> str | None:
    """Letters and figures in one: a class, a postal code, a booking."""
    written = match[0]
    if re.fullmatch(r"[A-Z]{3,}-[0-9]{1,3}", written):  # COVID-19
        letters, figures = written.split("-")
        return f"{letters} {cardinal(int(figures))}"
    bare = written.replace("-", "")
    return place_number(written) if len(bare) <= 4 and written.count("-") < 2 else code(written)


def _british_postcode(match: re.Match[str]) -> str:
    return f"{_run(match[1])}, {_run(match[2])}"


def rules(region: str) -> tuple[Rule, ...]:
    """Codes and telephone numbers. `region`: the country (ISO 3166) in which a number without `+` is dialled."""
    verbose = re.IGNORECASE | re.VERBOSE
    hash_mark = r"\#"
    joins = _JOINS.replace("#", hash_mark)
    return (
        _phone_rule(region),
        # Cues in any case, the code itself as it is written.
        Rule(
            re.compile(rf"\b(?P<cue>(?:{_STRONG}){joins})(?P<code>(?-i:{_CODE})){_AFTER_CODE}", verbose), _strong
        ),
        Rule(re.compile(rf"\b(?P<cue>(?:{_WEAK}){joins})(?P<code>(?-i:{_CODE})){_AFTER_CODE}", verbose), _weak),
        Rule(re.compile(rf"\b(?P<cue>(?:{_PLACE}){joins})(?P<code>(?-i:{_CODE})){_AFTER_CODE}", verbose), _place),
        rule(
            r"\b(?P<state>[A-Z]{2})\s(?P<zip>[0-9]{5})(?:-(?P<more>[0-9]{4}))?(?![\w-])",
            lambda match: " ".join(
                (match["state"], digits(match["zip"]) + (f", {digits(match['more'])}" if match["more"] else ""))
            ),
        ),
        rule(r"\b([A-Z]{1,2}[0-9][0-9A-Z]?) ?([0-9][A-Z]{2})\b", _british_postcode),
        rule(r"\b([A-Z][0-9][A-Z]) ?([0-9][A-Z][0-9])\b", _british_postcode),
        rule(
            r"(?<![\w.,:/$€£¥-])[0-9]{2,6}(?:-[0-9]{2,6}){2,5}(?![\w%:/]|[.,-][0-9])",
            lambda match: ", ".join(grouped_digits(group) for group in match[0].split("-")),
        ),
        rule(
            rf"(?<![\w.,:/$-])(?P<house>[0-9]{{1,5}}[A-Za-z]?)"
            r"(?P<street>\s(?:(?:[NSEW]|[A-Z][\w'’-]{1,20}|[0-9]{1,3}(?:st|nd|rd|th))\.?\s){1,4}?"
            rf"(?P<kind>{_STREET}))(?!\w)",
            _house,
        ),
        rule(r"(?<![\w-])[A-Za-z0-9](?:[-‑–][A-Za-z0-9]){2,30}(?![\w-])", _spelled),
        rule(r"(?<![\w-])[A-Z](?: [A-Z]){2,30}(?![\w'’-])", _spelled),
        rule(
            rf"(?<!\w)(?:\#|(?i:no|nr)\.\s?|(?i:no)(?P<plural>s)\.\s?)\s?(?P<code>{_CODE}){_AFTER_CODE}",
            _numbered,
        ),
        rule(
            r"(?<![\w.$€£¥-])(?=[A-Z0-9-]{0,20}[A-Z])(?=[A-Z-]{0,20}[0-9])"
            r"[A-Z0-9]{1,20}(?:-[A-Z0-9]{1,12}){0,5}(?![\w-])",
            _mixed,
        ),
    )
