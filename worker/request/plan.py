"""Writing the plan: streamed into the request while the model writes it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import cast

import structlog

from worker.deployment.client import DeploymentUnavailable, FunctionError
from worker.model.language_model import LanguageModel, ModelEvent, ModelUnavailable, Prompt, TextDelta
from worker.request.lease import Lease

WRITE_EVERY_S = 0.2
"""At most five writes a second: each one wakes every client that watches the request."""

LONGEST_PLAN = 8_000
"""Characters; half of what the deployment takes. A longer plan helps no call."""

log = structlog.get_logger(__name__)


async def write_plan(lease: Lease, model: LanguageModel, prompt: Prompt, fallback: str) -> str:
    """Whatever text the model writes is the plan; if it writes none, `fallback` is.

    Raises `LeaseLost` and `DeploymentUnavailable`, but for the final write only."""
    draft = _Draft(lease)
    writer = asyncio.create_task(draft.keep_writing(), name="plan-writer")
    try:
        # A stream is an async generator, whose closing cancels the request.
        async with contextlib.aclosing(cast(AsyncGenerator[ModelEvent, None], model.stream(prompt))) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    draft.add(event.text)
                if len(draft.text) >= LONGEST_PLAN:
                    break
    except ModelUnavailable as error:
        log.warning("no whole plan: going on with what there is", reason=error.message, length=len(draft.text))
    finally:
        writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writer
    plan = draft.text[:LONGEST_PLAN].strip() or fallback
    await lease.write("requests:writePlan", text=plan, done=True)
    return plan


class _Draft:
    def __init__(self, lease: Lease) -> None:
        self.text = ""
        self._lease = lease
        self._grown = asyncio.Event()

    def add(self, text: str) -> None:
        self.text += text
        self._grown.set()

    async def keep_writing(self) -> None:
        while True:
            await self._grown.wait()
            self._grown.clear()
            try:
                await self._lease.write(
                    "requests:writePlan", text=self.text[:LONGEST_PLAN], done=False, patience_s=WRITE_EVERY_S * 5
                )
            except (DeploymentUnavailable, FunctionError) as error:
                # The whole plan is written at the end, and says so if that cannot be done.
                log.info("a part of the plan was not written", reason=str(error))
            await asyncio.sleep(WRITE_EVERY_S)
