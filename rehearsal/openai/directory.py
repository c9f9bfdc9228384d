"""Which number the stand-in model finds for a request: one that stands there, or that of a contact it names. Pure.

It rather finds none than a wrong one. "Ask the library", "Book a table at Marchetti" and "Tell Dr. Hadley" name
who is to be called, and then only a contact of that name will do; else ("Order flowers") a contact is meant if
exactly one is called what the request speaks of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rehearsal.openai.reading import Reading, Tagged
from rehearsal.openai.vocabulary import is_small, stem

_PHONE = re.compile(r"\+[1-9][\d ().-]{6,20}\d|(?<!\d)\(?\d{3}\)?[ .-]{0,2}\d{3}[ .-]\d{4}(?!\d)")
"""With a country code, or as North Americans write it without one."""
_ADDRESSED = re.compile(
    r"\b(?i:call|phone|ring|ask|tell|contact|notify|inform|remind|let)\b(?i: up)?(?i: (?:the|my|our|a|an))? "
    r"(?P<who>[^,;:!?]+)"
)
_PLACE = re.compile(r"\b(?i:at|with|from) (?:(?i:the|my|our|a|an) (?=\w)|(?=[A-Z]))(?P<who>[^,;:!?]+)")


def _words(text: str) -> list[str]:
    return text.split()


_TITLES = frozenset(("dr", "mr", "mrs", "ms"))
_ENDS_A_NAME = frozenset(
    _words("and that if whether to about for know when what how why which who on in by because")
)
_TIMES = frozenset(
    _words(
        "beginning end latest same weekend monday tuesday wednesday thursday friday saturday sunday january "
        "february march april may june july august september october november december"
    )
)
"""What "at", "with" and "from" lead to when they name nobody."""
_PLACES = frozenset(_words("office reception desk secretary shop store clinic people staff place"))
"""Added to a name they don't make it another: "the school office"."""
_ALSO = frozenset(_words("appointment booking check-up checkup delivery order reservation table visit"))
"""What one has with whoever is named before: "my dentist appointment"."""
_WORD = re.compile(r"[\w'-]+")


def phone_in(text: str) -> str | None:
    """The first number in a text, without anything but digits and the plus sign."""
    match = _PHONE.search(text)
    return re.sub(r"[^\d+]", "", match[0]) if match else None


def number(reading: Reading) -> dict[str, Any]:
    """What is answered to `find_number`."""
    answers = [answer.text for answer in reversed(reading.all("answer"))]
    for text in [reading.request, *answers]:
        if found := phone_in(text):
            return {"phone": found}
    callees = _callees(reading.request, reading.one("person").attributes.get("name", ""))
    named = [contact for contact in reading.all("contact") if _is_meant(contact, callees, reading.request)]
    if len(named) == 1:
        return {"contact": named[0].attributes.get("id", "")}
    for fact in reading.all("fact"):
        if (found := phone_in(fact.text)) and any(_within(callee, _stems(fact.text)) for callee in callees):
            return {"phone": found}
    return {"contact": None}


def _is_meant(contact: Tagged, callees: Sequence[Sequence[str]], request: str) -> bool:
    names = _names(contact)
    if callees:
        return any(_is_name(callee, name) for callee in callees for name in names)
    return any(_is_spoken_of(name, request) for name in names)


def _names(contact: Tagged) -> list[list[str]]:
    """The contact's name and aliases, as stems; a note among them does no harm, nobody is called that."""
    texts = [contact.attributes.get("name", ""), *re.split(r"[,;]", contact.text)]
    names = [[word for word in _stems(text) if not is_small(word)] for text in texts]
    return [name for name in names if name]


def _callees(request: str, person: str) -> list[list[str]]:
    """Whom the request names as the one to call: who is addressed, else the place where something is to happen."""
    for pattern in (_ADDRESSED, _PLACE):
        named = [_name_at_start(match["who"], person) for match in pattern.finditer(request)]
        named = [words for words in named if words and stem(words[0].casefold()) not in _TIMES]
        if named:
            return named
    return []


def _name_at_start(text: str, person: str) -> list[str]:
    words: list[str] = []
    for match in _WORD.finditer(text):
        word, low = match[0], match[0].casefold()
        if low in _TITLES or (not words and stem(low) in _stems(person)):
            continue  # "Dr. Hadley" is Hadley, and "Alex's dentist" the dentist
        if low in _ENDS_A_NAME or is_small(low) or any(character.isdigit() for character in word):
            break
        words.append(word)
        if text[match.end() : match.end() + 1] == ".":
            break
    return words


def _is_name(callee: Sequence[str], name: Sequence[str]) -> bool:
    stems = [stem(word.casefold()) for word in callee]
    if _within(stems, name) and (len(stems) == len(name) or any(word[0].isupper() for word in callee)):
        return True
    # "the school office", "the school Mara goes to"
    rest = callee[len(name) :]
    return stems[: len(name)] == list(name) and all(word[0].isupper() or stem(word) in _PLACES for word in rest)


def _is_spoken_of(name: Sequence[str], request: str) -> bool:
    """Whether the name occurs, and not as a part of another thing's: "car" in "car insurance"."""
    words = list(_WORD.finditer(request))
    stems = [stem(word[0].casefold()) for word in words]
    for start in range(len(stems) - len(name) + 1):
        if stems[start : start + len(name)] != list(name):
            continue
        last, following = words[start + len(name) - 1], words[start + len(name) :][:1]
        if not following or request[last.end() : following[0].start()] != " ":
            return True
        follower = following[0][0]
        if not follower[0].islower() or is_small(follower) or stem(follower) in _ALSO:
            return True
    return False


def _within(part: Sequence[str], whole: Sequence[str]) -> bool:
    stems = [stem(word.casefold()) for word in part]
    return any(list(whole[start : start + len(stems)]) == stems for start in range(len(whole) - len(stems) + 1))


def _stems(text: str) -> list[str]:
    return [stem(word.casefold()) for word in _WORD.findall(text)]
