"""What the stand-in model says. Pure.

Answers differ from turn to turn, so that no call goes in circles, and are the same for the same prompt, so that
asking twice for one turn gives one answer.
"""

from __future__ import annotations

import zlib

from call.script import GOODBYE_WORDS, Answers

FIRST = (
    "We would like to come for dinner",
    "There will be two of us coming",
    "That sounds good to both of us",
    "We are happy with whatever you have",
    "That would suit us very well indeed",
    "I would like to know something else",
    "We have been there before last summer",
    "They told us about the lovely garden",
    "Both of them will be very pleased",
    "That is exactly what we hoped for",
    "We can come a little later too",
)
"""Seven words each: with the full stop eight tokens."""
SECOND = (
    "Would that be fine with you?",
    "Please tell me what you think.",
    "What else do you need from me?",
    "Is there anything else to know?",
    "I hope that is all right.",
    "How does that work for you?",
    "What would you suggest to us?",
)
MORE = (
    "My client has been looking forward to this for quite some time now.",
    "She was there last year with her sister and they liked the place a lot.",
    "It was a warm evening and they were sitting outside under the old trees.",
    "The waiter brought them fresh bread and a bottle of the local wine.",
    "So this time she would like to bring her parents along with her.",
    "They are coming from the north and will be hungry after the long trip.",
    "It would be lovely if they could have a quiet place near the window.",
)
FAREWELL = "Thank you for all of your help. Goodbye."


def answer(heard: str, before: str, kind: Answers) -> tuple[str, bool]:
    """The words for the callee's last message, after the model's own, and whether the call is to be ended."""
    if GOODBYE_WORDS.rsplit(maxsplit=1)[-1].strip(".") in heard.lower():
        return FAREWELL, True
    number = zlib.crc32(f"{before} {heard}".encode())
    first, second = FIRST[number % len(FIRST)], SECOND[number // 64 % len(SECOND)]
    if before.startswith(first):
        first = FIRST[(number + 1) % len(FIRST)]
    if kind == "short":
        return f"{first}. {second}", False
    start = number // 4096 % len(MORE)
    more = " ".join((MORE + MORE)[start : start + 4])
    return f"{first}. {more} {second}", False


def tokens(text: str) -> list[str]:
    """Words with the blank before them; punctuation is a token of its own."""
    found: list[str] = []
    for number, word in enumerate(text.split()):
        bare = word.rstrip(".,?!")
        found.append(f" {bare}" if number else bare)
        if bare != word:
            found.append(word[len(bare) :])
    return found
