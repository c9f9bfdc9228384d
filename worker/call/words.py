"""Words of a text, for comparing what was said. Nothing here knows of turns or calls."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+(?:'[^\W\d_]+)?")


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation: `"Mm-hm, OK!"` is `["mm", "hm", "ok"]`."""
    return [word.lower() for word in _WORD.findall(text.replace("’", "'"))]


def is_repeated_from(text: str, whole: str) -> bool:
    """Whether the words of `text`, of which there are some, come one after the other in `whole`; a word or two may
    come twice, as where a sentence was broken off and gone on with."""
    words, among = words_of(text), words_of(whole)
    places = set(range(len(among)))
    for word in words:
        found = {at for at in places if 0 <= at < len(among) and among[at] == word}
        places = {at + step for at in found for step in (1, 0, -1)}
    return bool(words and places)


def same_words(one: str, other: str) -> bool:
    return words_of(one) == words_of(other)
