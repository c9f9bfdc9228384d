"""What a page's microphone sends, as 160-byte frames of mu-law: the receiving end of RTP.

It stands in for aiortc's own receiver, which buffers 80 ms of audio (320 after the first lost packet) and has a
thread for each connection. PCMU's packets are frames already. Opus is decoded and brought from 48 kHz down to
8 kHz in a thread of the pool, packet by packet and in order.
"""

from __future__ import annotations

import asyncio
from typing import Any

import av
import numpy as np
from aiortc.codecs.opus import OpusDecoder
from aiortc.jitterbuffer import JitterFrame

from worker.audio.g711 import encode
from worker.web.rtc.jitter import Jitter
from worker.web.rtc.offer import Codec
from worker.web.rtc.transport import FRAME_BYTES, SILENT_FRAME, AudioTransport

MAX_PAYLOAD_BYTES = 1_275
"""Opus' largest packet (RFC 6716, section 3.2.1); as PCMU, 159 ms."""

MAX_UNDECODED = 50
"""Packets, a second of them. If the machine can't keep up, audio is lost and not late."""


class Microphone:
    """Fulfils what aiortc's DTLS transport wants of a receiver: the three methods with an underscore."""

    def __init__(self, receiver: Any, codec: Codec, transport: AudioTransport) -> None:
        self._receiver = receiver
        self._transport = transport
        self._jitter = Jitter()
        self._rest = b""
        self._undecoded: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_UNDECODED)
        self._decoding = asyncio.create_task(self._decode()) if codec == "opus" else None
        receiver.receive = self._receive

    def close(self) -> None:
        if self._decoding is not None:
            self._decoding.cancel()

    async def _receive(self, parameters: Any) -> None:
        """In place of the receiver's own, when the connection stands."""
        self._receiver.transport._register_rtp_receiver(self, parameters)

    def _handle_disconnect(self) -> None:
        self._transport.end()

    async def _handle_rtcp_packet(self, packet: Any) -> None:
        """Reports on the page's sending: of no use here."""

    async def _handle_rtp_packet(self, packet: Any, arrival_time_ms: int) -> None:
        if not 0 < len(packet.payload) <= MAX_PAYLOAD_BYTES:
            return
        for payload in self._jitter.add(packet.sequence_number, packet.payload):
            if self._decoding is None:
                self._hear(SILENT_FRAME if payload is None else payload)
            elif not self._undecoded.full():
                self._undecoded.put_nowait(payload)

    async def _decode(self) -> None:
        decoder = await asyncio.to_thread(_Opus)
        while True:
            payload = await self._undecoded.get()
            self._hear(SILENT_FRAME if payload is None else await asyncio.to_thread(decoder.decode, payload))

    def _hear(self, mulaw: bytes) -> None:
        """Cut into frames whatever the packets' length is: pages may send 10 to 120 ms in one."""
        audio = self._rest + mulaw if self._rest else mulaw
        whole = len(audio) - len(audio) % FRAME_BYTES
        for start in range(0, whole, FRAME_BYTES):
            self._transport.heard(audio[start : start + FRAME_BYTES])
        self._rest = audio[whole:]


class _Opus:
    """Opus packets to mu-law at 8,000 Hz, with state between them. Used by one thread at a time."""

    def __init__(self) -> None:
        self._decoder = OpusDecoder()
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=8_000)

    def decode(self, payload: bytes) -> bytes:
        """A packet that is none is silence."""
        pieces = []
        try:
            for decoded in self._decoder.decode(JitterFrame(payload, 0)):
                assert isinstance(decoded, av.AudioFrame)
                decoded.pts = None
                pieces += [frame.to_ndarray()[0] for frame in self._resampler.resample(decoded)]
        except av.FFmpegError:
            return SILENT_FRAME
        return encode(np.concatenate(pieces)) if pieces else b""
