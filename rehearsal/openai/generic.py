"""The stand-in model where no scenario says what it answers.

It has no intelligence, and never makes anything up: it states the request, tells facts that share words with
a question, offers to call back about what the facts don't hold, and closes when the callee does. Pure.
"""

from __future__ import annotations

import json
import re

from rehearsal.openai.reading import SILENCE, Answer, Asked, Contact, Fact, Line
from rehearsal.openai.reply import Reply, ToolUse
from rehearsal.openai.words import content_words, shared

GOODBYE = "Thank you very much. Goodbye."
_PHONE = re.compile(r"\+[1-9](?:[ .()-]*\d){6,14}")
_CALL = re.compile(
    r"^\W*(?:please\s+)?(?:call|phone|ring)(?:\s+up)?\s+(.+?)\s*(?:,\s*|\s+)(?:and|to)\s+(.+)$",
    re.IGNORECASE | re.DOTALL,
)

_WRONG_NUMBER = re.compile(r"wrong number|no one (here )?by that name", re.IGNORECASE)
_REFUSES = re.compile(
    r"(don't|do not|won't|not) (talk|speak|deal|accept)\w*[^.?!]*(robot|machine|automated|computer|\bai\b)|"
    r"(take|remove) (me|us|this number) (off|from)|(don't|do not|never) call (me|us|here)? ?again",
    re.IGNORECASE,
)
_DECLINES = re.compile(
    r"(we|i) (can't|cannot|don't|do not|won't) (do|offer|have|take|sell|help)|not possible|fully booked|"
    r"(we are|we're) closed|no longer|sold out|unfortunately",
    re.IGNORECASE,
)
_ANYTHING_ELSE = re.compile(r"(anything|something) else|(will|would) that be all|is that all", re.IGNORECASE)
_CLOSES = re.compile(r"\bbye\b|goodbye|have a (nice|good|great|lovely|wonderful)|take care", re.IGNORECASE)
_SETTLED = re.compile(
    r"all set|(made a|taken) note|\bnoted\b|got it|i'll (let|tell|pass)|will do|you're welcome|"
    r"it's (done|booked|ordered)|confirmed|\bthank(s| you)\b",
    re.IGNORECASE,
)
_REPEAT = re.compile(
    r"say that again|repeat|pardon|what was that|didn't (catch|hear|get)|excuse me\?", re.IGNORECASE
)
_WHO = re.compile(
    r"who (is|are|am i)\b.*(this|calling|you|speaking)|are you (a |an )?(real|human|robot|machine|ai|computer|person)",
    re.IGNORECASE,
)
_OFFERS_HELP = re.compile(
    r"(how|what) (can|may|could) (i|we) (help|do)|what('s| is) (this|it) about|why are you", re.IGNORECASE
)
_NAME = re.compile(r"(\bname\b|whose|who('s| is) it for|who should)", re.IGNORECASE)
_HOLDS = re.compile(
    r"(hold|hang) on|(one|a|just a) (moment|second|minute)|let me (check|look|see)|bear with", re.IGNORECASE
)
_GREETS = re.compile(
    r"^(hello|hi|good (day|morning|afternoon|evening)|.* speaking\W*$|.*\bthis is\b.*$)", re.IGNORECASE
)
_SAYS_WE_CALL_BACK = re.compile(r"call (you )?back|call again", re.IGNORECASE)


def choose_facts(asked: Asked) -> list[str]:
    """Ids of the facts that share a word with the request, or with a fact that does so twice."""
    return [fact.id for fact in asked.facts if shared(fact.text, asked.request)]


def plan(asked: Asked) -> str:
    lines = [f"Goal: {asked.request.rstrip('.')}.", f'Say first: "{statement(asked)}"']
    lines += [f"If asked: {fact.text.rstrip('.')}." for fact in asked.facts[:4]]
    lines += [f"Known by now: {answer.question} {answer.answer.rstrip('.')}." for answer in asked.answers[-2:]]
    lines.append(
        "If they need something else, offer to call back. When they confirm it, thank them and say goodbye."
    )
    return "\n".join(lines)


def find_number(asked: Asked) -> dict[str, str | None]:
    """An answer's number, then one in the request, then the contact that the request names, then none."""
    for text in [*(answer.answer for answer in reversed(asked.answers)), asked.request]:
        if found := _PHONE.search(text):
            return {"phone": "+" + re.sub(r"\D", "", found.group())}
    best = max(asked.contacts, key=lambda contact: _fit(contact, asked.request), default=None)
    if best is None or _fit(best, asked.request) < 1:
        return {"contact": None}
    return {"contact": best.id}


def _fit(contact: Contact, request: str) -> float:
    """How well a request names a contact; 1 and more is good enough."""
    words = content_words(request)
    aliases, _, notes = contact.about.partition(";")
    named = sum(2 for alias in aliases.split(",") if (own := content_words(alias)) and own <= words)
    return named + len(content_words(contact.name) & words) + 0.3 * len(content_words(notes) & words)


def statement(asked: Asked) -> str:
    """The request, as one says it to whom it is about."""
    matter = asked.request.strip().rstrip(".!")
    if found := _CALL.match(matter):
        matter = found[2]
    matter = _as_spoken(matter, asked.person)
    if re.match(r"(ask|let|tell|find out|check|see|inform|remind|confirm)\b", matter, re.IGNORECASE):
        return f"I'm calling to {matter[0].lower()}{matter[1:]}."
    if re.match(
        r"(order|book|make|reserve|cancel|schedule|get|buy|move|change|arrange|request)\b", matter, re.IGNORECASE
    ):
        return f"I would like to {matter[0].lower()}{matter[1:]}."
    return f"I'm calling about this: {matter}."


def _as_spoken(matter: str, person: str) -> str:
    """The owner's words turned round: the callee is "you", the owner has a name."""
    first = person.split()[0] if person else "my client"
    matter = re.sub(r"^(let|tell|ask) (them|him|her|the \w+)\b", r"\1 you", matter, flags=re.IGNORECASE)
    for pattern, word in (
        (r"\bmy\b", f"{first}'s"),
        (r"\b(me|myself)\b", first),
        (r"\bI'm\b", f"{first} is"),
        (r"\bI\b", first),
        (r"\bthey have\b", "you have"),
        (r"\bthey\b", "you"),
    ):
        matter = re.sub(pattern, word, matter)
    return matter


def converse(asked: Asked) -> Reply:
    """The next thing to say to the callee."""
    if owner := asked.owner_said:
        if owner.answer is None:
            return _call_back(asked, owner.question)
        return Reply(f"Thank you for waiting. The answer is: {owner.answer.rstrip('.')}.")
    said = asked.callee_said
    if _WRONG_NUMBER.search(said):
        return _end("I'm sorry to have bothered you. Goodbye.", "wrong_number")
    if _REFUSES.search(said):
        return _end("I understand. I won't bother you again. Goodbye.", "refused_automated")
    if not asked.floyd_said:
        return Reply(statement(asked))
    if said == SILENCE:
        asked_already = sum("still there" in text for text in asked.floyd_said[-2:])
        return (
            _end("It seems that the line is bad. Goodbye.", "other")
            if asked_already > 1
            else Reply("Are you still there?")
        )
    if _REPEAT.search(said):
        return Reply(asked.floyd_said[-1])
    if _WHO.search(said):
        return Reply(
            f"This is Floyd, an AI assistant, calling for {asked.person or 'a client'}. {statement(asked)}"
        )
    if _OFFERS_HELP.search(said):
        return Reply(statement(asked))
    if _ANYTHING_ELSE.search(said):
        return _end("No, that is all. Thank you, goodbye.", "done")
    if question := _question(said):
        return _answer(asked, question)
    if _DECLINES.search(said):
        return _end("I understand. Thank you anyway. Goodbye.", "declined")
    if _CLOSES.search(said) or _SETTLED.search(said):
        return _end(GOODBYE, "done")
    if _HOLDS.search(said):
        return Reply("Of course, take your time.")
    if any("is there anything you need" in text.lower() for text in asked.floyd_said):
        return _end(GOODBYE, "done")
    return Reply("Thank you. Is there anything you need from me for that?")


def _question(said: str) -> str:
    """The last question in what was said."""
    sentences = re.findall(r"[^.?!]+[.?!]*", said)
    asks = re.compile(
        r"^\W*(what|which|when|where|who|how|why|could you|can you|may i|do you|is it|are)\b", re.IGNORECASE
    )
    questions = [text.strip() for text in sentences if text.rstrip().endswith("?") or asks.match(text)]
    return questions[-1] if questions else ""


def _answer(asked: Asked, question: str) -> Reply:
    """From facts and answers alone, by the words they share with the question."""
    known: list[Fact | Answer] = [*asked.answers, *asked.facts]
    best = max(known, key=lambda item: _relevance(item, question, asked.person), default=None)
    if best is not None and _relevance(best, question, asked.person) > 0:
        if isinstance(best, Answer):
            return Reply(f"{best.answer.rstrip('.')}.")
        if best.sharing == "free":
            return Reply(f"{best.text.rstrip('.')}.")
        wanted = f'They ask: "{question}" May I tell them: {best.text.rstrip(".")}?'
        return Reply("One moment, please, I need to ask.", ToolUse("ask_owner", {"question": wanted}))
    if _NAME.search(question) and asked.person:
        return Reply(f"The name is {asked.person}.")
    return _call_back(asked, f'They ask: "{question}" What shall I tell them?')


def _relevance(item: Fact | Answer, question: str, person: str) -> int:
    text = f"{item.question} {item.answer}" if isinstance(item, Answer) else item.text
    return len((content_words(text) & content_words(question)) - content_words(person))


def _call_back(asked: Asked, question: str) -> Reply:
    text = "I don't have that information right now. I will find out and call you back. Thank you, goodbye."
    if "call_back_later" in asked.tools:
        return Reply(text, ToolUse("call_back_later", {"question": question}))
    return Reply(text)


def _end(text: str, reason: str) -> Reply:
    return Reply(text, ToolUse("end_call", {"reason": reason}))


def leave_message(asked: Asked) -> Reply:
    return Reply(f"{statement(asked)} We will call again. Thank you, goodbye.")


def wrap_up(asked: Asked) -> str:
    """The outcome, as JSON: what the callee stated, each statement with its line."""
    lines = asked.transcript
    kind = _kind(lines)
    if asked.kinds and kind not in asked.kinds:
        kind = asked.kinds[0]
    stated = [(text, line.number) for line in lines if line.speaker == "callee" for text in _statements(line.text)]
    if stated:
        summary = f"They said: {stated[-1][0]}"
    else:
        summary = "Nobody said anything that settles the request."
    reported = [{"text": text, "lines": [number]} for text, number in stated[-5:]]
    return json.dumps({"kind": kind, "summary": summary, "reported": reported, "learnt": []})


def _kind(lines: tuple[Line, ...]) -> str:
    callee = [line.text for line in lines if line.speaker == "callee"]
    floyd = [line.text for line in lines if line.speaker != "callee"]
    if not callee:
        return "noAnswer"
    for pattern, kind in ((_WRONG_NUMBER, "wrongNumber"), (_REFUSES, "refusedAutomated")):
        if any(pattern.search(text) for text in callee):
            return kind
    if any(_SAYS_WE_CALL_BACK.search(text) for text in floyd[-2:]):
        return "needsInput"
    if any("thank you anyway" in text.lower() for text in floyd[-1:]):
        return "declined"
    return "done" if any(_CLOSES.search(text) for text in [*floyd[-1:], *callee[-1:]]) else "interrupted"


def _statements(text: str) -> list[str]:
    """The sentences that tell something: no questions, greetings or courtesies."""
    sentences = [sentence.strip() for sentence in re.findall(r"[^.?!]+[.?!]*", text)]
    return [
        sentence
        for sentence in sentences
        if len(sentence.split()) >= 4
        and not sentence.endswith("?")
        and not _GREETS.search(sentence)
        and not _CLOSES.search(sentence)
    ]
