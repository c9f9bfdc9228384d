"""The stand-in language model: what a scenario has it answer, else what the generic model makes of the prompt.

It is no intelligence and doesn't pose as one. It finds the scenario by the request's text, and its place in the
conversation by what was said before, so it keeps no state between requests, like the real thing.
"""

from __future__ import annotations

from collections.abc import Sequence

from rehearsal.openai import directory, generic, outcome
from rehearsal.openai.reading import Reading, Turn
from rehearsal.openai.reply import Reply, ToolUse
from rehearsal.openai.vocabulary import words_of
from rehearsal.scenario import Model, ModelOutcome, ModelTurn, Scenario, found

RECOGNISED_BY_WORDS = 4
"""So many first words of a turn, heard, show that it was given: the rest may have been cut off."""


def answer(reading: Reading, scenario: Scenario | None) -> Reply:
    """The reply to a prompt of any task."""
    model = scenario.model if scenario else Model()
    match reading.task:
        case "choose_facts":
            return _choose_facts(reading, model)
        case "plan":
            return Reply(model.plan.strip() or generic.plan(reading))
        case "find_number":
            return _find_number(reading, model)
        case "converse":
            return _converse(reading, model)
        case "leave_message":
            return Reply(model.message or generic.message(reading))
        case "wrap_up":
            return _wrap_up(reading, model)
        case "summarise":
            return Reply(generic.summary(reading))
        case _:
            return Reply("This is a rehearsal: the stand-in model only knows the tasks of a phone call.")


def _choose_facts(reading: Reading, model: Model) -> Reply:
    if model.facts is None:
        return Reply.of({"facts": generic.facts_for(reading)})
    chosen = [fact for fact in reading.all("fact") if any(found(wanted, fact.text) for wanted in model.facts)]
    return Reply.of({"facts": [fact.attributes.get("id", "") for fact in chosen]})


def _find_number(reading: Reading, model: Model) -> Reply:
    if model.phone is not None:
        digits = model.phone.removeprefix("+")
        if digits in "".join(character for character in reading.data if character.isdigit()):
            return Reply.of({"phone": model.phone})
    return Reply.of(directory.number(reading))


def _converse(reading: Reading, model: Model) -> Reply:
    turn = reading.turn()
    given = _given(model.turns, turn.spoken)
    for index, scripted in enumerate(model.turns):
        if index not in given and _fits(scripted, turn, reading):
            tool = ToolUse.of(scripted.tool.name, scripted.tool.arguments) if scripted.tool else None
            return Reply(scripted.say, tool)
    return generic.converse(reading, turn)


def _given(turns: Sequence[ModelTurn], spoken: Sequence[str]) -> set[int]:
    """The turns that were given: at one place in what was spoken, the one of which most words were heard."""
    given: set[int] = set()
    scripts = [words_of(scripted.say) for scripted in turns]
    for words in map(words_of, spoken):
        for start in range(len(words)):
            heard = [_shared(script, words, start) for script in scripts]
            enough = [
                (count, -index)
                for index, count in enumerate(heard)
                if 0 < min(RECOGNISED_BY_WORDS, len(scripts[index])) <= count and index not in given
            ]
            if enough:
                given.add(-max(enough)[1])
    return given


def _shared(script: Sequence[str], words: Sequence[str], start: int) -> int:
    """How many words of the script stand in the words from there on."""
    count = 0
    while count < len(script) and start + count < len(words) and script[count] == words[start + count]:
        count += 1
    return count


def _fits(scripted: ModelTurn, turn: Turn, reading: Reading) -> bool:
    if scripted.call not in (None, reading.call):
        return False
    if scripted.knows is not None and not found(scripted.knows, reading.data):
        return False
    return found(scripted.when, turn.prompt)


def _wrap_up(reading: Reading, model: Model) -> Reply:
    allowed = [kind.attributes.get("name", "") for kind in reading.all("kind")]
    for seen in filter(None, (model.outcome, *model.earlier_outcomes)):
        if (not allowed or seen.kind in allowed) and _happened(seen, reading):
            return Reply.of(
                {
                    "kind": seen.kind,
                    "summary": seen.summary,
                    "reported": [
                        {"text": fact.text, "lines": _evidence(fact.evidence, reading)} for fact in seen.reported
                    ],
                    "learnt": [
                        {"text": fact.text, "lines": _evidence(fact.evidence, reading)} for fact in seen.learnt
                    ],
                }
            )
    return Reply.of(outcome.wrap_up(reading, allowed))


def _happened(outcome: ModelOutcome, reading: Reading) -> bool:
    return all(_evidence(fact.evidence, reading) for fact in outcome.reported)


def _evidence(pattern: str, reading: Reading) -> list[int]:
    return [line.number for line in reading.transcript() if line.speaker == "callee" and found(pattern, line.text)]
