"""Watching that the event loop does not stand still: audio frames are due every 20 ms for every call.

A timer on the loop measures by how much it runs late. A thread looks at the same timer from outside and, while the
loop stands still, notes where: the stack is the answer to "who did that?". Code that stands still while it holds
the interpreter's lock stops the thread too; then only the delay is known.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback

import structlog

from worker.daemon.metrics import Metrics

TICK_S = 0.01
"""Half a frame: finer than what is looked for, and under 1 % of a core."""

WORTH_A_LINE_S = 0.05
"""A gap that a callee can hear."""

SETTLED_AFTER_S = 2.0
"""Starting up imports modules and builds clients, which stalls and harms nobody."""

log = structlog.get_logger(__name__)


class StallMonitor:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._ticked = time.monotonic()
        self._culprit: str | None = None
        self._over = threading.Event()

    async def run(self) -> None:
        """For as long as the process lives; cancelling it stops the thread."""
        thread = threading.Thread(target=self._look, args=(threading.get_ident(),), name="stalls", daemon=True)
        thread.start()
        began = time.monotonic()
        try:
            while True:
                due = time.monotonic() + TICK_S
                await asyncio.sleep(TICK_S)
                self._ticked = time.monotonic()
                late = max(0.0, self._ticked - due)
                self._metrics.loop_stall_seconds.observe(late)
                if late >= WORTH_A_LINE_S and self._ticked - began > SETTLED_AFTER_S:
                    log.warning("the event loop stood still", ms=round(late * 1000), at=self._culprit)
                self._culprit = None
        finally:
            self._over.set()

    def _look(self, loop_thread: int) -> None:
        while not self._over.wait(WORTH_A_LINE_S / 2):
            if self._culprit is None and time.monotonic() - self._ticked > WORTH_A_LINE_S:
                frame = sys._current_frames().get(loop_thread)
                if frame is not None:
                    stack = traceback.extract_stack(frame, limit=4)
                    self._culprit = " < ".join(
                        f"{step.name} ({step.filename}:{step.lineno})" for step in stack[::-1]
                    )
