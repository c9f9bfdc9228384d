"""How a process of the benchmark's ends: when it is told to, or when nobody is left to tell it."""

from __future__ import annotations

import asyncio
import os
import signal

PARENT_CHECK_S = 1.0


async def until_told() -> None:
    """SIGINT, SIGTERM, or the parent is gone."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    parent = os.getppid()
    while not stop.is_set() and os.getppid() == parent:
        try:
            async with asyncio.timeout(PARENT_CHECK_S):
                await stop.wait()
        except TimeoutError:
            continue
