"""Ctrl-C and SIGTERM: the first ends in order, the second at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """A signal ended the work, and what it had started is cleaned up."""


def run(work: Coroutine[Any, Any, T], second: Callable[[], None] | None = None) -> T:
    """Run until done. A signal cancels the work, whose clean-up is awaited; a further one calls `second`.

    Raises `Interrupted`."""
    return asyncio.run(_run(work, second))


async def _run(work: Coroutine[Any, Any, T], second: Callable[[], None] | None) -> T:
    task = asyncio.ensure_future(work)
    signals = 0

    def on_signal() -> None:
        nonlocal signals
        signals += 1
        if signals == 1:
            task.cancel()
        elif second is not None:
            second()

    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, on_signal)
    try:
        return await task
    except asyncio.CancelledError:
        if signals:
            raise Interrupted from None
        raise
