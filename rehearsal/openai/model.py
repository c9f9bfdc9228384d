"""The stand-in language model: a scenario's script where there is one, plain rules where not. Pure.

It understands the tasks of Floyd's prompts (see `reading`). It is no model: it shows that everything around a
model works. Any other prompt gets a sentence that says so.
"""

from __future__ import annotations

import json

from rehearsal.openai import generic, scripted
from rehearsal.openai.reading import Asked
from rehearsal.openai.reply import Reply
from rehearsal.scenario import Model

NOT_A_MODEL = "This is the rehearsal's stand-in for a language model. It only knows the prompts of Floyd's calls."
_NOTHING_SCRIPTED = Model()


def answer(asked: Asked, script: Model | None) -> Reply:
    """What to say to a request; `script` is that of the scenario the request belongs to."""
    script = script or _NOTHING_SCRIPTED
    match asked.task:
        case "choose_facts":
            chosen = scripted.choose_facts(script, asked)
            return _json({"facts": generic.choose_facts(asked) if chosen is None else chosen})
        case "plan":
            return Reply(script.plan.strip() or generic.plan(asked))
        case "find_number":
            return _json(scripted.find_number(script, asked) or generic.find_number(asked))
        case "converse":
            return scripted.converse(script, asked) or generic.converse(asked)
        case "leave_message":
            return Reply(script.message) if script.message else generic.leave_message(asked)
        case "wrap_up":
            return Reply(scripted.wrap_up(script, asked) or generic.wrap_up(asked))
        case _:
            return Reply(NOT_A_MODEL)


def _json(value: object) -> Reply:
    return Reply(json.dumps(value))
