"""A reply that was thrown away leaves nothing to the garbage collector: with many calls, that would be pauses."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator

import pytest

from worker.call.clock import Clock
from worker.call.reply import CascadedReply
from worker.model.language_model import ModelEvent, Prompt, TextDelta


class NeverDone:
    """A model that has begun an answer, and a voice that has begun to speak it."""

    async def stream(self, prompt: Prompt) -> AsyncIterator[ModelEvent]:
        yield TextDelta("Good morning. ")
        yield TextDelta("This is ")
        await asyncio.Event().wait()

    async def complete(self, prompt: Prompt) -> str:
        raise NotImplementedError

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        yield b"\x10" * 160
        await asyncio.Event().wait()

    async def warm_up(self) -> None: ...

    async def close(self) -> None: ...


@pytest.mark.parametrize("heard", [True, False])
async def test_a_cancelled_reply_is_freed_without_the_collector(*, heard: bool) -> None:
    vendor = NeverDone()
    gc.collect()
    gc.disable()
    try:
        reply = CascadedReply(Prompt("", ()), model=vendor, voice=vendor, clock=Clock())
        reply.start()
        if heard:
            await reply.until_ready()
        freed = weakref.ref(reply)
        await reply.cancel()
        await reply.cancel()  # harmless
        del reply
        await asyncio.sleep(0)
        assert freed() is None
    finally:
        gc.enable()
