"""How e-mail and web addresses are said: "mara dot lee at example dot com". Pure.

Letters that make no word are said one by one ("gmx" is "G, M, X"), figures digit by digit, since an address
is written down by who hears it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from worker.speech.spoken_rules import Rule, rule
from worker.speech.spoken_words import digits

ENGLISH: Mapping[str, str] = {
    "@": "at",
    ".": "dot",
    "-": "dash",
    "_": "underscore",
    "+": "plus",
    "/": "slash",
    "?": "question mark",
    "=": "equals",
    "&": "and",
    "#": "hash",
    "%": "percent",
    "~": "tilde",
    ":": "colon",
    "'": "apostrophe",
}
SIGNS: Mapping[str, Mapping[str, str]] = {
    "en": ENGLISH,
    "de": {"@": "ät", ".": "Punkt", "-": "Minus", "_": "Unterstrich", "+": "Plus", "/": "Schrägstrich"},
    "es": {"@": "arroba", ".": "punto", "-": "guion", "_": "guion bajo", "+": "más", "/": "barra"},
    "fr": {"@": "arobase", ".": "point", "-": "tiret", "_": "tiret bas", "+": "plus", "/": "barre oblique"},
    "it": {"@": "chiocciola", ".": "punto", "-": "trattino", "_": "trattino basso", "+": "più", "/": "barra"},
    "nl": {"@": "apenstaartje", ".": "punt", "-": "streepje", "_": "laag streepje", "+": "plus", "/": "slash"},
    "pt": {"@": "arroba", ".": "ponto", "-": "hífen", "_": "sublinhado", "+": "mais", "/": "barra"},
}
"""What the signs are called, by language. An address with a sign that has no name stays as it is."""

_TOP = (
    "com|org|net|edu|gov|mil|int|info|biz|io|ai|app|dev|co|us|uk|ca|au|nz|ie|de|fr|es|it|nl|be|ch|at|pt|eu|me|tv|health"
    "|care|clinic|shop|store|school|restaurant|bank|law|page|site|online|xyz|local"
)
"""Ends of names that are addresses even without "www": of all there are, those that a text likely means."""
_WORD_ENDS = frozenset({"co", "me"})
"""Ends of two letters that are said as a word; the others are countries, which are spelled."""
_VOWELS = re.compile(r"[aeiouyäöüáéíóúàèìòùâêîôû]", re.IGNORECASE)

_NAME = r"[\w](?:[\w-]{0,62}[\w])?"
_MAIL = rf"(?<![\w.+@-])[\w](?:[\w.+'-]{{0,63}}[\w])?@{_NAME}(?:\.{_NAME}){{1,6}}"
_PATH = r"(?:/[\w./~%?=&#:+-]{0,300}[\w/])?"
_WEB = (
    rf"(?<![\w.@/-])(?:https?://(?:{_NAME}\.){{0,6}}{_NAME}(?::[0-9]{{2,5}})?"
    rf"|www\.(?:{_NAME}\.){{0,6}}{_NAME}"
    rf"|(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{{0,62}}[a-zA-Z0-9])?\.){{1,5}}(?:{_TOP}))(?![\w@-]){_PATH}/?"
)


def say_address(address: str, signs: Mapping[str, str], spelled: Mapping[str, str] | None = None) -> str | None:
    """An address aloud; None if it has a sign without a name."""
    address = re.sub(r"^https?://", "", address, flags=re.IGNORECASE).rstrip("/")
    parts = re.findall(r"[^\W\d_]+|[0-9]+|.", address)
    said = []
    for at, part in enumerate(parts):
        if part.isalpha():
            said.append(_word(part, is_end=at > 0 and parts[at - 1] == "." and "/" not in parts[:at]))
        elif re.fullmatch("[0-9]+", part):
            said.append(_figures(part, spelled))
        elif part in signs:
            said.append(signs[part])
        else:
            return None
    return " ".join(said)


def _figures(figures: str, spelled: Mapping[str, str] | None) -> str:
    if spelled is None:
        return digits(figures)
    return " ".join(spelled[figure] for figure in figures)


def _word(letters: str, *, is_end: bool) -> str:
    is_short = len(letters) <= 4 and not _VOWELS.search(letters)
    is_country = is_end and len(letters) == 2 and letters.lower() not in _WORD_ENDS
    if len(letters) == 1 or not (is_short or is_country):
        return letters
    return (", " if len(letters) > 2 else " ").join(letters.upper())


def rules(signs: Mapping[str, str], spelled: Mapping[str, str] | None = None) -> tuple[Rule, ...]:
    """Addresses, with what the signs are called; `spelled` gives the digits of another language than English."""
    return (
        rule(_MAIL, lambda match: say_address(match[0], signs, spelled)),
        rule(_WEB, lambda match: say_address(match[0], signs, spelled), re.IGNORECASE),
    )
