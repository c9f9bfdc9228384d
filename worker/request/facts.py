"""Choosing the facts that a call may use, and saving them on the request as they are now."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from worker.call.contract import Fact
from worker.model import prompts
from worker.model.language_model import LanguageModel, ModelUnavailable
from worker.model.parse import read_fact_choice
from worker.model.prompts import Person
from worker.request.lease import Lease

MOST_FACTS = 100
"""In one call's prompt. Whoever told Floyd more needs the model's choice; without it, the newest are taken."""

log = structlog.get_logger(__name__)


async def choose_facts(
    model: LanguageModel, request: str, person: Person, facts: Sequence[Fact]
) -> tuple[Fact, ...]:
    """The facts that matter for this request. When the model cannot say, all of them."""
    if not facts:
        return ()
    by_id = {f"f{n}": fact for n, fact in enumerate(facts, start=1)}
    try:
        reply = await model.complete(prompts.choose_facts(request, person, facts))
    except ModelUnavailable as error:
        log.warning("no choice of facts: all are used", reason=error.message)
        return tuple(facts[-MOST_FACTS:])
    chosen = read_fact_choice(reply, frozenset(by_id))
    if chosen is None:
        log.warning("the choice of facts cannot be read: all are used", reply_length=len(reply))
        return tuple(facts[-MOST_FACTS:])
    return tuple(by_id[name] for name in chosen[:MOST_FACTS])


async def save_facts(lease: Lease, facts: Sequence[Fact]) -> None:
    rows = [
        {"text": fact.text, "sharing": fact.sharing} | ({"factId": fact.fact_id} if fact.fact_id else {})
        for fact in facts
    ]
    await lease.write("requests:saveContext", facts=rows)
