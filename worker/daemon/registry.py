"""The requests this process works on, in one place: who claims, beats, listens and drains looks here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from worker.call.contract import CallControl, StopReason
from worker.daemon.metrics import Metrics
from worker.request.run import Phase, RequestRun

STOP_PATIENCE_S = 15.0
"""From telling a call to hang up to breaking it off: two carrier requests with their retries."""

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Running:
    """A request under a lease of ours. `seen`: the inbox has listed the lease, so its absence means something."""

    request_id: str
    token: str
    run: RequestRun
    control: CallControl
    task: asyncio.Task[None]
    seen: bool = False

    def stop(self, reason: StopReason) -> None:
        """Ask it to end. The first reason counts."""
        if not self.control.stop.done():
            self.control.stop.set_result(reason)


class Registry:
    def __init__(self, metrics: Metrics) -> None:
        self._running: set[Running] = set()
        self._metrics = metrics
        metrics.requests_running.set_function(lambda: len(self._running))
        metrics.calls_running.set_function(lambda: self.calls)

    def __len__(self) -> int:
        return len(self._running)

    def __iter__(self) -> Iterator[Running]:
        return iter(list(self._running))

    @property
    def calls(self) -> int:
        return sum(1 for running in self if running.run.phase is Phase.CALLING)

    def add(self, running: Running) -> None:
        """Until its task has ended."""
        self._running.add(running)
        running.task.add_done_callback(lambda _: self._running.discard(running))

    def get(self, request_id: str) -> Running | None:
        return next((running for running in self if running.request_id == request_id), None)

    def holds(self, request_id: str) -> bool:
        return self.get(request_id) is not None

    def lost(self, running: Running, reason: StopReason) -> None:
        """The lease is gone: hang up. A request that is just giving up its lease itself is left alone."""
        if running.run.phase is Phase.ENDING or running.control.stop.done():
            return
        log.warning("lease gone", request=running.request_id, reason=reason.value)
        self._metrics.lost_leases.inc()
        running.stop(reason)
        timer = asyncio.get_running_loop().call_later(STOP_PATIENCE_S, running.task.cancel)
        running.task.add_done_callback(lambda _: timer.cancel())

    async def ended(self, timeout_s: float) -> bool:
        """Wait until nothing runs. False when something still does after that time."""
        tasks = [running.task for running in self]
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_s)
        return not self._running
