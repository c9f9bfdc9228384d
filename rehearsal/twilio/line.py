"""The audio of one answered call: one step every 20 ms, on an absolute schedule that does not drift.

Each step takes 20 ms from whatever plays on the caller's side (a Media Stream's buffer, a ``<Say>``), plays it to
the callee, and hands the callee's 20 ms to the Media Stream, if one is connected. A late step is followed at once
by the next ones until the schedule is caught up, as the telephone network's clock waits for nobody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from rehearsal.callee import FRAME_S, SILENCE, Callee
from rehearsal.twilio.playback import PlaybackBuffer
from rehearsal.twilio.turns import TurnNotes

# When catching up, let other tasks run now and then.
CATCH_UP_STEPS = 10


class Listener(Protocol):
    """A connected Media Stream."""

    async def on_frame(self, mulaw: bytes) -> None: ...
    async def on_key(self, key: str) -> None: ...
    async def on_played(self) -> None:
        """Another 20 ms of the playback buffer have been played, or nothing was waiting."""
        ...


class Line:
    def __init__(self, callee: Callee) -> None:
        self.callee = callee
        self.playback = PlaybackBuffer()
        """What the caller's side plays."""
        self.listener: Listener | None = None
        self.turns = TurnNotes()
        self.late_steps = 0
        """Steps that came 20 ms or more after their time."""
        self.after_step: Callable[[], None] = lambda: None
        self._drained = asyncio.Event()

    async def run(self) -> None:
        """Step until the callee hangs up."""
        loop = asyncio.get_running_loop()
        start, steps = loop.time(), 0
        while not self.callee.hung_up:
            steps += 1
            wait = start + steps * FRAME_S - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            else:
                self.late_steps += wait <= -FRAME_S
                if steps % CATCH_UP_STEPS == 0:
                    await asyncio.sleep(0)
            await self._step()

    async def _step(self) -> None:
        played = self.playback.next_frame()
        if played is not None:
            self.turns.caller_played(played, time.time())
        frame = self.callee.tick(played or SILENCE)
        listener = self.listener
        if listener is not None:
            if self.callee.speaking:
                self.turns.callee_sent(frame, time.time(), caller_audible=self.playback.waiting_bytes > 0)
            await listener.on_frame(frame)
            while self.callee.pressed:
                await listener.on_key(self.callee.pressed.pop(0))
            await listener.on_played()
        if not self.playback.waiting_bytes:
            self._drained.set()
        self.after_step()

    def take(self, mulaw: bytes) -> None:
        """Audio from the caller's side, to be played after what is waiting."""
        self.turns.caller_sent(mulaw, time.time())
        self.playback.add(mulaw)

    def clear(self) -> None:
        """Drop what is waiting to be played."""
        self.turns.caller_cleared()
        self.playback.clear()

    async def play(self, mulaw: bytes) -> None:
        """Play something, and return when it has been played to its end. Cancelling stops it."""
        self.playback.clear()
        self.playback.add(mulaw)
        self._drained.clear()
        try:
            await self._drained.wait()
        finally:
            self.playback.clear()
