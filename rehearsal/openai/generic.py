"""The stand-in model where no scenario has the words: it states the request, answers from the facts it was given,
offers to call back for what they don't hold, and says goodbye. It makes nothing up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rehearsal.openai.reading import SILENCE, Reading, Tagged, Turn, words_of
from rehearsal.openai.reply import Reply, ToolUse

_PHONE = re.compile(r"\+[1-9][\d ().-]{6,20}\d")
_SMALL = (
    "a about after all also am an and any are as ask at back be been but by call can could did do "
    "does for from get give had has have he her him his how i i'd if in is it it's its just know let "
    "like make may me more my no not of on one or order our out please she should so some tell than "
    "that the their them then there they this to today tomorrow up us was we were what when where "
    "which who will with would you your "
)
_SMALL_WORDS = frozenset(_SMALL.split())
_CLOSING = re.compile(r"\b(good ?bye|bye|have a (nice|good|great)|you're welcome|talk to you)\b", re.IGNORECASE)
_ANYTHING_ELSE = re.compile(r"\banything else\b", re.IGNORECASE)
_NAME = re.compile(r"\b(your|a|the|what) name\b|\bwho is (this|calling|it for)\b|\bname for\b", re.IGNORECASE)
_OFFER = re.compile(r"\bhow (can|may) i help|what can i do\b", re.IGNORECASE)
_WAIT = re.compile(
    r"\b(one moment|hold on|just a (second|moment)|let me (check|see|look)|still there)\b", re.IGNORECASE
)
_QUESTION = re.compile(
    r"\?|\b(which|what|when|where|who|how (many|much|long|old)|(could|can|may) (you|i) (give|have|get|tell))\b",
    re.IGNORECASE,
)
MOST_REPORTED = 3


def significant(text: str) -> set[str]:
    """The words that tell one text from another."""
    return {_stem(word) for word in words_of(text) if word not in _SMALL_WORDS and len(word) > 1}


def _stem(word: str) -> str:
    return word.removesuffix("'s").rstrip("s") if len(word) > 3 else word


def facts_for(request: str, facts: Sequence[Tagged]) -> list[str]:
    """Ids of the facts that share a significant word with the request; all of them if none does."""
    wanted = significant(request)
    chosen = [fact for fact in facts if wanted & significant(fact.text)] or list(facts)
    return [fact.attributes.get("id", "") for fact in chosen]


def plan(reading: Reading) -> str:
    facts = [fact.text for fact in reading.all("fact")]
    lines = [f"Say what it is about: {reading.request}"]
    lines += [f"If asked, say: {fact}" for fact in facts[:5]]
    lines.append("If they ask for something else, offer to call back. Thank them and say goodbye.")
    return "\n".join(lines)


def number(reading: Reading) -> dict[str, Any]:
    """The number that stands in the request or an answer, else the contact that the request names best."""
    for text in [reading.request, *(answer.text for answer in reading.all("answer"))]:
        if match := _PHONE.search(text):
            return {"phone": "+" + "".join(filter(str.isdigit, match[0]))}
    wanted = significant(reading.request)

    def shared(contact: Tagged) -> int:
        return len(wanted & significant(contact.attributes.get("name", "") + " " + contact.text))

    best = max(reading.all("contact"), key=shared, default=None)
    if best is not None and shared(best):
        return {"contact": best.attributes.get("id", "")}
    for fact in reading.all("fact"):
        if (match := _PHONE.search(fact.text)) and wanted & significant(fact.text):
            return {"phone": "+" + "".join(filter(str.isdigit, match[0]))}
    return {"contact": None}


def message(reading: Reading) -> str:
    return f"I'm calling about this: {_sentence(reading.request)} We will try again later. Goodbye."


def converse(reading: Reading, turn: Turn) -> Reply:
    text = turn.prompt
    if text == "(start)":
        return Reply(f"I'm calling about this: {_sentence(reading.request)}")
    if text.startswith("(owner) "):
        return Reply(f"Thank you for waiting. {_sentence(text.removeprefix('(owner) '))}")
    if text == "(owner silent)":
        return _call_back("What do they need to know?", "I can't find that out right now.")
    if text == SILENCE:
        return Reply("Hello, are you still there?")
    if _ANYTHING_ELSE.search(text):
        return _goodbye("No, that is all. Thank you, goodbye.")
    if _CLOSING.search(text):
        return _goodbye("Goodbye.")
    if _WAIT.search(text):
        return Reply("Yes, I am here.")
    if _OFFER.search(text):
        return Reply(_sentence(reading.request))
    if _QUESTION.search(text):
        return _from_facts(reading, text)
    return _goodbye("Thank you very much. Goodbye.")


def _from_facts(reading: Reading, question: str) -> Reply:
    if _NAME.search(question) and (name := reading.one("person").attributes.get("name")):
        return Reply(f"The name is {name}.")
    asked = significant(question)
    known = [*reading.all("fact"), *reading.all("answer")]
    # An answer of the owner's fits by the question it was given to.
    best = max(known, key=lambda item: len(asked & significant(_whole(item))), default=None)
    if best is None or not asked & significant(_whole(best)):
        return _call_back(question, "I don't know that.")
    return Reply(_sentence(best.text))


def _whole(item: Tagged) -> str:
    return f"{item.attributes.get('question', '')} {item.text}"


def _call_back(question: str, because: str) -> Reply:
    say = f"{because} I will find out and call you back. Thank you, goodbye."
    return Reply(say, ToolUse.of("call_back_later", {"question": question[:300]}))


def _goodbye(say: str) -> Reply:
    return Reply(say, ToolUse.of("end_call", {"reason": "done"}))


def wrap_up(reading: Reading, allowed: Sequence[str]) -> dict[str, Any]:
    """The callee's last statements are what is reported; a call that came to a goodbye is done."""
    lines = reading.transcript()
    told = [
        line
        for line in lines[1:]
        if line.speaker == "callee" and len(words_of(line.text)) > 3 and not line.text.rstrip().endswith("?")
    ]
    closed = any("bye" in line.text.casefold() for line in lines[-2:])
    kind = "done" if closed and told else "interrupted"
    if allowed and kind not in allowed:
        kind = allowed[0]
    summary = (
        f"The call was made. They said: {told[-1].text}" if told else "The call was made; nothing was settled."
    )
    reported = [{"text": line.text, "lines": [line.number]} for line in told[-MOST_REPORTED:]]
    return {"kind": kind, "summary": summary, "reported": reported, "learnt": []}


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."
