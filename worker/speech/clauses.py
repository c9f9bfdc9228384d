"""Cutting a model's text, while it is being written, into clauses that are synthesised one by one.

The first clause is short, since nothing is heard before it is complete. Later ones are whole sentences, which
sound better. Where the last character alone tells that the first clause is over ("Good morning!") nothing more
is waited for: at 60 tokens a second each token of look-ahead is 17 ms of silence. A full stop tells it only after
an ordinary word, where no address is being given: "Dr.", "e.g.", "3." and "my mail is mara." may go on. Later
clauses are ready long before they are played, so there the next character is always seen first.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from worker.speech.speakable import BREAK, Speakable

FIRST_WORDS = 3
"""The first clause may end at a comma when it has so many words: "Yes," alone would sound torn off."""
FIRST_CHARS = 60
"""A first clause as long as this (about four seconds of speech) is cut at a space rather than waited for."""
SHORTEST_CHARS = 15
"""Cut at a word that begins a part of a sentence, a clause has at least so much."""
LATER_CHARS = 12
"""A later sentence shorter than this is spoken with the next one, if there is one."""
LONG_CHARS = 160
"""A later clause as long as this is cut at its last comma."""
LONGEST_CHARS = 300
"""And as long as this at its last space, or anywhere if there is none (no language; a model gone astray)."""

_SURE_STOPS = frozenset("!?…。！？؟।")
_SOFT_STOPS = frozenset(",;:—–")
_SURE_SOFT_STOPS = frozenset("，、；：")

_ABBREVIATIONS = """
    dr mr mrs ms mx prof rev hon st mt ft gen col capt lt sgt gov sen rep pres supt vs etc eg ie cf approx apt dept
    est ext fig inc ltd co corp jr sr tel vol ave blvd rd no nos nr str bzw usw ca sra srta sig
"""
_GOES_ON = frozenset(_ABBREVIATIONS.split())
"""Words whose full stop seldom ends a sentence. Where it does, the clause is merely longer."""
_STARTERS = """
    and but or that whether if because so when which who while until for to with about before after since where
    than und oder dass ob weil y que porque et ou
"""
_BEGINS_A_PART = frozenset(_STARTERS.split())
"""A breath may be drawn before these."""
_ADDRESS = re.compile(r"mail|@|web|site|www|http|address|domain|adresse|correo", re.IGNORECASE)
"""Where these are spoken of, a full stop after an ordinary word may be a dot."""
_MONTHS = frozenset(["jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec"])
_DATED = _MONTHS | {"mon", "tue", "tues", "wed", "thu", "thur", "thurs", "fri"}
_NUMBERED = frozenset({"no", "nos", "nr"}) | _DATED
""""No. 5" is a number and "Mar. 5" a day, but "No. I can't" two sentences."""


class ClauseCutter:
    """Feed it a model's text as it comes. The clauses put together are the speakable text: every one but the
    first begins with its space, if it was parted by one."""

    def __init__(self) -> None:
        self._speakable = Speakable()
        self._text = ""
        self._is_first = True
        self._scanned = 0
        self._soft_end = 0

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
        self._scanned = self._soft_end = 0
        return clause.replace(BREAK, " ")

    def _end(self, final: bool) -> int:
        """Where the next clause ends in the text so far; 0 when that can't be told yet."""
        text = self._text
        longest = FIRST_CHARS if self._is_first else LONG_CHARS
        for at in range(self._scanned, len(text)):
            # The verdict on a character may change with the two that follow it, but not after that.
            if at + 2 < len(text):
                self._scanned = at
            if at >= longest and (cut := self._forced(at)):
                return cut
            if text[at] == BREAK and self._is_enough(text[:at]):
                return at
            match _stops(text, at, final, eager=self._is_first):
                case Stop.UNSURE:
                    return 0
                case Stop.HARD if self._is_enough(text[: at + 1]):
                    return at + 1
                case Stop.SOFT:
                    self._soft_end = at + 1
                    if self._is_first and len(text[: at + 1].split()) >= FIRST_WORDS:
                        return at + 1
        return 0

    def _is_enough(self, clause: str) -> bool:
        if not any(character.isalnum() for character in clause):
            return False
        return self._is_first or len(clause.strip()) >= LATER_CHARS

    def _forced(self, at: int) -> int:
        """Where to cut a clause that has grown to `at` characters without an end."""
        if self._soft_end and self._is_enough(self._text[: self._soft_end]):
            return self._soft_end
        if not self._is_first and at < LONGEST_CHARS:
            return 0
        space = _best_space(self._text, at)
        if space:
            return space
        return at if at >= LONGEST_CHARS else 0


class Stop(Enum):
    """What a character does to the clause it stands in."""

    NONE = auto()
    SOFT = auto()  # a pause: a clause may end here
    HARD = auto()  # the end of a sentence
    UNSURE = auto()  # what follows will tell


def _stops(text: str, at: int, final: bool, eager: bool) -> Stop:
    """What the character at `at` does. With `eager`, an ordinary word's full stop is believed at once."""
    character = text[at]
    if character in _SURE_STOPS:
        return Stop.HARD
    if character in _SURE_SOFT_STOPS:
        return Stop.SOFT
    if character == ".":
        return _full_stop(text, at, final, eager)
    if character in _SOFT_STOPS:
        if at + 1 < len(text):
            if text[at + 1] not in {" ", BREAK} and character not in "—–":
                return Stop.NONE  # 1,000 and 5:30 and https://
            return Stop.SOFT if not _joins_digits(text, at) else Stop.NONE
        if character == "," and not text[at - 1 : at].isdigit():
            return Stop.SOFT  # nothing but a space follows a comma after a letter
        return Stop.NONE if not final else Stop.SOFT
    return Stop.NONE


def _full_stop(text: str, at: int, final: bool, eager: bool) -> Stop:
    word = _word_before(text, at)
    following = text[at + 1 : at + 2]
    if not following:
        return Stop.HARD if final or (eager and _is_plain(word) and not _ADDRESS.search(text)) else Stop.UNSURE
    if following not in {" ", BREAK}:
        return Stop.NONE  # 3.50, example.com, the first of "e.g.", "..."
    if following == BREAK:
        return Stop.HARD
    bare = word.lower().strip(".(")
    next_character = text[at + 2 : at + 3]
    if bare in _NUMBERED:
        if not next_character:
            return Stop.UNSURE if not final else Stop.HARD
        if bare in _DATED - _MONTHS and len(text) < at + 5 and text[at + 2 :].isalpha() and not final:
            return Stop.UNSURE  # "Fri. Ma" is March or a sentence
        goes_on = next_character.isdigit() or (
            bare in _DATED - _MONTHS and text[at + 2 : at + 5].lower() in _MONTHS
        )
        return Stop.NONE if goes_on else Stop.HARD
    if bare in _GOES_ON or (len(bare) == 1 and bare.isalpha()):
        return Stop.NONE
    if "." in word.strip("."):
        # "e.g. a", "5 p.m. on", but "until 5 p.m. The"
        if not next_character:
            return Stop.UNSURE if not final else Stop.HARD
        is_over = next_character.isupper() and (word.endswith(("m", "M")) or "@" in word or len(word) > 5)
        return Stop.HARD if is_over else Stop.NONE
    if _joins_digits(text, at):
        return Stop.NONE
    return Stop.HARD


def _is_plain(word: str) -> bool:
    """An ordinary word, whose full stop ends a sentence even if nothing is known of what follows."""
    return (
        len(word) > 1
        and word.replace("'", "").replace("’", "").isalpha()
        and word.lower() not in _GOES_ON | _DATED | {"www"}
    )


def _word_before(text: str, at: int) -> str:
    start = at
    while start > 0 and text[start - 1] not in {" ", BREAK}:
        start -= 1
    return text[start:at]


def _joins_digits(text: str, at: int) -> bool:
    """A mark between digits, as in "4, 1, 5" or "415. 555": a number that is read out."""
    return text[at - 1 : at].isdigit() and text[at + 1 :].lstrip()[:1].isdigit()


def _best_space(text: str, before: int) -> int:
    """Where a clause without punctuation is cut, up to `before`: in front of the last word that begins a part of
    a sentence, else of the last that is no name, else at the last space; never in a number (+1 415 555 0134)."""
    spaces = [
        at
        for at in range(before, 0, -1)
        if text[at] in {" ", BREAK} and not (text[at - 1].isdigit() and text[at + 1 : at + 2].isdigit())
    ]
    for at in spaces:
        if at >= SHORTEST_CHARS and text[at + 1 :].split(" ", 1)[0] in _BEGINS_A_PART:
            return at
    for at in spaces:
        if text[at + 1 : at + 2].islower():
            return at
    return spaces[0] if spaces else 0
