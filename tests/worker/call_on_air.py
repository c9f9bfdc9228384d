"""A call that can be heard, without the rest of it: the engine's own `OnAir`, fed as a line feeds it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from page_side import FRAME, Samples

from worker.audio.g711 import encode
from worker.call.clock import Clock
from worker.call.on_air import OnAir

SILENCE = b"\xff" * FRAME


class CallOnAir:
    """Its callee says what is given to `callee_says`, as its time comes; Floyd what is given to `floyd_says`."""

    on_frame: Callable[[bytes], None] | None = None

    def __init__(self) -> None:
        self.on_air = OnAir(Clock())
        self.on_air.open(self, self)
        self.spoken: list[bytes] = []
        """What came of the owner's voice."""
        self.more = asyncio.Event()
        self._callee = b""
        self._clock = asyncio.get_running_loop().time
        self._said: dict[bytes, float] = {}
        self._ticking = asyncio.create_task(self._tick())

    def ahead(self) -> tuple[bytes, float]:
        return b"", self._clock()

    def callee_says(self, samples: Samples) -> None:
        self._callee += encode(samples)

    def floyd_says(self, samples: Samples) -> None:
        self.on_air.floyd_says(encode(samples), self._clock())

    def stop_time(self) -> None:
        """From now on frames come only when the test gives them."""
        self._ticking.cancel()

    def take_over(self) -> None:
        self.on_air.taken_over = True
        self.on_air.on_speech = self._speak

    def end(self) -> None:
        self._ticking.cancel()
        self.on_air.close()

    async def until_spoken(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(15):
            while not enough():
                self.more.clear()
                await self.more.wait()

    def _speak(self, mulaw: bytes) -> None:
        self.spoken.append(mulaw)
        self.more.set()

    async def _tick(self) -> None:
        due = self._clock()
        while True:
            due += 0.02
            await asyncio.sleep(max(0.0, due - self._clock()))
            frame, self._callee = self._callee[:FRAME], self._callee[FRAME:]
            if self.on_frame is not None:
                self.on_frame(frame + SILENCE[len(frame) :])


@contextlib.asynccontextmanager
async def call_on_air() -> AsyncIterator[CallOnAir]:
    call = CallOnAir()
    try:
        yield call
    finally:
        call.end()
