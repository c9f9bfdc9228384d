"""The stand-in model where no scenario has the words: it states the request, answers from the facts it was given,
offers to call back for what they don't hold, and says goodbye. It makes nothing up, agrees to nothing that it
would have to understand, and says nothing a third time. Pure.
"""

from __future__ import annotations

from rehearsal.openai import signs
from rehearsal.openai.directory import phone_in
from rehearsal.openai.errand import stated
from rehearsal.openai.reading import SILENCE, Reading, Tagged, Turn
from rehearsal.openai.reply import Reply, ToolUse
from rehearsal.openai.vocabulary import names_in, sentence, sentences, significant, words_of

MOST_REPEATED = 2
"""So often the same words are said; then the call is going in circles."""
MOST_SILENCES = 2
LONGEST_QUESTION = 300


def facts_for(reading: Reading) -> list[str]:
    """Ids of the facts that share a significant word with the request, and of those that any such call needs."""
    wanted = significant(reading.request) - _own_names(reading)
    books = signs.BOOKING.search(reading.request) is not None
    return [
        fact.attributes.get("id", "")
        for fact in reading.all("fact")
        if wanted & significant(fact.text)
        or signs.CALL_BACK_NUMBER.search(fact.text)
        or (books and (signs.FREE_TIME.search(fact.text) or signs.NAME_TO_GIVE.search(fact.text)))
    ]


def plan(reading: Reading) -> str:
    lines = [f"Say: {_statement(reading)}"]
    lines += [f"The owner has answered: {answer.text}" for answer in _told_answers(reading)]
    lines += [f"If they ask: {fact.text}" for fact in _free_facts(reading)[:5]]
    lines.append("If they need anything else, say that I will find out and call back.")
    lines.append("Thank them and say goodbye.")
    return "\n".join(lines)


def message(reading: Reading) -> str:
    number = next((fact.text for fact in _free_facts(reading) if signs.CALL_BACK_NUMBER.search(fact.text)), None)
    return " ".join(
        filter(None, [_statement(reading), sentence(number) if number else "", "Thank you, and goodbye."])
    )


def converse(reading: Reading, turn: Turn) -> Reply:
    text = turn.prompt
    if text == "(start)":
        return Reply(_first_words(reading))
    if text.startswith("(owner) "):
        return Reply(f"Thank you for waiting. {sentence(text.removeprefix('(owner) '))}")
    if text == "(owner silent)":
        return _call_back("What do they need to know?", "I can't find that out right now.")
    reply = _to_silence(turn) if text == SILENCE else _to_words(reading, turn, text)
    if reply.tool is None and _times_said(reply.text, turn) >= MOST_REPEATED:
        return _end(
            "I'm sorry, we don't seem to understand each other. Thank you for your time. Goodbye.", "other"
        )
    return reply


def _to_silence(turn: Turn) -> Reply:
    if _times_said("Hello, are you still there?", turn) >= MOST_SILENCES:
        return _end("I can't hear you any more. Goodbye.", "other")
    return Reply("Hello, are you still there?")


def _to_words(reading: Reading, turn: Turn, text: str) -> Reply:
    """What the callee may mean, the clearest signs first."""
    if signs.WRONG_NUMBER.search(text):
        return _end("I'm sorry to have bothered you. Goodbye.", "wrong_number")
    if signs.NO_MACHINES.search(text):
        return _end("I understand. Sorry to have bothered you. Goodbye.", "refused_automated")
    if signs.WHO.search(text):
        person = reading.one("person").attributes.get("name", "")
        return Reply(f"This is Floyd, an AI assistant{f' calling for {person}' if person else ''}.")
    if signs.ANYTHING_ELSE.search(text):
        return _end("No, that is all. Thank you, goodbye.", "declined" if signs.NO.search(text) else "done")
    if signs.CLOSING.search(text):
        return _end("Thank you. Goodbye.", "done")
    questions = signs.questions(text)
    if questions:
        return _to_question(reading, turn, questions[-1])
    if signs.AGAIN.search(text):
        return Reply(_last_said(reading, turn))
    statements = [part for part in sentences(text) if not signs.WAIT.search(part)]
    if not statements:
        return Reply("Of course, I'll wait.")
    if signs.HELLO.search(text):
        return Reply(_statement(reading))
    if signs.NO.search(text):
        return _end("All right. Thank you for telling me. Goodbye.", "declined")
    if sum(len(words_of(part)) for part in statements) <= signs.FEW_WORDS:
        if _times_said("Is there anything else you need to know?", turn):
            return _end("Thank you very much. Goodbye.", "done")
        return Reply("Is there anything else you need to know?")
    return _end("Thank you very much. Goodbye.", "done")


def _to_question(reading: Reading, turn: Turn, question: str) -> Reply:
    if signs.AGAIN.search(question):
        return Reply(_last_said(reading, turn))
    if signs.STILL_THERE.search(question):
        return Reply("Yes, I am here.")
    if signs.OFFER.search(question):
        return Reply(_statement(reading))
    if signs.NAME.search(question) and (name := reading.one("person").attributes.get("name")):
        return Reply(f"The name is {name}.")
    if signs.BUDGET.search(question) and (limit := signs.LIMIT.search(reading.request)):
        return Reply(f"At most {limit[1] or limit[2]} dollars.")
    if signs.CORRECT.search(question) and not signs.MONEY.search(question):
        said = significant(" ".join(turn.spoken))
        if significant(question) - {"right", "correct"} <= said:
            return Reply("Yes, that is right.")
    told = _known(reading, turn, question)
    return Reply(sentence(told)) if told else _call_back(question, "I don't know that.")


def _known(reading: Reading, turn: Turn, question: str) -> str | None:
    """What answers a question: the owner's answer to it, else the fact that shares most words with it, but no
    fact about somebody else than the question names."""
    own = _own_names(reading)
    asked, about = significant(question) - own, names_in(question) - own
    best, most = None, 0
    for item in [*_told_answers(reading), *_free_facts(reading)]:
        words = significant(f"{item.attributes.get('question', '')} {item.text}")
        shared = len((asked & words) - about)
        if shared > most and about <= words and _times_said(item.text, turn) < MOST_REPEATED:
            best, most = item.text, shared
    if best is None and signs.WHEN.search(question):
        best = next((fact.text for fact in _free_facts(reading) if signs.FREE_TIME.search(fact.text)), None)
    if best is None and not signs.WHAT_KIND.search(question):
        requested = significant(reading.request)
        said = _times_said(_statement(reading), turn)
        if (asked - about) & requested and about <= requested and said < MOST_REPEATED:
            best = _statement(reading)
    return best


def _first_words(reading: Reading) -> str:
    if reading.call == 1:
        return _statement(reading)
    answers = " ".join(sentence(answer.text) for answer in _told_answers(reading))
    return f"I called earlier. {_statement(reading)}" + (
        f" I have found out what was missing: {answers}" if answers else ""
    )


def _statement(reading: Reading) -> str:
    return stated(reading.request, reading.one("person").attributes.get("name", ""))


def _last_said(reading: Reading, turn: Turn) -> str:
    return turn.spoken[-1] if turn.spoken else _statement(reading)


def _free_facts(reading: Reading) -> list[Tagged]:
    """The others may not be told before the owner has agreed."""
    return [fact for fact in reading.all("fact") if fact.attributes.get("sharing", "free") == "free"]


def _told_answers(reading: Reading) -> list[Tagged]:
    """The owner's answers that are for the callee; a telephone number was for finding them."""
    return [answer for answer in reading.all("answer") if answer.text and phone_in(answer.text) is None]


def _own_names(reading: Reading) -> set[str]:
    """The person's name stands in most facts and most questions: it tells nothing."""
    return significant(reading.one("person").attributes.get("name", ""))


def _times_said(text: str, turn: Turn) -> int:
    words = words_of(text)
    return sum(words_of(spoken) == words for spoken in turn.spoken)


def _call_back(question: str, because: str) -> Reply:
    say = f"{because} I will find out and call you back. Thank you, goodbye."
    return Reply(say, ToolUse.of("call_back_later", {"question": question[:LONGEST_QUESTION]}))


def _end(say: str, reason: str) -> Reply:
    return Reply(say, ToolUse.of("end_call", {"reason": reason}))


def summary(reading: Reading) -> str:
    """What Floyd has said, by each line's first words: enough to know again what was given."""
    lines = [line.split(": ", 1) for line in reading.one("said").text.splitlines()]
    said = [" ".join(line[1].split()[:5]) for line in lines if line[0] == "floyd" and len(line) == 2]
    return "; ".join(filter(None, [reading.one("summary").text, *said]))
