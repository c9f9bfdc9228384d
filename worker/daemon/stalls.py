"""Watching that the event loop does not stand still: audio frames are due every 20 ms for every call.

A timer on the loop measures by how much it runs late. A thread looks at the same timer from outside and, while the
loop stands still, notes where: the stack is the answer to "who did that?". Code that stands still while it holds
the interpreter's lock stops the thread too; then only the delay is known. For the same reason the place is often
one where the lock was let go (numpy, a system call, the voice-activity network), and not what took long.

A loop also runs late when the machine has given its CPU to others, which no code here can change. Linux counts for
every thread how long it was ready to run and did not: that much is not the loop's own doing.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import traceback

import structlog

from worker.daemon.metrics import Metrics

TICK_S = 0.02
"""A frame: as often as the loop is woken by a call anyway. (Twice as often was a tenth of a single call's CPU.)"""

WORTH_A_LINE_S = 0.05
"""A gap that a callee can hear."""

SETTLED_AFTER_S = 2.0
"""Starting up imports modules and builds clients, which stalls and harms nobody."""

log = structlog.get_logger(__name__)


class ThreadClock:
    """Of the thread that builds it: CPU time used, and time spent ready to run without a CPU; both in seconds.

    Two numbers, in ns, of `/proc/thread-self/schedstat` (Linux, "Scheduler Statistics"); where there is no such
    file, the CPU time is known and the waiting is not: 0. A reading costs about a microsecond."""

    def __init__(self) -> None:
        try:
            self._file: int | None = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        except OSError:
            self._file = None

    def read(self) -> tuple[float, float]:
        if self._file is None:
            return time.thread_time(), 0.0
        used, waited = os.pread(self._file, 100, 0).split()[:2]
        return int(used) / 1e9, int(waited) / 1e9

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class StallMonitor:
    """`floyd_loop_stall_seconds` counts the lateness, `floyd_loop_blocked_seconds` what of it is the loop's own:
    computing, or waiting for a lock, a file or a socket. What it waited for a CPU while it was not late yet is
    taken off too, so the own part may be up to a tick too short."""

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
        clock = ThreadClock()
        used, waited = clock.read()
        try:
            while True:
                due = time.monotonic() + TICK_S
                used_before, waited_before = used, waited
                await asyncio.sleep(TICK_S)
                self._ticked = time.monotonic()
                used, waited = clock.read()
                late = max(0.0, self._ticked - due)
                without_cpu = min(late, waited - waited_before)
                self._metrics.loop_stall_seconds.observe(late)
                self._metrics.loop_blocked_seconds.observe(late - without_cpu)
                if late >= WORTH_A_LINE_S and self._ticked - began > SETTLED_AFTER_S:
                    log.warning(
                        "the event loop stood still",
                        ms=round(late * 1000),
                        without_cpu_ms=round(without_cpu * 1000),
                        computing_ms=round((used - used_before) * 1000),
                        at=self._culprit,
                    )
                self._culprit = None
        finally:
            clock.close()
            self._over.set()

    def _look(self, loop_thread: int) -> None:
        wait_s = WORTH_A_LINE_S
        while not self._over.wait(wait_s):
            # As long as the loop ticks, this looks when the last tick will have been too long ago.
            wait_s = self._ticked + WORTH_A_LINE_S - time.monotonic()
            if wait_s > 0:
                continue
            wait_s = WORTH_A_LINE_S
            if self._culprit is None:
                frame = sys._current_frames().get(loop_thread)
                if frame is not None:
                    stack = traceback.extract_stack(frame, limit=4)
                    self._culprit = " < ".join(
                        f"{step.name} ({step.filename}:{step.lineno})" for step in stack[::-1]
                    )
