"""One request, from the claim to its end: gather, plan, find the number, call, wrap up.

Every way out ends in a named state: the request is finished, waits for its owner, or is given back. The exceptions
are those in which it is not this worker's any more (cancelled, lease lost), or the deployment has been away for so
long that the lease has run out and the deployment decides.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import structlog

from worker.call.contract import CallBrief, CallControl, Caller, CallReport, StopReason
from worker.call.usage import MeteredModel, Usage
from worker.deployment.client import DeploymentUnavailable, FunctionError, LeaseLost
from worker.model import prompts
from worker.model.language_model import LanguageModel
from worker.request.facts import choose_facts, save_facts
from worker.request.lease import Lease
from worker.request.material import Claimed, Material, person_of, read_material
from worker.request.number import ChosenNumber, Known, find_number, number_question, region_of
from worker.request.outcome import Kind, Outcome, Reported, rule_for
from worker.request.plan import write_plan
from worker.request.wrap_up import sum_up

ANSWER_WITHIN_S = 24 * 3600.0
"""How long a request waits for its owner when nobody is on the line: an errand asked about today is stale by the
day after tomorrow."""

ABORT_PATIENCE_S = 5.0
"""For the last write of a request whose process is being stopped."""

USAGE_PATIENCE_S = 5.0
"""Somebody waits for the outcome."""

LOST_FOR_GOOD = "Floyd failed while it worked on this request. The worker's log says why; ask again to try again."

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Phase(StrEnum):
    """Where a request is, as far as stopping it is concerned."""

    PREPARING = "preparing"  # can be given back as if nothing had happened
    CALLING = "calling"
    WRAPPING_UP = "wrappingUp"
    ENDING = "ending"  # the write that gives up the lease is under way


@dataclass(frozen=True, slots=True)
class Means:
    """What a request is carried out with. `override`: every call goes to this number."""

    model: LanguageModel
    caller: Caller
    override: str | None = None


class RequestRun:
    def __init__(self, lease: Lease, claimed: Claimed, control: CallControl, means: Means) -> None:
        self.phase = Phase.PREPARING
        self.calling: str | None = None
        """The number being called, while it is."""
        self._lease = lease
        self._request = claimed.request
        self._user = claimed.user
        self._control = control
        self._means = means
        self._usage = Usage()
        """What is used around the call."""
        self._model = MeteredModel(means.model, self._usage)

    async def run(self) -> None:
        """Carry the request out. Raises nothing but `CancelledError` (the process is being stopped)."""
        try:
            await self._carry_out()
        except LeaseLost:
            log.info("the request is not ours any more")
        except DeploymentUnavailable as error:
            log.error("the deployment is away: the lease will expire", reason=str(error))
        except asyncio.CancelledError:
            await self._abort()
            raise
        except Exception:
            log.exception("a request failed")
            # Also when it was the last write that was refused: a request that has been called and whose lease
            # merely expires would be offered, and called, again.
            await self._last_resort(Outcome(Kind.ERROR, LOST_FOR_GOOD))

    async def _carry_out(self) -> None:
        brief = await self._unless_stopped(self._prepare())
        if brief is None:
            return
        self.phase, self.calling = Phase.CALLING, brief.to
        report = await self._means.caller.place(brief, self._control)
        self.phase, self.calling = Phase.WRAPPING_UP, None
        log.info("call over", call=report.call_id, ending=report.ending.value, lines=len(report.lines))
        await self._wrap_up(brief, report)

    async def _unless_stopped(self, work: Coroutine[Any, Any, CallBrief | None]) -> CallBrief | None:
        """The work's result; or None if the request was stopped meanwhile, and then it is given back or left."""
        task = asyncio.create_task(work, name="prepare")
        stop = self._control.stop
        try:
            waiting: set[asyncio.Future[Any]] = {task, stop}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if not stop.done():
                return await task
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
        if task.cancelled() or task.exception() is not None or task.result() is not None:
            await self._stopped_before_call(stop.result())
        return None

    async def _stopped_before_call(self, reason: StopReason) -> None:
        log.info("stopped before the call", reason=reason.value)
        if reason is StopReason.DRAIN:
            await self._end("requests:release", reason="the worker is stopping")

    # ---- before the call

    async def _prepare(self) -> CallBrief | None:
        """Everything up to dialling. None when the request ended or waits for its owner."""
        person, text = person_of(self._user), self._request.text
        model = self._model
        material = read_material(await self._lease.material())
        facts = await choose_facts(model, text, person, material.facts)
        await save_facts(self._lease, facts)

        await self._stage("planning")
        prompt = prompts.plan(text, person, facts, material.answers, material.earlier)
        plan = await write_plan(self._lease, model, prompt, fallback=text)

        await self._stage("findingNumber")
        number = await find_number(model, self._known(material), person, self._means.override)
        if number is None:
            await self._ask_for_number()
            return None
        if not await self._save_number(number):
            return None
        limits = self._user.limits
        return CallBrief(
            request_id=self._lease.request_id,
            token=self._lease.token,
            to=number.phone,
            callee_name=number.name or "",
            request_text=text,
            person_name=person.name,
            timezone=person.timezone,
            language=person.language,
            voice=self._user.voice or "",
            plan=plan,
            facts=facts,
            answers=material.answers,
            earlier=material.earlier,
            max_minutes=limits.max_call_minutes,
            max_spend_usd=limits.max_spend_usd,
            record=limits.record_calls,
        )

    def _known(self, material: Material) -> Known:
        return Known(
            request=self._request.text,
            to_number=self._request.to_number,
            answers=material.answers,
            contacts=material.contacts,
            facts=material.facts,
            region=region_of(self._user.phone, self._user.timezone),
        )

    async def _ask_for_number(self) -> None:
        log.info("no number is known: asking the owner")
        await self._end("requests:ask", question=number_question(self._request.text), deadline=_answer_by())

    async def _save_number(self, number: ChosenNumber) -> bool:
        """False when there is nothing to dial: the number may not be called, and the request has ended; or its
        owner's call hours have, and it waits for the next."""
        row = {"phone": number.phone, "source": number.source}
        if number.name:
            row["name"] = number.name
        try:
            saved = await self._lease.write("requests:saveNumber", number=row)
        except FunctionError as error:
            if error.code not in ("POLICY_BLOCKED", "BAD_INPUT"):
                raise
            reason = error.message.replace("`number`", "the number")
            await self._finish(Outcome(Kind.POLICY_BLOCKED, f"Floyd did not call: {reason}."))
            return False
        if saved["postponed"]:
            log.info("the owner's call hours are over: the request waits for the next")
            return False
        log.info("number found", source=number.source)
        return True

    # ---- after the call

    async def _wrap_up(self, brief: CallBrief, report: CallReport) -> None:
        rule = rule_for(report)
        if rule is None:
            return
        if rule.reads:
            await self._stage("wrappingUp")
        result = await sum_up(self._model, brief, report, rule)
        await self._save_usage(report)
        if result.learnt:
            await self._offer(result.learnt, report.call_id)
        if result.outcome.kind is Kind.NEEDS_INPUT:
            question = (
                report.question.strip() or f"What should I say? I was asked about “{self._request.text[:200]}”."
            )
            row = result.outcome.row(report.call_id)
            so_far = {"summary": row["summary"], "reported": row["reported"]}
            await self._end("requests:needInput", question=question, deadline=_answer_by(), **so_far)
            return
        await self._finish(result.outcome, report.call_id)

    async def _offer(self, learnt: tuple[Reported, ...], call_id: str | None) -> None:
        facts = [{"text": fact.text, "lines": list(fact.lines)} for fact in learnt]
        try:
            await self._lease.write("facts:offer", callId=call_id, facts=facts)
        except FunctionError as error:
            if isinstance(error, LeaseLost):
                raise
            # An offer is a courtesy; the outcome must not wait for it or fail with it.
            log.warning("new facts were not offered", reason=str(error))

    async def _save_usage(self, report: CallReport) -> None:
        """What the call has used, with what was used around it; its own part is written already."""
        if report.call_id is None:
            return
        used = report.usage.with_tokens_of(self._usage)
        args = {"callId": report.call_id, "token": self._lease.token, "usage": used.row()}
        try:
            await self._lease.deployment.mutation("calls:saveUsage", args, patience_s=USAGE_PATIENCE_S)
        except (FunctionError, DeploymentUnavailable) as error:
            # The figures without the wrap-up are there, and the outcome must not wait.
            log.warning("the usage was not saved", reason=str(error))

    # ---- writes

    async def _stage(self, stage: str) -> None:
        await self._lease.write("requests:setStage", stage=stage)

    async def _finish(self, outcome: Outcome, call_id: str | None = None) -> None:
        log.info("outcome", kind=outcome.kind.value, status=outcome.status)
        await self._end("requests:finish", status=outcome.status, outcome=outcome.row(call_id))

    async def _end(self, path: str, **args: Any) -> None:
        """A write that gives up the lease. It is carried through even if this task is cancelled meanwhile."""
        self.phase = Phase.ENDING
        await _carried_through(self._lease.write(path, **args))

    async def _abort(self) -> None:
        """The process is being stopped and does not wait for polite endings."""
        if self.phase is Phase.PREPARING:
            await self._last_write("requests:release", reason="the worker is stopping")
        elif self.phase is not Phase.ENDING:
            await self._last_resort(Outcome(Kind.INTERRUPTED, "The call was broken off: Floyd was stopped."))

    async def _last_resort(self, outcome: Outcome) -> None:
        await self._last_write("requests:finish", status=outcome.status, outcome=outcome.row(None))

    async def _last_write(self, path: str, **args: Any) -> None:
        self.phase = Phase.ENDING
        try:
            await _carried_through(self._lease.write(path, patience_s=ABORT_PATIENCE_S, **args))
        except (FunctionError, DeploymentUnavailable) as error:
            log.warning("the last write failed: the lease will expire", path=path, reason=str(error))


async def _carried_through(work: Awaitable[T]) -> T:
    """The result of `work`, which goes on when the waiting task is cancelled; then that is waited for."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=ABORT_PATIENCE_S)
        raise


def _answer_by() -> float:
    """Epoch ms."""
    return (time.time() + ANSWER_WITHIN_S) * 1000
