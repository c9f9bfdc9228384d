"""Cutting a model's text, while it is being written, into clauses that are synthesised one by one.

The first clause is short, since nothing is heard before it is complete. Later ones are whole sentences, which
sound better. Wherever the last character alone tells that a clause is over ("Good morning!") nothing more is
waited for: at 60 tokens a second each token of look-ahead is 17 ms of silence. A full stop tells it only after
an ordinary word: "Dr.", "e.g.", "3." and "mara@example." may go on.
"""

from __future__ import annotations

from worker.speech.speakable import BREAK, Speakable

FIRST_WORDS = 3
"""The first clause may end at a comma when it has so many words: "Yes," alone would sound torn off."""
FIRST_CHARS = 60
"""A first clause as long as this (about four seconds of speech) is cut at a space rather than waited for."""
LATER_CHARS = 12
"""A later sentence shorter than this is spoken with the next one, if there is one."""
LONG_CHARS = 160
"""A later clause as long as this is cut at its last comma."""
LONGEST_CHARS = 300
"""And as long as this at its last space, or anywhere if there is none (no language; a model gone astray)."""

_SURE_STOPS = frozenset("!?…。！？؟।")
_SOFT_STOPS = frozenset(",;:—–")
_SURE_SOFT_STOPS = frozenset("，、；：")

_GOES_ON = frozenset(
    "dr mr mrs ms mx prof rev hon st mt ft gen col capt lt sgt gov sen rep pres supt vs etc eg ie cf approx "
    "apt dept est ext fig inc ltd co corp jr sr tel vol ave blvd rd no nos nr str bzw usw ca sra srta sig".split()
)
"""Words whose full stop seldom ends a sentence. Where it does, the clause is merely longer."""
_NUMBERED = frozenset({"no", "nos", "nr"})
""""No. 5" is a number, but "No. I can't" two sentences."""


class ClauseCutter:
    """Feed it a model's text as it comes. The clauses put together are the speakable text: every one but the
    first begins with its space, if it was parted by one."""

    def __init__(self) -> None:
        self._speakable = Speakable()
        self._text = ""
        self._is_first = True

    def feed(self, text: str) -> list[str]:
        """The clauses that are complete with this piece of text."""
        self._text += self._speakable.feed(text)
        return self._cut(final=False)

    def flush(self) -> list[str]:
        """What is left at the end of the text. The cutter can then be used for another."""
        self._text += self._speakable.flush()
        clauses = self._cut(final=True)
        if self._text:
            clauses.append(self._taken(len(self._text)))
        self._is_first = True
        return clauses

    def _cut(self, final: bool) -> list[str]:
        clauses = []
        while end := self._end(final):
            clauses.append(self._taken(end))
        return clauses

    def _taken(self, end: int) -> str:
        clause, self._text = self._text[:end], self._text[end:]
        self._is_first = False
        return clause.replace(BREAK, " ")

    def _end(self, final: bool) -> int:
        """Where the next clause ends in the text so far; 0 when that can't be told yet."""
        text = self._text
        last_soft = 0
        longest = FIRST_CHARS if self._is_first else LONG_CHARS
        for at, character in enumerate(text):
            if at >= longest and (cut := self._forced(last_soft, at)):
                return cut
            if character == BREAK and at > 0 and self._is_enough(text[:at]):
                return at
            stop = _stops(text, at, final)
            if stop == _UNSURE:
                return 0
            if stop == _HARD and self._is_enough(text[: at + 1]):
                return at + 1
            if stop == _SOFT:
                last_soft = at + 1
                if self._is_first and len(text[: at + 1].split()) >= FIRST_WORDS:
                    return at + 1
        return 0

    def _is_enough(self, clause: str) -> bool:
        if not any(character.isalnum() for character in clause):
            return False
        return self._is_first or len(clause.strip()) >= LATER_CHARS

    def _forced(self, last_soft: int, at: int) -> int:
        """Where to cut a clause that has grown to `at` characters without an end."""
        if last_soft and self._is_enough(self._text[:last_soft]):
            return last_soft
        if not self._is_first and at < LONGEST_CHARS:
            return 0
        space = _last_space(self._text, at)
        if space:
            return space
        return at if at >= LONGEST_CHARS else 0


_NONE, _SOFT, _HARD, _UNSURE = range(4)


def _stops(text: str, at: int, final: bool) -> int:
    """Does the clause end with the character at `at`, for sure, perhaps, or not?"""
    character = text[at]
    if character in _SURE_STOPS:
        return _HARD
    if character in _SURE_SOFT_STOPS:
        return _SOFT
    if character == ".":
        return _full_stop(text, at, final)
    if character in _SOFT_STOPS:
        if at + 1 < len(text):
            if text[at + 1] not in {" ", BREAK} and character not in "—–":
                return _NONE  # 1,000 and 5:30 and https://
            return _SOFT if not _joins_digits(text, at) else _NONE
        if character == "," and not text[at - 1 : at].isdigit():
            return _SOFT  # nothing but a space follows a comma after a letter
        return _NONE if not final else _SOFT
    return _NONE


def _full_stop(text: str, at: int, final: bool) -> int:
    word = _word_before(text, at)
    following = text[at + 1 : at + 2]
    if not following:
        if final:
            return _HARD
        return _HARD if _is_plain(word) else _UNSURE
    if following not in {" ", BREAK}:
        return _NONE  # 3.50, example.com, the first of "e.g.", "..."
    if following == BREAK:
        return _HARD
    bare = word.lower().strip(".(")
    next_character = text[at + 2 : at + 3]
    if bare in _NUMBERED:
        if not next_character:
            return _UNSURE if not final else _HARD
        return _NONE if next_character.isdigit() else _HARD
    if bare in _GOES_ON or (len(bare) == 1 and bare.isalpha()):
        return _NONE
    if "." in word.strip("."):
        # "e.g. a", "5 p.m. on", but "until 5 p.m. The"
        if not next_character:
            return _UNSURE if not final else _HARD
        is_over = next_character.isupper() and (word.endswith(("m", "M")) or "@" in word or len(word) > 5)
        return _HARD if is_over else _NONE
    if _joins_digits(text, at):
        return _NONE
    return _HARD


def _is_plain(word: str) -> bool:
    """An ordinary word, whose full stop ends a sentence even if nothing is known of what follows."""
    return (
        len(word) > 1
        and word.replace("'", "").replace("’", "").isalpha()
        and word.lower() not in _GOES_ON | {"www"}
    )


def _word_before(text: str, at: int) -> str:
    start = at
    while start > 0 and text[start - 1] not in {" ", BREAK}:
        start -= 1
    return text[start:at]


def _joins_digits(text: str, at: int) -> bool:
    """A mark between digits, as in "4, 1, 5" or "415. 555": a number that is read out."""
    return text[at - 1 : at].isdigit() and text[at + 1 :].lstrip()[:1].isdigit()


def _last_space(text: str, before: int) -> int:
    """The last space up to `before` that does not stand inside a number like +1 415 555 0134."""
    for at in range(before, 0, -1):
        if text[at] in {" ", BREAK} and not (text[at - 1].isdigit() and text[at + 1 : at + 2].isdigit()):
            return at
    return 0
