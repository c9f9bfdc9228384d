"""Numbers as English words, as they are said on the phone. Pure."""

from __future__ import annotations

from functools import lru_cache

from num2words import num2words

LONGEST_NUMBER = 15
"""Digits. Longer ones are no quantities: they are read digit by digit."""

LONGEST_GROUP = 5
"""Digits said in one breath: a postal code. More are parted."""

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@lru_cache(maxsize=2_000)
def cardinal(value: int) -> str:
    """1234 is "one thousand two hundred thirty-four", without the commas and the "and" of writing."""
    return str(num2words(value)).replace(",", "").replace(" and ", " ")


@lru_cache(maxsize=500)
def ordinal(value: int) -> str:
    """21 is "twenty-first"."""
    return str(num2words(value, to="ordinal")).replace(",", "").replace(" and ", " ")


def digits(figures: str) -> str:
    """Digit by digit: "0134" is "zero one three four"."""
    return " ".join(_DIGITS[int(figure)] for figure in figures)


def grouped_digits(figures: str) -> str:
    """Digit by digit with pauses, so that one can write along: "48213077" in fours, "123456" in threes."""
    return ", ".join(digits(group) for group in split_digits(figures))


def split_digits(figures: str) -> list[str]:
    if len(figures) <= LONGEST_GROUP:
        return [figures]
    size = 3 if len(figures) in (6, 7, 9, 10) else 4
    groups = [figures[at : at + size] for at in range(0, len(figures), size)]
    if len(groups[-1]) < size - 1:  # no lonely last digit: 415 555 0134
        last = groups.pop()
        groups[-1] += last
    return groups


def year(value: int) -> str:
    """2026 is "twenty twenty-six", 1905 "nineteen oh five", 2005 "two thousand five", 1900 "nineteen hundred"."""
    century, rest = divmod(value, 100)
    if not 10 <= century <= 29 or (century % 10 == 0 and rest < 10):
        return cardinal(value)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {two_digits(rest)}"


def two_digits(value: int) -> str:
    """Of a year, a minute or a house number: 5 is "oh five"."""
    return f"oh {cardinal(value)}" if value < 10 else cardinal(value)


def number(figures: str) -> str:
    """A number as it is written: "1,234", "3.50", "007", "12". Commas part thousands, a full stop the decimals."""
    whole, point, decimals = figures.replace(",", "").partition(".")
    is_code = len(whole) > LONGEST_NUMBER or (len(whole) > 1 and whole.startswith("0"))
    said = grouped_digits(whole) if is_code else cardinal(int(whole or "0"))
    return f"{said} point {digits(decimals)}" if point and decimals else said


def is_one(figures: str) -> bool:
    return figures.replace(",", "") in ("1", "1.0", "1.00")
