"""Writes to the deployment that nobody on the line waits for: in order, retried, each until it is through.

A deployment that is away for half a minute in mid-call costs nothing but the delay. Each write carries its natural
key, so one that went through without its answer is harmless to repeat.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, stop_never, wait_exponential_jitter

from worker.again import again
from worker.deployment.client import Deployment, DeploymentUnavailable, FunctionError, LeaseLost

log = structlog.get_logger(__name__)

PATIENCE_S = 5.0
"""Of one attempt with the client's own retries; then it is tried anew from here."""

LONGEST_PAUSE_S = 2.0
"""Between attempts, so that a deployment that is back is used at once."""

FLUSH_S = 90.0
"""After the call: how long what is not written yet is tried for. Longer than a deployment's restart."""

MAX_WAITING = 20_000
"""Writes kept for a deployment that is away: an hour of brisk talk. Beyond it new ones are dropped."""

Write = tuple[str, dict[str, Any]]
Compose = Callable[[], Write | None]
"""Called when the write's turn has come, to take in what has gathered meanwhile. None: nothing to do."""


class Outbox:
    """`on_lease_lost()` is called once, when a write is refused because the lease is gone."""

    def __init__(self, deployment: Deployment, on_lease_lost: Callable[[], None]) -> None:
        self._deployment = deployment
        self._on_lease_lost: Callable[[], None] | None = on_lease_lost
        self._waiting: deque[Compose] = deque()
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._dropped = 0
        self._task = asyncio.create_task(self._run())

    def put(self, path: str, args: dict[str, Any]) -> None:
        """Queue a mutation. Never blocks."""
        self.put_composed(lambda: (path, args))

    def put_composed(self, compose: Compose) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self._dropped += 1
            if self._dropped == 1:
                log.error("outbox.full", waiting=MAX_WAITING)
            return
        self._waiting.append(compose)
        self._idle.clear()
        self._news.set()

    async def close(self, flush_s: float = FLUSH_S) -> bool:
        """Write what waits, for at most `flush_s`. False if something could not be written."""
        try:
            async with asyncio.timeout(flush_s):
                await self._idle.wait()
        except TimeoutError:
            log.error("outbox.not_written", waiting=len(self._waiting) + 1)
            return False
        finally:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        return self._dropped == 0

    async def _run(self) -> None:
        while True:
            while self._waiting:
                write = self._waiting.popleft()()
                if write is not None:
                    await self._write(*write)
            self._idle.set()
            self._news.clear()
            await self._news.wait()
            # What is put here was just said, and the answer to it is begun in the same step: that goes first.
            await asyncio.sleep(0)

    async def _write(self, path: str, args: dict[str, Any]) -> None:
        try:
            await again(
                lambda: self._deployment.mutation(path, args, patience_s=PATIENCE_S),
                DeploymentUnavailable,
                _without_end,
            )
        except LeaseLost:
            log.warning("outbox.lease_lost", function=path)
            tell, self._on_lease_lost = self._on_lease_lost, None
            if tell is not None:
                tell()
        except FunctionError as error:
            log.error("outbox.refused", function=path, code=error.code, field=error.field, reason=error.message)
        except Exception:  # one write that can't be made must not keep those after it
            log.exception("outbox.failed", function=path)


def _without_end() -> AsyncRetrying:
    return AsyncRetrying(
        retry=retry_if_exception_type(DeploymentUnavailable),
        wait=wait_exponential_jitter(multiplier=0.1, max=LONGEST_PAUSE_S, jitter=0.1),
        stop=stop_never,
    )
