"""How rules that turn writing into speech are written down and applied. Pure.

A rule is a pattern and a function that gives what is said in the place of a match, or None where the rule does not
apply. Rules come in order of precedence: what an earlier one has taken, a later one does not see. Patterns say
`[0-9]` and not `\\d`, which takes the digits of all scripts, and their repetitions are bounded, so that time grows
with the length of the text and no faster.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Say = Callable[["re.Match[str]"], str | None]


@dataclass(frozen=True, slots=True)
class Rule:
    pattern: re.Pattern[str]
    say: Say


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text and what is said for it; the parts put together are the text."""

    written: str
    said: str


def rule(pattern: str, say: Say, flags: re.RegexFlag = re.NOFLAG) -> Rule:
    return Rule(re.compile(pattern, flags), say)


def apply(rules: Sequence[Rule], text: str) -> list[Piece]:
    """The text in pieces, each either as it is or as a rule has it."""
    taken: list[_Taken] = []
    for each in rules:
        if found := list(_hits(each, text, taken)):
            taken = sorted(taken + found)
    pieces, at = [], 0
    for start, end, said in taken:
        if start > at:
            pieces.append(Piece(text[at:start], text[at:start]))
        pieces.append(Piece(text[start:end], said))
        at = end
    if at < len(text):
        pieces.append(Piece(text[at:], text[at:]))
    return pieces


_Taken = tuple[int, int, str]
"""From, until, and what is said."""


def _hits(each: Rule, text: str, taken: list[_Taken]) -> Iterator[_Taken]:
    at = 0
    while (match := each.pattern.search(text, at)) is not None:
        start, end = match.span()
        if (free_from := _free_from(taken, start, end)) is not None:
            at = max(free_from, start + 1)
        elif end > start and (said := each.say(match)) is not None:
            yield start, end, said
            at = end
        else:
            at = start + 1


def _free_from(taken: list[_Taken], start: int, end: int) -> int | None:
    """Where to look on when a part of this is taken already; None: it is free."""
    before = bisect(taken, start, key=lambda one: one[0]) - 1
    if before >= 0 and taken[before][1] > start:
        return taken[before][1]
    is_free = before + 1 >= len(taken) or taken[before + 1][0] >= end
    return None if is_free else start + 1


def word_before(match: re.Match[str]) -> str:
    """The word that stands before a match, in lower case; empty if there is none."""
    before = match.string[max(0, match.start() - 40) : match.start()].rstrip(" ,:(")
    return re.split(r"[\s(]", before)[-1].lower() if before else ""


def text_after(match: re.Match[str]) -> str:
    return match.string[match.end() : match.end() + 40]


def word_after(match: re.Match[str]) -> str:
    """The word that follows a match after one space, as it is written; empty if there is none."""
    found = re.match(r" ([^\W\d_]+(?:'[a-z]+)?)", text_after(match))
    return found[1] if found else ""
