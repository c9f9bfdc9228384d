"""Subscribers: what arrives at a client of the deployment, and when (epoch ms)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from worker.deployment.subscription import Subscription

FINAL = ("completed", "failed", "cancelled")


def now_ms() -> float:
    return time.time() * 1000


class ListWatcher:
    """Of `requests:list`: when each request was first seen in each status."""

    def __init__(self, live: Subscription) -> None:
        self.seen: dict[str, dict[str, float]] = {}
        self._live = live
        self._news = asyncio.Condition()
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for page in self._live:
            at = now_ms()
            for row in page["page"]:
                self.seen.setdefault(row["_id"], {}).setdefault(row["status"], at)
            async with self._news:
                self._news.notify_all()

    async def until(self, request_id: str, *statuses: str) -> dict[str, float]:
        """The request's arrival times, once it has been seen in one of the statuses."""
        async with self._news:
            await self._news.wait_for(lambda: any(one in self.seen.get(request_id, {}) for one in statuses))
        return self.seen[request_id]

    async def until_over(self, request_id: str) -> None:
        await self.until(request_id, *FINAL)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class ShowWatcher:
    """Of `requests:show`: the last state, when each line was first seen, and how old live words were."""

    def __init__(self) -> None:
        self.last: dict[str, Any] = {}
        self.seen: dict[str, float] = {}
        """Transcript line id to arrival."""
        self.live_delays: list[float] = []
        """From the writing of the words being spoken to their arrival, ms."""
        self._live_at = 0.0

    async def follow(self, live: Subscription) -> None:
        """Until the request has ended and its calls have too."""
        async for state in live:
            at = now_ms()
            self.last = state
            for line in state["transcript"]:
                self.seen.setdefault(line["_id"], at)
            for words in state["live"]:
                if words["updatedAt"] > self._live_at:
                    self._live_at = words["updatedAt"]
                    if words["text"]:
                        self.live_delays.append(at - words["updatedAt"])
            if state["request"]["status"] in FINAL and all(c["status"] == "ended" for c in state["calls"]):
                return
