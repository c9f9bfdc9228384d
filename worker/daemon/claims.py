"""Taking requests: a live query says that there are some, and each is claimed by one mutation.

A free slot is taken *before* claiming, so that a claimed request always runs at once. A fencing token is kept
until the deployment has said what became of it: a claim whose answer was lost is repeated with the same token, and
then returns the same request. For the same reason a claim under way is not broken off when the worker stops.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import Any

import structlog
from pydantic import TypeAdapter, ValidationError

from worker.daemon.identity import Identity
from worker.daemon.metrics import Metrics
from worker.deployment.client import Deployment, DeploymentUnavailable, FunctionError, is_passing
from worker.request.material import Claimed

CLAIM_AGAIN_S = 1.0
"""When what looked due was not to be had (another worker was faster, or the clocks differ): look again after this,
if the live query has not said anything by then."""

FARTHEST_TIMER_S = 3600.0
"""A timer set for later than this is set again meanwhile: clocks are moved."""

log = structlog.get_logger(__name__)

_CLAIMED: TypeAdapter[Claimed | None] = TypeAdapter(Claimed | None)

Start = Callable[[str, Claimed], "asyncio.Task[None]"]
"""`start(token, claimed)`: run it; the slot is free again when the task ends."""


class Claims:
    def __init__(
        self, deployment: Deployment, identity: Identity, max_calls: int, start: Start, metrics: Metrics
    ) -> None:
        self._deployment = deployment
        self._identity = identity
        self._slots = asyncio.Semaphore(max_calls)
        self._start = start
        self._metrics = metrics
        self._due_at: dict[str, float] = {}  # request id -> epoch s
        self._draining = False
        self._news = asyncio.Event()
        self._heard_at = time.monotonic()
        self._token = secrets.token_urlsafe(24)

    def on_pending(self, rows: Any) -> None:
        """A value of `requests:pending`."""
        self._due_at = {row["requestId"]: float(row["notBefore"]) / 1000 for row in rows}
        self._heard_at = time.monotonic()
        self._news.set()

    def drain(self, draining: bool) -> None:
        """Take nothing new, or take what is due again."""
        if draining != self._draining:
            self._draining = draining
            self._news.set()

    async def run(self) -> None:
        """Claim whatever is due, for ever. Cancelling it claims nothing more."""
        while True:
            self._news.clear()
            pause = await self._claim_what_is_due()
            try:
                async with asyncio.timeout(pause):
                    await self._news.wait()
            except TimeoutError:
                self._heard_at = time.monotonic()

    async def _claim_what_is_due(self) -> float | None:
        """How long to wait for the next; None when nothing is in sight."""
        while not self._draining and any(due <= time.time() for due in self._due_at.values()):
            await self._slots.acquire()
            claiming = asyncio.create_task(self._claim_and_start(), name="claim")
            try:
                started = await asyncio.shield(claiming)
            except asyncio.CancelledError:
                await asyncio.wait({claiming})
                raise
            if not started:
                return CLAIM_AGAIN_S
        if self._draining or not self._due_at:
            return None
        return min(max(min(self._due_at.values()) - time.time(), 0.0), FARTHEST_TIMER_S)

    async def _claim_and_start(self) -> bool:
        """Uses up the slot that was taken, or gives it back."""
        try:
            claimed = await self._claim()
        except BaseException:
            self._slots.release()
            raise
        if claimed is None:
            self._slots.release()
            return False
        self._due_at.pop(claimed.request.id, None)
        token, self._token = self._token, secrets.token_urlsafe(24)
        task = self._start(token, claimed)
        task.add_done_callback(lambda _: self._slots.release())
        self._metrics.claims.inc()
        self._metrics.claim_seconds.observe(time.monotonic() - self._heard_at)
        return True

    async def _claim(self) -> Claimed | None:
        """A request, or None when there is none to be had. Raises `FunctionError`: then the worker must stop."""
        args = {
            "workerId": self._identity.worker_id,
            "incarnation": self._identity.incarnation,
            "token": self._token,
        }
        try:
            value = await self._deployment.mutation("requests:claim", args)
        except (DeploymentUnavailable, FunctionError) as error:
            if not is_passing(error):
                raise
            log.warning("no claim", reason=str(error))
            return None
        try:
            return _CLAIMED.validate_python(value)
        except ValidationError as error:
            # Left to expire, and then offered again: a worker of another version may understand it.
            log.error("a claimed request cannot be read", problems=error.error_count(), error=str(error)[:500])
            self._token = secrets.token_urlsafe(24)
            return None
