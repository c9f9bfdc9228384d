"""Which facts does a line tell? Pure.

A fact counts as told when its distinctive words are in the line: those that are neither everyday words nor already
in the request, the callee's name or the person's. It errs on the side of noting a fact once too often.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from worker.call.contract import Fact
from worker.call.numbers import with_figures
from worker.call.words import words_of

ENOUGH_SHARE = 0.5
"""Of a fact's distinctive words; a line hardly has half of them by chance."""

_EVERYDAY = frozenset(
    words_of(
        """
    a an and or but so because if when while that which who whom what where how the my our your his
    her their its this these those to of for with from at in on by about as than then i you he she
    it we they me him us them is are was were be been am do does did have has had can could will
    would should may might must not no yes there here very just also too only well please thank
    thanks hello hi goodbye bye okay call calling called ms mr mrs dr today tomorrow now one two
    lives live living since last next after before name person know known up out get got good day
    time more any some all s t re ll ve d m
    """
    )
)


@dataclass(frozen=True, slots=True)
class FactWords:
    """A fact and the words by which it is recognised. `names` alone give it away: proper names and figures."""

    text: str
    fact_id: str | None
    distinctive: frozenset[str]
    names: frozenset[str]

    def told_in(self, line: str) -> bool:
        return self._told_by(frozenset(_stem(word) for word in with_figures(line)))

    def _told_by(self, spoken: frozenset[str]) -> bool:
        hits = self.distinctive & spoken
        if not hits:
            return False
        if hits & self.names:
            return True
        if len(hits) == 1 and len(self.distinctive) > 2:
            return False
        return len(hits) >= len(self.distinctive) * ENOUGH_SHARE


def fact_words(facts: Iterable[Fact], said_anyway: Iterable[str]) -> tuple[FactWords, ...]:
    """Prepare facts for the comparison. `said_anyway`: texts whose words tell nothing (the request, names)."""
    plain = {_stem(word) for text in said_anyway for word in with_figures(text)}
    prepared = []
    for fact in facts:
        words = [_stem(word) for word in with_figures(fact.text) if word not in _EVERYDAY]
        distinctive = frozenset(word for word in words if word not in plain and len(word) > 1)
        capitalised = {_stem(word.lower()) for word in re.findall(r"(?<=\S\s)[A-Z][a-z]+", fact.text)}
        names = frozenset(
            word
            for word in distinctive
            if word in capitalised or (any(char.isdigit() for char in word) and len(word) > 1)
        )
        prepared.append(FactWords(fact.text, fact.fact_id, distinctive, names))
    return tuple(prepared)


def told(line: str, facts: Iterable[FactWords]) -> list[FactWords]:
    """The facts that a line tells."""
    spoken = frozenset(_stem(word) for word in with_figures(line))
    return [fact for fact in facts if fact._told_by(spoken)]


def _stem(word: str) -> str:
    """Without a plural's or possessive's s: enough to match "dogs" and "dog's" to "dog"."""
    word = word.removesuffix("'s")
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
