"""Every 10 s: I am alive, these leases are mine. The answer names those that are not any more.

An hour without an answer is an hour of trying: calls go on while the deployment is away. What ends the worker is
an answer that says it is not welcome (another process has registered under its id, or its token is refused).
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Literal

import structlog

from worker.call.contract import StopReason
from worker.daemon.identity import Identity
from worker.daemon.metrics import Metrics
from worker.daemon.registry import Registry
from worker.deployment.client import Deployment, DeploymentUnavailable, FunctionError, is_passing

BEAT_EVERY_S = 10.0
"""A sixth of a lease's life (60 s): five beats may be lost."""

BEAT_PATIENCE_S = 8.0
"""Of one beat, below the interval, so that the next one is on time."""

FRESH_S = 45.0
"""A lease renewed this recently cannot have expired: a lease's life less a beat and a margin for clocks."""

log = structlog.get_logger(__name__)

Status = Literal["running", "draining", "stopped"]


class Heartbeat:
    def __init__(self, deployment: Deployment, identity: Identity, registry: Registry, metrics: Metrics) -> None:
        self.status: Status = "running"
        self._deployment = deployment
        self._identity = identity
        self._registry = registry
        self._metrics = metrics
        self._now = asyncio.Event()
        self._beaten_at = time.monotonic()

    def is_fresh(self) -> bool:
        return time.monotonic() - self._beaten_at < FRESH_S

    def beat_now(self) -> None:
        self._now.set()

    async def run(self) -> None:
        """For ever. Raises `FunctionError` when the deployment refuses this worker."""
        while True:
            due = time.monotonic() + BEAT_EVERY_S
            self._now.clear()
            try:
                await self.beat()
            except (DeploymentUnavailable, FunctionError) as error:
                if not is_passing(error):
                    raise
                self._metrics.heartbeats.labels("missed").inc()
                log.warning(
                    "heartbeat missed", reason=str(error), since_s=round(time.monotonic() - self._beaten_at)
                )
            try:
                async with asyncio.timeout(max(0.0, due - time.monotonic())):
                    await self._now.wait()
            except TimeoutError:
                continue

    async def beat(self) -> None:
        mine = list(self._registry)
        answer: dict[str, Any] = await self._deployment.mutation(
            "workers:heartbeat",
            {
                "workerId": self._identity.worker_id,
                "incarnation": self._identity.incarnation,
                "status": self.status,
                "calls": self._registry.calls,
                "leases": [{"requestId": running.request_id, "token": running.token} for running in mine],
            },
            patience_s=BEAT_PATIENCE_S,
        )
        self._beaten_at = time.monotonic()
        self._metrics.heartbeats.labels("ok").inc()
        lost = set(answer["lost"])
        for running in mine:
            if running.request_id in lost:
                self._registry.lost(running, StopReason.LEASE_LOST)
