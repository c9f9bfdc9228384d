"""What somebody on a line waits for goes before what nobody does.

The event loop takes things in the order in which they come. An answer passes through it some ten times on its way
from the callee's last word to the first sound, and each time there may be a frame of every other call in front of
it, which could wait for a millisecond. So whoever carries an answer on claims the loop, and whoever has a frame in
hand gives way before using it. Nothing stands still for that: where no answer is being worked at after all, a
frame has lost a few rounds of the loop that take microseconds.
"""

from __future__ import annotations

import asyncio
import time

CLAIM_S = 0.004
"""A step of an answer (a request is made and sent, or audio decoded and sent) takes two milliseconds or three."""

ROUNDS = 3
"""Of the loop: no step takes more, since what one task wakes comes in the next round."""


class Precedence:
    def __init__(self) -> None:
        self._until = 0.0

    def claim(self) -> None:
        """The next step belongs to the caller's answer."""
        self._until = time.monotonic() + CLAIM_S

    async def give_way(self) -> None:
        """Let a step that is under way be finished first; no longer than it takes."""
        for _ in range(ROUNDS):
            if time.monotonic() >= self._until:
                return
            await asyncio.sleep(0)


ANSWERS = Precedence()
"""Of this process, which has one event loop."""
