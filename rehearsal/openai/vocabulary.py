"""Words and sentences, as the stand-in model tells them apart. Pure."""

from __future__ import annotations

import re

_SMALL = """
a about after all also am an and any are as ask at back be been but by call can could day did do does dr for from
get give go good had has have he hello her here hi him his how i i'd i'll i'm i've if in is it it's its just kind
know let like make may me mr mrs ms more much my need no not now of on one or our out please ring say she should
sir so some sort tell than that that's the their them then there these they this those to today tomorrow up us very
want was we well were what what's when where whether which who whose why will with would yes you your
"""
_SMALL_WORDS = frozenset(_SMALL.split())
_SENTENCE_END = re.compile(r"(?<!\bMr)(?<!\bMs)(?<!\bDr)(?<!\bSt)(?<!\bMrs)(?<=[.!?])\s+")
_NAME = re.compile(r"(?<=\w )[A-Z][a-z]+")


def words_of(text: str) -> list[str]:
    """A text's words in lower case, without punctuation."""
    return re.findall(r"[a-z0-9']+", text.replace("’", "'").casefold())


def is_small(word: str) -> bool:
    """Whether a word is so common that it says nothing of what a text is about."""
    return word in _SMALL_WORDS or len(word) < 2


def stem(word: str) -> str:
    """A word without the ending of a plural or a genitive."""
    word = word.removesuffix("'s").strip("'")
    return word.rstrip("s") if len(word) > 3 else word


def significant(text: str) -> set[str]:
    """The words that tell one text from another."""
    return {stem(word) for word in words_of(text) if not is_small(word)}


def names_in(text: str) -> set[str]:
    """Proper names: words with a capital letter that don't begin the text."""
    return {stem(word.casefold()) for word in _NAME.findall(text) if not is_small(word.casefold())}


def sentences(text: str) -> list[str]:
    return [sentence.strip() for sentence in _SENTENCE_END.split(text) if sentence.strip()]


def sentence(text: str) -> str:
    """The text with a full stop, if it has no other end."""
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else text + "."
