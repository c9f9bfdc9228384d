"""When what was said is written down."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from worker.call.outbox import Outbox
from worker.deployment.client import Deployment


class Written:
    def __init__(self, did: list[str]) -> None:
        self._did = did

    async def mutation(self, path: str, args: dict[str, Any], *, patience_s: float) -> None:
        self._did.append(path)


async def test_an_answer_that_is_begun_in_the_same_step_goes_first() -> None:
    did: list[str] = []
    outbox = Outbox(cast(Deployment, Written(did)), on_lease_lost=lambda: None)
    await asyncio.sleep(0)  # it waits for something to write now

    async def answer() -> None:
        did.append("answer")

    outbox.put("transcript:append", {})
    answering = asyncio.create_task(answer())
    assert await outbox.close(flush_s=5.0)
    await answering
    assert did == ["answer", "transcript:append"]
