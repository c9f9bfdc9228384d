"""Which texts are about the same thing: by the words they share. Pure functions."""

from __future__ import annotations

import re

# Words that say how something is said, not what it is about.
_EMPTY = frozenset(
    """a about after again all also am an and any anything are as at be been before but by call can could day did do
    does for from get give go going good got had has have he hello help her here hers hi him his how i if in into is
    it its just know let like may me might mine more much my name need no not now of on one or our out over please
    say see she should so some tell than thank thanks that the their them then there these they thing this those to
    today up us want was we well were what when where which while who whom whose why will with would yes you your
    yours ask number phone it's i'm that's what's""".split()
)


def content_words(text: str) -> set[str]:
    """The words that carry a text's subject, lower case, without plural or possessive endings."""
    words = re.findall(r"[a-z0-9]+(?:'[a-z]+)?", text.lower())
    return {_stem(word) for word in words if word not in _EMPTY and _stem(word) not in _EMPTY}


def shared(one: str, other: str) -> int:
    """How many content words two texts share."""
    return len(content_words(one) & content_words(other))


def plain(text: str) -> str:
    """Words only, lower case, one blank between: for comparing what was said with what was to be said."""
    return " ".join(re.findall(r"[\w']+", text.lower()))


def _stem(word: str) -> str:
    word = word.removesuffix("'s")
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word.removesuffix(ending).rstrip("e")
    return word.rstrip("e") if len(word) > 4 else word
