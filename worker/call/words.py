"""Words of a text, for comparing what was said. Nothing here knows of turns or calls."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+(?:'[^\W\d_]+)?")


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation: `"Mm-hm, OK!"` is `["mm", "hm", "ok"]`."""
    return [word.lower() for word in _WORD.findall(text.replace("’", "'"))]


def same_words(one: str, other: str) -> bool:
    return words_of(one) == words_of(other)
