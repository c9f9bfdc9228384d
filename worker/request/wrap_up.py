"""After the call: asking the model what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from worker.call.contract import CallBrief, CallReport, SpokenLine
from worker.model import prompts
from worker.model.language_model import LanguageModel, ModelUnavailable
from worker.model.parse import read_wrap_up
from worker.model.prompts import Person
from worker.request.outcome import Outcome, Reported, Rule, learnt, settled, without_model

MOST_LINES = 400
"""Transcript lines shown, the latest ones: about half an hour of talk, and within any model's window."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    outcome: Outcome
    learnt: tuple[Reported, ...] = ()


async def sum_up(model: LanguageModel, brief: CallBrief, report: CallReport, rule: Rule) -> Result:
    """The outcome of a call. Without the model, or when it cannot be understood, by code alone."""
    if not rule.reads:
        return Result(without_model(report, rule))
    person = Person(brief.person_name, brief.timezone, brief.language)
    prompt = prompts.wrap_up(
        brief.request_text,
        person,
        plan_text=brief.plan,
        answers=brief.answers,
        lines=_latest(report.lines),
        kinds=[kind.value for kind in rule.kinds],
    )
    try:
        wrap_up = read_wrap_up(await model.complete(prompt))
    except ModelUnavailable as error:
        log.warning("no wrap-up by the model", reason=error.message)
        wrap_up = None
    if wrap_up is None:
        log.warning("the outcome is by code alone", ending=report.ending.value)
        return Result(without_model(report, rule))
    return Result(settled(report, rule, wrap_up), learnt(report, wrap_up))


def _latest(lines: Sequence[SpokenLine]) -> Sequence[SpokenLine]:
    return lines[-MOST_LINES:]
