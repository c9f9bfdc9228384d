"""What can be heard on a call while it lasts, for whoever listens in, and a way for the owner to speak on it.

Both sides are handed out together, 20 ms at a time, as often as the callee's frames come: the callee's sound, and
beside it the sound that the callee hears at that moment (Floyd's voice, or the owner's). While nobody listens,
nothing is kept and nothing is done.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from worker.audio.g711 import SILENCE
from worker.call.clock import Clock
from worker.call.recording import Track
from worker.phone.media import FRAME_BYTES, FRAME_MS, SAMPLE_RATE_HZ

WAITING_FRAMES = 15
"""Kept for a listener who is late: 0.3 s. Beyond it the oldest are dropped: nobody lags behind the call."""

LOOK_EVERY = 50
"""Frames. Networks hold frames back and then send them in a burst: only what lasts a second is drift."""

DRIFT_BYTES = 480
"""60 ms between the two sides are put right; less is not noticed."""


@dataclass(frozen=True, slots=True)
class Heard:
    """20 ms of a call: 160 bytes of mu-law each, 8,000 Hz; silence where nothing was played."""

    callee: bytes
    floyd: bytes
    """What the callee hears: Floyd, or the owner who has taken over."""


class Tap(Protocol):
    """Who is given both sides of a line. Times are the loop's seconds."""

    def callee_says(self, mulaw: bytes) -> None: ...

    def floyd_says(self, mulaw: bytes, plays_at: float) -> None: ...

    def floyd_cut(self, at: float) -> None: ...

    def end(self) -> None:
        """The call is over."""
        ...


class Outbound(Protocol):
    """A line's way out, as a listener finds it."""

    def ahead(self) -> tuple[bytes, float]:
        """What was sent and is still to be played, and the moment from which on it plays."""
        ...


class Inbound(Protocol):
    """A line's way in."""

    on_frame: Callable[[bytes], None] | None
    """Who wants the callee's frames; None while nobody does."""


class Listener:
    """An async iterator of `Heard`, until the call is over or it is closed. Close it when nobody reads it."""

    def __init__(self, clock: Clock, leave: Callable[[Listener], None]) -> None:
        self.dropped = 0
        """Frames that nobody fetched in time."""
        self._clock = clock
        self._leave = leave
        self._waiting: deque[Heard] = deque()
        self._news = asyncio.Event()
        self._over = False
        self._floyd = Track(clock.now())
        self._begun = False
        self._apart: list[int] = []
        """Samples between the two sides, frame by frame."""

    def __aiter__(self) -> Listener:
        return self

    async def __anext__(self) -> Heard:
        while not self._waiting:
            if self._over:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()

    def close(self) -> None:
        """Listen no longer. Harmless when repeated."""
        self._over = True
        self._waiting.clear()
        self._news.set()
        self._leave(self)

    def end(self) -> None:
        """The call is over: what waits is still handed out."""
        self._over = True
        self._news.set()

    def callee_says(self, mulaw: bytes) -> None:
        if not self._begun:
            self._floyd.go_to(self._clock.now() - FRAME_MS / 1000)
            self._begun = True
        self._keep_together()
        if len(self._waiting) >= WAITING_FRAMES:
            self._waiting.popleft()
            self.dropped += 1
        # The last frame before a line closes may be short.
        callee = mulaw[:FRAME_BYTES].ljust(FRAME_BYTES, bytes([SILENCE]))
        self._waiting.append(Heard(callee, self._floyd.take(FRAME_BYTES)))
        self._news.set()

    def floyd_says(self, mulaw: bytes, plays_at: float) -> None:
        self._floyd.put(mulaw, plays_at)

    def floyd_cut(self, at: float) -> None:
        self._floyd.cut(at)

    def _keep_together(self) -> None:
        """The callee's frames count the time: should they be lost or come too fast, Floyd's side is put right."""
        began_at = self._clock.now() - FRAME_MS / 1000
        self._apart.append(round((began_at - self._floyd.at) * SAMPLE_RATE_HZ))
        if len(self._apart) < LOOK_EVERY:
            return
        least, most = min(self._apart), max(self._apart)
        self._apart.clear()
        if least > DRIFT_BYTES or most < -DRIFT_BYTES:
            self._floyd.go_to(began_at)


class OnAir:
    """One call's, from the dial to the hang-up. Before somebody has picked up there is nothing to hear yet."""

    def __init__(self, clock: Clock) -> None:
        self.taken_over = False
        """The owner speaks on the line, and Floyd is silent."""
        self.on_speech: Callable[[bytes], None] | None = None
        """Where the owner's voice goes; None: nowhere."""
        self._clock = clock
        self._taps: list[Tap] = []
        self._outbound: Outbound | None = None
        self._inbound: Inbound | None = None
        self._over = False

    def listen(self) -> Listener:
        """Hear both sides from now on."""
        listener = Listener(self._clock, self._forget)
        if self._over:
            listener.end()
            return listener
        if self._outbound is not None:
            rest, plays_at = self._outbound.ahead()
            listener.floyd_says(rest, plays_at)
        self.add(listener)
        return listener

    def speak(self, mulaw: bytes) -> None:
        """The owner's voice: 160 bytes of mu-law, every 20 ms. Played to the callee while taken over, else
        dropped."""
        if self.taken_over and self.on_speech is not None:
            self.on_speech(mulaw)

    # -- the line's side ---------------------------------------------------------------------------------------

    def add(self, tap: Tap) -> None:
        self._taps.append(tap)
        self._want_frames()

    def open(self, outbound: Outbound, inbound: Inbound) -> None:
        """The line is open."""
        self._outbound, self._inbound = outbound, inbound
        self._want_frames()

    def close(self) -> None:
        """The call is over."""
        taps, self._taps = self._taps, []
        self._want_frames()
        self._outbound = self._inbound = None
        self._over = True
        self.taken_over, self.on_speech = False, None
        for tap in taps:
            tap.end()

    def floyd_says(self, mulaw: bytes, plays_at: float) -> None:
        for tap in self._taps:
            tap.floyd_says(mulaw, plays_at)

    def floyd_cut(self, at: float) -> None:
        for tap in self._taps:
            tap.floyd_cut(at)

    def _callee_says(self, mulaw: bytes) -> None:
        for tap in self._taps:
            tap.callee_says(mulaw)

    def _forget(self, listener: Listener) -> None:
        if listener in self._taps:
            self._taps.remove(listener)
            self._want_frames()

    def _want_frames(self) -> None:
        if self._inbound is not None:
            self._inbound.on_frame = self._callee_says if self._taps else None
