"""The stand-in model where a scenario says what it answers. Pure.

Which turns of a script were given is worked out from what was heard of Floyd, as a model has no memory of its
own; what the script doesn't cover is left to the generic model.
"""

from __future__ import annotations

import json
import re

from rehearsal.openai.reading import Asked
from rehearsal.openai.reply import Reply, ToolUse
from rehearsal.openai.words import plain
from rehearsal.scenario import Model, ModelOutcome, ModelTurn, ReportedFact, found

FEWEST_WORDS = 2
"""A turn that was cut counts as given from so many words on."""


def choose_facts(script: Model, asked: Asked) -> list[str] | None:
    """Ids of the facts that the script chooses; None: it leaves that open."""
    if script.facts is None:
        return None
    return [fact.id for fact in asked.facts if any(found(pattern, fact.text) for pattern in script.facts)]


def find_number(script: Model, asked: Asked) -> dict[str, str | None] | None:
    """The script's number, once the request, a fact or an answer holds it."""
    if script.phone is None:
        return None
    known = [asked.request, *(fact.text for fact in asked.facts), *(answer.answer for answer in asked.answers)]
    digits = script.phone.removeprefix("+")
    return {"phone": script.phone} if any(digits in re.sub(r"\D", "", text) for text in known) else None


def converse(script: Model, asked: Asked) -> Reply | None:
    """The first turn not given yet whose conditions hold; None: the script has nothing to say to this."""
    said = [plain(text) for text in asked.floyd_said]
    left = [turn for turn in script.turns if not _was_given(turn, said)]
    for trigger in _triggers(asked):
        for turn in left:
            if found(turn.when, trigger) and _holds(turn, asked):
                tool = turn.tool and ToolUse(turn.tool.name, dict(turn.tool.arguments))
                return Reply(turn.say, tool)
    return None


def _triggers(asked: Asked) -> list[str]:
    """What a turn may react to, the most pressing first."""
    triggers = []
    if owner := asked.owner_said:
        triggers.append("(owner silent)" if owner.answer is None else f"(owner) {owner.answer}")
    if not asked.floyd_said:
        triggers.append("(start)")
    return [*triggers, asked.callee_said]


def _holds(turn: ModelTurn, asked: Asked) -> bool:
    if turn.call is not None and turn.call != asked.call:
        return False
    if turn.knows is None:
        return True
    owner = asked.owner_said
    return found(turn.knows, f"{asked.data}\n{owner.answer if owner and owner.answer else ''}")


def _was_given(turn: ModelTurn, said: list[str]) -> bool:
    """Whether the turn was heard, perhaps cut short, perhaps in several lines."""
    words = plain(turn.say)
    if not words:
        return False
    fewest = min(FEWEST_WORDS, len(words.split()))
    return any(
        words in text or (words.startswith(text) and len(text.split()) >= fewest) or text in _tails(words, text)
        for text in said
        if text
    )


def _tails(words: str, text: str) -> str:
    """The turn's words if `text` is a good part of them: clauses of one turn may be separate lines."""
    return words if len(text.split()) >= 4 else ""


def wrap_up(script: Model, asked: Asked) -> str | None:
    """The first of the script's outcomes, from that of the last call, that fits what was said."""
    outcomes = [script.outcome, *reversed(script.earlier_outcomes)]
    for outcome in outcomes:
        if outcome is not None and _fits(outcome, asked):
            return json.dumps(
                {
                    "kind": outcome.kind,
                    "summary": outcome.summary,
                    "reported": [_claim(fact, asked) for fact in outcome.reported],
                    "learnt": [_claim(fact, asked) for fact in outcome.learnt if _lines(fact, asked)],
                }
            )
    return None


def _fits(outcome: ModelOutcome, asked: Asked) -> bool:
    if asked.kinds and outcome.kind not in asked.kinds:
        return False
    return not outcome.reported or any(_lines(fact, asked) for fact in outcome.reported)


def _claim(fact: ReportedFact, asked: Asked) -> dict[str, object]:
    return {"text": fact.text, "lines": _lines(fact, asked)}


def _lines(fact: ReportedFact, asked: Asked) -> list[int]:
    """The transcript's lines in which the callee said it."""
    return [
        line.number for line in asked.transcript if line.speaker == "callee" and found(fact.evidence, line.text)
    ]
