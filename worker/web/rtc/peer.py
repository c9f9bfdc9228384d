"""A peer connection, with aiortc. The only module that imports it, itself imported in a thread when it is first
needed (`peers`): it loads FFmpeg's libraries, which takes half a second.

    page  --RTP-->  ICE, DTLS  -->  Microphone  -->  AudioTransport.frames()
    page  <--RTP--  ICE, DTLS  <--  Loudspeaker <--  AudioTransport.play()
    page  <------  data channel `events`  ------>  AudioTransport.send(), .messages()

PCMU goes through as it is: no codec runs. Opus is coded in threads. The library has no setting for three things
that are done here by replacing one method of one object each: which addresses ICE listens at, a limit on
datagrams, and a receiver that neither holds audio back nor has a thread of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import structlog
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtcrtpparameters import RTCRtpCodecCapability
from av import AudioFrame, Packet

from worker.audio.g711 import decode
from worker.web.rtc.flood import Flood
from worker.web.rtc.ice import Ice, listening_addresses
from worker.web.rtc.microphone import Microphone
from worker.web.rtc.offer import Codec, Offer
from worker.web.rtc.transport import FRAME_BYTES, FRAME_S, AudioTransport

log = structlog.get_logger(__name__)

CHANNEL = "events"

CLOSE_S = 3.0
"""For a goodbye to the page, which may be gone."""

CATCH_UP_S = 0.2
"""A delay of the loop up to this is made up for by sending faster; after a longer one the time is lost."""

_TIME_BASE = Fraction(1, 8_000)
_CAPABILITIES: dict[Codec, RTCRtpCodecCapability] = {
    "PCMU": RTCRtpCodecCapability(mimeType="audio/PCMU", clockRate=8_000, channels=1),
    "opus": RTCRtpCodecCapability(mimeType="audio/opus", clockRate=48_000, channels=2),
}


class Peer:
    """One connection, from its offer to its end. Built on the loop; everything in it is the loop's."""

    def __init__(self, offer: Offer, transport: AudioTransport, ice: Ice) -> None:
        self._offer, self._transport, self._ice = offer, transport, ice
        servers = [RTCIceServer(one.urls, one.username, one.credential) for one in ice.servers]
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self._connection.on("connectionstatechange", self._changed)
        self._connection.on("datachannel", self._opened)
        self._microphone: Microphone | None = None
        self._has_channel = False

    async def answer(self) -> str:
        """The description for the page. Raises whatever the library does with an offer that it can't take."""
        offer, connection = self._offer, self._connection
        plays = offer.direction != "sendonly"
        track = Loudspeaker(self._transport, offer.codec) if plays else "audio"
        direction = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly"}[offer.direction]
        transceiver = connection.addTransceiver(track, direction=direction)
        transceiver.setCodecPreferences([_CAPABILITIES[offer.codec]])
        if offer.direction != "recvonly":
            self._microphone = Microphone(transceiver.receiver, offer.codec, self._transport)
        sdp = offer.as_sdp(with_candidates=bool(self._ice.servers))
        await connection.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
        self._guard(transceiver.receiver.transport.transport.iceGatherer._connection)
        await connection.setLocalDescription(await connection.createAnswer())
        return self._ice.announced(connection.localDescription.sdp)

    async def close(self) -> None:
        """Say goodbye and free everything. Never raises, but for a cancellation, and then it goes on behind."""
        self._transport.end()
        if self._microphone is not None:
            self._microphone.close()
        closing = asyncio.create_task(self._connection.close())
        closing.add_done_callback(_note_failure)
        await asyncio.wait([closing], timeout=CLOSE_S)

    def _guard(self, connection: Any) -> None:
        """ICE on the addresses that are wanted, and no more datagrams than audio has."""
        gather, deliver = connection.get_component_candidates, connection.data_received
        flood, clock = Flood(), asyncio.get_running_loop().time

        def get_component_candidates(component: int, addresses: list[str], timeout: int = 5) -> Any:
            return gather(component, listening_addresses(addresses, self._ice.host), timeout)

        def data_received(data: bytes, component: int) -> None:
            if flood.may_pass(clock()):
                deliver(data, component)
            elif not self._transport.is_closed:
                log.warning("rtc.flood")
                self._transport.end()

        connection.get_component_candidates = get_component_candidates
        connection.data_received = data_received

    def _changed(self) -> None:
        match self._connection.connectionState:
            case "connected":
                self._transport.is_connected()
            case "failed" | "closed":
                self._transport.end()

    def _opened(self, channel: Any) -> None:
        if channel.label != CHANNEL or self._has_channel:
            log.info("rtc.odd_channel")
            self._transport.end()
            return
        self._has_channel = True

        def got(text: str | bytes) -> None:
            if not self._transport.got_message(text):
                log.info("rtc.bad_message")
                self._transport.end()

        def post(text: str) -> None:
            if channel.readyState == "open":
                channel.send(text)

        channel.on("message", got)
        self._transport.can_post(post)


def _note_failure(closing: asyncio.Task[None]) -> None:
    if not closing.cancelled() and closing.exception() is not None:
        log.info("rtc.not_closed_cleanly", reason=repr(closing.exception()))


class Loudspeaker(MediaStreamTrack):
    """What the page hears, frame by frame, as its time comes. As PCMU it is ready to be sent."""

    kind = "audio"

    def __init__(self, transport: AudioTransport, codec: Codec) -> None:
        super().__init__()
        self._transport = transport
        self._make: Callable[[bytes], AudioFrame | Packet[Any]] = Packet if codec == "PCMU" else _linear
        self._clock = asyncio.get_running_loop().time
        self._started: float | None = None
        self._sent = 0

    async def recv(self) -> AudioFrame | Packet[Any]:
        if self._transport.is_closed:
            raise MediaStreamError
        if self._started is None:
            self._started = self._clock()
        wait_s = self._started + self._sent * FRAME_S - self._clock()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        elif wait_s < -CATCH_UP_S:
            self._started -= wait_s
        audio = self._make(self._transport.next_frame())
        audio.pts = self._sent * FRAME_BYTES
        audio.time_base = _TIME_BASE
        self._sent += 1
        return audio


def _linear(mulaw: bytes) -> AudioFrame:
    frame = AudioFrame(format="s16", layout="mono", samples=len(mulaw))
    frame.sample_rate = 8_000
    frame.planes[0].update(decode(mulaw).tobytes())
    return frame
