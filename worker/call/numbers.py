"""Numbers as they are spoken: "sixty-five" is 65, "class four B" is "class 4b". Pure, English."""

from __future__ import annotations

import re

from worker.call.words import words_of

_UNITS = {
    word: value
    for value, word in enumerate(
        words_of(
            """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen
    """
        )
    )
}
_TENS = {
    word: value * 10
    for value, word in enumerate(
        words_of(
            """
    twenty thirty forty fifty sixty seventy eighty ninety
    """
        ),
        start=2,
    )
}
_SCALES = {"hundred": 100, "thousand": 1000}
_WORDS = {**_UNITS, **_TENS, **_SCALES}

_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_WORD_NUMBER = r"(?:(?:{names}|a (?={scales}\b))(?:[\s-]+(?:and[\s-]+)?(?:{names}))*)".format(
    names="|".join(_WORDS), scales="(?:hundred|thousand)"
)
_MONEY = re.compile(
    rf"(?:\$|usd\s*)\s*(?P<before>{_NUMBER})(?:\s*(?P<k>k|thousand)\b)?"
    rf"|(?P<after>{_NUMBER}|{_WORD_NUMBER})[\s-]*(?:us[\s-]+)?(?:dollars?|bucks?|usd)\b",
    re.IGNORECASE,
)


def value_of(text: str) -> float | None:
    """The value of a number in figures or words ("1,200.50", "two hundred and five"), or None."""
    compact = text.strip().replace(",", "")
    if re.fullmatch(r"\d+(?:\.\d+)?", compact):
        return float(compact)
    total = current = 0
    found = False
    for word in words_of(text):
        if word in ("and", "a"):
            continue
        if word not in _WORDS:
            return None
        found = True
        if word == "thousand":
            total += (current or 1) * 1000
            current = 0
        elif word == "hundred":
            current = (current or 1) * 100
        else:
            current += _WORDS[word]
    return float(total + current) if found else None


def amounts_usd(text: str) -> list[float]:
    """The amounts of money that a text names, in dollars."""
    amounts = []
    for match in _MONEY.finditer(text):
        value = value_of(match["before"] or match["after"])
        if value is not None:
            amounts.append(value * 1000 if match["k"] else value)
    return amounts


def with_figures(text: str) -> list[str]:
    """The words of a text with numbers as figures, a single letter after one joined to it: `4b`, `12`, `65`."""
    result: list[str] = []
    run: list[str] = []

    def close_run() -> None:
        if run:
            result.extend(_figures(run))
            run.clear()

    for word in words_of(text):
        if word in _WORDS:
            run.append(word)
            continue
        close_run()
        if len(word) == 1 and word.isalpha() and word not in ("a", "i") and result and result[-1].isdigit():
            result[-1] += word
        else:
            result.append(word)
    close_run()
    return result


def _figures(run: list[str]) -> list[str]:
    """Spoken figures as numbers: "twelve" is 12, "two hundred five" 205, but "four one five" 4, 1, 5."""
    groups: list[list[str]] = []
    for word in run:
        last = groups[-1][-1] if groups else None
        joins = last is not None and (
            word in _SCALES or last in _SCALES or (last in _TENS and word in _UNITS and 0 < _UNITS[word] < 10)
        )
        if joins:
            groups[-1].append(word)
        else:
            groups.append([word])
    return [str(int(value_of(" ".join(group)) or 0)) for group in groups]
