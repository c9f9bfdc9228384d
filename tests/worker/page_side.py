"""The page's side of a connection, with aiortc: a microphone that plays given audio, and what is heard."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from fractions import Fraction
from typing import Any

import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtcrtpparameters import RTCRtpCodecCapability
from av import AudioFrame, AudioResampler
from numpy.typing import NDArray

RATE = 8_000
FRAME = 160
CODECS = {
    "PCMU": RTCRtpCodecCapability(mimeType="audio/PCMU", clockRate=8_000, channels=1),
    "opus": RTCRtpCodecCapability(mimeType="audio/opus", clockRate=48_000, channels=2),
}
PATIENCE_S = 15.0

Samples = NDArray[np.int16]
Ask = Callable[[str], Awaitable[str]]
"""Gives the offer to the worker, and returns its answer."""


def tone(hz: float, seconds: float, amplitude: int = 8_000) -> Samples:
    t = np.arange(round(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * hz * t) * amplitude).astype(np.int16)


def level(samples: Samples) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(samples.astype(np.float64))))) if samples.size else 0.0


def strength(samples: Samples, hz: float) -> float:
    """Amplitude of one frequency."""
    t = np.arange(samples.size) / RATE
    return float(abs(np.mean(samples * np.exp(-2j * np.pi * hz * t)))) * 2 if samples.size else 0.0


class Speech(MediaStreamTrack):
    """A microphone: audio that is said when its time comes, and silence before and after."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._rest: Samples = np.zeros(0, np.int16)
        self._sent = 0
        self._started: float | None = None
        self._paused = False

    def pause(self) -> None:
        """Send nothing any more, not even silence."""
        self._paused = True

    def say(self, samples: Samples) -> None:
        self._rest = np.concatenate([self._rest, samples])

    async def recv(self) -> AudioFrame:
        clock = asyncio.get_running_loop().time
        if self._paused:
            await asyncio.Event().wait()
        if self._started is None:
            self._started = clock()
        await asyncio.sleep(max(0.0, self._started + self._sent * 0.02 - clock()))
        piece, self._rest = self._rest[:FRAME], self._rest[FRAME:]
        frame = AudioFrame(format="s16", layout="mono", samples=FRAME)
        frame.sample_rate = RATE
        frame.planes[0].update(np.pad(piece, (0, FRAME - piece.size)).astype(np.int16).tobytes())
        frame.pts = self._sent * FRAME
        frame.time_base = Fraction(1, RATE)
        self._sent += 1
        return frame


class Page:
    def __init__(self, connection: RTCPeerConnection, microphone: Speech | None) -> None:
        self.connection = connection
        self.microphone = microphone
        self.codec = ""
        self.heard: list[tuple[float, Samples]] = []
        """What came, and when (loop's seconds)."""
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.ended = asyncio.Event()
        self.connected = asyncio.Event()
        self._channel: Any = None
        self._open = asyncio.Event()
        self._more = asyncio.Event()

    def send(self, message: object) -> None:
        self._channel.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def can_send(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self._open.wait()

    async def message(self, within_s: float = PATIENCE_S) -> dict[str, Any]:
        async with asyncio.timeout(within_s):
            return await self.messages.get()

    def audio(self) -> Samples:
        return np.concatenate([samples for _, samples in self.heard] or [np.zeros(0, np.int16)])

    async def hears(self, enough: Callable[[Samples], bool], within_s: float = PATIENCE_S) -> float:
        """Wait until a frame fits; returns when it came."""
        return await self.hears_from(0.0, enough, within_s)

    async def hears_from(
        self, since: float, enough: Callable[[Samples], bool], within_s: float = PATIENCE_S
    ) -> float:
        """The same among frames that came after `since` (loop's seconds)."""
        seen = 0
        async with asyncio.timeout(within_s):
            while True:
                for at, samples in self.heard[seen:]:
                    if at > since and enough(samples):
                        return at
                seen = len(self.heard)
                self._more.clear()
                await self._more.wait()

    async def until_ended(self, within_s: float = PATIENCE_S) -> None:
        async with asyncio.timeout(within_s):
            await self.ended.wait()

    async def listen(self, track: MediaStreamTrack) -> None:
        clock = asyncio.get_running_loop().time
        resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                at = clock()
                frame.pts = None
                for piece in resampler.resample(frame):
                    self.heard.append((at, piece.to_ndarray()[0]))
                self._more.set()

    def use(self, channel: Any) -> None:
        self._channel = channel
        channel.on("open", self._open.set)
        channel.on("message", lambda text: self.messages.put_nowait(json.loads(text)))


@contextlib.asynccontextmanager
async def page(
    ask: Ask, *, codecs: tuple[str, ...] = ("PCMU", "opus"), speaks: bool = True, hears: bool = True
) -> AsyncIterator[Page]:
    """A page that has made its offer and got an answer."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    listening: list[asyncio.Task[None]] = []
    microphone = Speech() if speaks else None
    this = Page(connection, microphone)
    try:
        direction = "sendrecv" if speaks and hears else "sendonly" if speaks else "recvonly"
        transceiver = connection.addTransceiver(microphone or "audio", direction=direction)
        transceiver.setCodecPreferences([CODECS[codec] for codec in codecs])
        this.use(connection.createDataChannel("events"))

        @connection.on("track")
        def on_track(track: MediaStreamTrack) -> None:
            listening.append(asyncio.create_task(this.listen(track)))

        @connection.on("connectionstatechange")
        def on_state() -> None:
            if connection.connectionState == "connected":
                this.connected.set()
            if connection.connectionState in ("closed", "failed"):
                this.ended.set()

        await connection.setLocalDescription(await connection.createOffer())
        answer = await ask(connection.localDescription.sdp)
        await connection.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))
        this.codec = "PCMU" if "PCMU/8000" in answer else "opus"
        yield this
    finally:
        await connection.close()
        for task in listening:
            task.cancel()
