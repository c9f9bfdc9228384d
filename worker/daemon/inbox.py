"""What the deployment tells a worker at once: leases that are gone, what owners answer, and how they steer a call.

`workers:inbox` lists this worker's live leases, the questions asked while somebody holds the line, its calls with
who is to speak on them and the hints that were not taken yet, and whether the worker is to drain. A lease that was
listed and is not any more has been taken away: by the person (cancelled), or by time. Which of the two it was is
not said; while the last heartbeat is fresh it cannot have been time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import structlog

from worker.call.contract import StopReason
from worker.call.steering import Hint
from worker.daemon.heartbeat import Heartbeat
from worker.daemon.registry import Registry
from worker.deployment.client import Deployment, DeploymentUnavailable, FunctionError

OWNER_ANSWERS_WITHIN_S = 30.0
"""Somebody holds the line meanwhile: few hold longer for a stranger's machine."""

ANSWER_TRAVELS_S = 2.0
"""The deployment closes the question at its deadline; the news may take a moment, and the answer may win."""

ASK_PATIENCE_S = 10.0
"""For opening the question: after that the callee has waited long enough to be told that it does not work."""

log = structlog.get_logger(__name__)


class Inbox:
    """`on_drain(drain)` is told, with every value, whether this worker is to take nothing new."""

    def __init__(
        self,
        deployment: Deployment,
        registry: Registry,
        heartbeat: Heartbeat,
        on_drain: Callable[[bool], None] = lambda drain: None,
    ) -> None:
        self._on_drain = on_drain
        self._deployment = deployment
        self._registry = registry
        self._heartbeat = heartbeat
        self._questions: dict[str, dict[str, Any]] = {}
        self._waiting: dict[str, asyncio.Future[str | None]] = {}

    def on_inbox(self, value: Any) -> None:
        """A value of `workers:inbox`."""
        held = {(row["requestId"], row["token"]) for row in value["leases"]}
        for running in self._registry:
            if (running.request_id, running.token) in held:
                running.seen = True
            elif running.seen:
                fresh = self._heartbeat.is_fresh()
                self._registry.lost(running, StopReason.CANCELLED if fresh else StopReason.LEASE_LOST)
        self._questions = {row["questionId"]: row for row in value["questions"]}
        for question_id, waiting in self._waiting.items():
            self._settle(question_id, waiting)
        # A deployment of an earlier version has neither of these.
        for row in value.get("calls", ()):
            self._steer(row)
        self._on_drain(bool(value.get("drain", False)))

    async def ask_owner(self, request_id: str, token: str, question: str, call_id: str) -> str | None:
        """The owner's answer, or None when there is none in time. Raises `LeaseLost`."""
        args = {
            "requestId": request_id,
            "token": token,
            "question": question,
            "callId": call_id,
            "deadline": (time.time() + OWNER_ANSWERS_WITHIN_S) * 1000,
        }
        try:
            question_id = await self._deployment.mutation("requests:ask", args, patience_s=ASK_PATIENCE_S)
        except DeploymentUnavailable as error:
            log.warning("the owner cannot be asked", reason=str(error))
            return None
        except FunctionError as error:
            if error.code == "LEASE_LOST":
                raise
            log.warning("the owner cannot be asked", reason=str(error))
            return None
        waiting = self._waiting.setdefault(question_id, asyncio.get_running_loop().create_future())
        self._settle(question_id, waiting)
        try:
            async with asyncio.timeout(OWNER_ANSWERS_WITHIN_S + ANSWER_TRAVELS_S):
                return await asyncio.shield(waiting)
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(question_id, None)

    def _steer(self, row: dict[str, Any]) -> None:
        running = self._registry.get(row["requestId"])
        if running is None:
            return
        control = row["control"]
        running.control.steering.follow(
            row["callId"],
            by_owner=control["by"] == "owner",
            take_overs=int(control.get("takeOvers", 0)),
            hang_up=bool(control.get("hangUp", False)),
            hints=[Hint(hint["hintId"], hint["text"]) for hint in row["hints"]],
        )

    def _settle(self, question_id: str, waiting: asyncio.Future[str | None]) -> None:
        row = self._questions.get(question_id)
        if row is None or waiting.done():
            return
        match row["status"]:
            case "answered":
                waiting.set_result(str(row.get("answer") or "") or None)
            case "expired" | "cancelled":
                waiting.set_result(None)
