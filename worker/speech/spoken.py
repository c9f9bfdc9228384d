"""A text as a person would say it on the phone: what the voice is given in the place of what is written. Pure.

    "It's $60, on 3/5 at 3:30 pm; my number is 415-555-0134."
    "It's sixty dollars, on March fifth at three thirty PM; my number is four one five, five five five, zero one
     three four."

Transcript and memory keep what is written; only the voice gets this. Nothing changes its meaning: what no rule
knows stays as it is, and of several readings the one is taken that can be written down again. Voices read plain
sentences well, but numbers each in its own way, and those are what a call is about.

English is done in full. In other languages telephone numbers, long numbers and addresses are said sign by sign,
and the rest is left to the voice, which knows the grammar that a pattern does not.
"""

from __future__ import annotations

import re
from functools import lru_cache

from num2words import num2words

from worker.speech import spoken_addresses, spoken_codes, spoken_times
from worker.speech.spoken_amounts import AMOUNTS
from worker.speech.spoken_rules import Piece, Rule, apply, rule, text_after
from worker.speech.spoken_words import split_digits

DEFAULT_LANGUAGE = "en-US"

MAX_CHARS = 4_000
"""A longer text is no clause, and is left as it is."""

PAUSE_CHARS = 4
"""What the pause of a comma is worth, in characters (some 0.25 s)."""
_PAUSES = ",;:—"

_MONTH_FIRST_REGIONS = frozenset({"US", "PH", "CA"})
_NOTHING_TO_DO = re.compile(r"[^0-9@&#%$€£¥°½⅓⅔¼¾⅕⅛⅜⅝⅞~=*/]*")
_MAYBE_SPELLED = re.compile(
    r"\b[A-Za-z](?:[-‑– ][A-Za-z]\b){2}"
    r"|\.[A-Za-z]|\b[a-z]\.|\bvs\b|\bapprox\b"
    r"|\b[MTWFS][a-z]{2,8}\s?[-–—]\s?[MTWFS][a-z]{2}"
)
"""Letters one by one, addresses, abbreviations, days of the week: what is looked at without a sign or a figure."""


def spoken(text: str, language: str = DEFAULT_LANGUAGE) -> str:
    """The text as it is said. `language` is a BCP-47 tag. Never raises, never makes something out of nothing or
    nothing out of something."""
    return "".join(piece.said for piece in pieces(text, language))


def pieces(text: str, language: str = DEFAULT_LANGUAGE) -> list[Piece]:
    """The same in pieces, each with what is written there: to tell how far into the text a voice has come."""
    if not text or len(text) > MAX_CHARS or _is_plain(text):
        return [Piece(text, text)] if text else []
    return apply(_rules(language), text)


def said_until(text: str) -> list[float]:
    """How far the speech is when the text is written so far, for each place between two characters: the first is
    0, the last the length of the whole, in characters as they are said. Tells which words were said when a part of
    the audio was played: "$60" takes as long as "sixty dollars", and a comma takes time too."""
    until = [0.0]
    for piece in pieces(text):
        length = len(piece.said) + PAUSE_CHARS * sum(map(piece.said.count, _PAUSES))
        step = length / len(piece.written)
        if piece.said == piece.written:
            for character in piece.written:
                until.append(until[-1] + 1 + (PAUSE_CHARS if character in _PAUSES else 0))
        else:
            until += [until[-1] + step * count for count in range(1, len(piece.written) + 1)]
    return until


def _is_plain(text: str) -> bool:
    return _NOTHING_TO_DO.fullmatch(text) is not None and _MAYBE_SPELLED.search(text) is None


@lru_cache(maxsize=50)
def _rules(language: str) -> tuple[Rule, ...]:
    name, _, rest = language.replace("_", "-").partition("-")
    region = rest[-2:].upper() if len(rest) >= 2 else ""
    if name.lower() == "en":
        return _english(region or "US")
    return _other(name.lower(), region)


def _english(region: str) -> tuple[Rule, ...]:
    return (
        *spoken_addresses.rules(spoken_addresses.ENGLISH),
        *_ABBREVIATIONS,
        *spoken_times.rules(month_first=region in _MONTH_FIRST_REGIONS),
        *spoken_codes.rules(region),
        *AMOUNTS,
        *_SIGNS,
    )


def _initials(match: re.Match[str]) -> str:
    letters = re.findall("[A-Za-z]", match[0])
    said = " ".join(letters) if len(letters) == 2 else "".join(letters)
    return said if text_after(match).strip() else f"{said}."


def _as_case(match: re.Match[str], words: str) -> str:
    return words.capitalize() if match[0][0].isupper() else words


_ABBREVIATIONS: tuple[Rule, ...] = (
    rule(r"(?<!\w)(?i:e\.\s?g\.),?", lambda match: _as_case(match, "for example,")),
    rule(r"(?<!\w)(?i:i\.\s?e\.),?", lambda match: _as_case(match, "that is,")),
    rule(r"\b(?:vs)\b\.?(?=\s)", lambda _: "versus"),
    rule(r"\b(?:[Aa]pprox)\b\.?(?=\s)", lambda match: _as_case(match, "approximately")),
    rule(r"(?<![\w/])[Ww]/o(?![\w/])", lambda match: _as_case(match, "without")),
    rule(r"(?<![\w/])[Ww]/(?=\s)", lambda match: _as_case(match, "with")),
    rule(r"(?<![\w/])[Ww]/(?=\w)", lambda match: _as_case(match, "with ")),
    rule(r"(?<![\w/])[Cc]/o(?![\w/])", lambda match: _as_case(match, "care of")),
    rule(r"\b(?:[A-Z]\.){2,6}(?![\w.])", _initials),
)

_SIGNS: tuple[Rule, ...] = (
    rule(r"(?<=\w)\s?&\s?(?=\w)", lambda _: " and "),
    rule(r"(?<=\s)&(?=\s)", lambda _: "and"),
    rule(r"(?<=\s)@(?=\s)", lambda _: "at"),
    rule(r"(?<!\S)@(?=\w)", lambda _: "at "),
    rule(r"(?<=\w)\s?[+]\s?(?=\w)", lambda _: " plus "),
    rule(r"(?<=\w)[+](?!\w)", lambda _: " plus"),
    rule(r"(?<=\w)\s?=\s?(?=\w)", lambda _: " equals "),
    rule(r"(?<=[0-9])\s?[*x×]\s?(?=[0-9$€£])", lambda _: " times "),
    rule(r"(?<!\S)~\s?(?=\w)", lambda _: "about "),
    rule(r"(?<!\w)#(?![\w#])", lambda _: "pound"),
    rule(r"(?<!\w)\*(?![\w*])", lambda _: "star"),
    rule(r"(?i:(?<=\band)/(?=or\b))", lambda _: " "),
)
"""After the numbers, whose signs were said with them."""


def _other(name: str, region: str) -> tuple[Rule, ...]:
    """What is right in any language: what is said sign by sign."""
    spelled = _digit_words(name)
    if spelled is None:
        return ()
    signs = spoken_addresses.SIGNS.get(name)
    addresses = spoken_addresses.rules(signs, spelled) if signs else ()

    def number(match: re.Match[str]) -> str | None:
        return _figures(match[0], spelled, region)

    return (*addresses, rule(_LONG_NUMBER, number))


_LONG_NUMBER = (
    r"(?<![\w.,:/$€£¥-])(?:\+|\(?0)[0-9]{0,5}(?:\)?[ .\-/]?\(?[0-9]{1,8}\)?){1,6}(?![\w%:/€$£]|[.,-][0-9])"
)
"""Telephone numbers and codes, which begin with a plus or a zero: no quantity does."""


def _figures(written: str, spelled: dict[str, str], region: str) -> str | None:
    groups = re.findall(r"[0-9]+", written)
    if sum(map(len, groups)) < 5 or re.fullmatch(r"[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}", written):
        return None  # a date
    groups = spoken_codes.phone_groups(written, region or "ZZ")
    said = ", ".join(
        " ".join(spelled[figure] for figure in part) for group in groups for part in split_digits(group)
    )
    return f"{_PLUS.get(spelled['0'], 'plus')} {said}" if written.startswith("+") else said


_PLUS = {"null": "plus", "cero": "más", "zero": "più"}


def _digit_words(name: str) -> dict[str, str] | None:
    """The ten digits in that language; None for one that nobody here can count in."""
    try:
        return {str(value): str(num2words(value, lang=name)) for value in range(10)}
    except NotImplementedError:
        return None
