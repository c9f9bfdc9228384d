"""Twilio Media Streams over an aiohttp WebSocket: the wire protocol of `<Connect><Stream>`.

Twilio opens the socket; every message either way is a text message holding one JSON object. Numbers arrive as
strings. From Twilio, in this order:

    {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    {"event": "start", "sequenceNumber": "1", "streamSid": "MZ...",
     "start": {"streamSid": "MZ...", "accountSid": "AC...", "callSid": "CA...", "tracks": ["inbound"],
               "customParameters": {name: value},
               "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}}}
    {"event": "media", "streamSid": "MZ...", "sequenceNumber": "3",
     "media": {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": base64 of 160 bytes}}   every 20 ms
    {"event": "dtmf", "streamSid": "MZ...", "dtmf": {"track": "inbound_track", "digit": "1"}}
    {"event": "mark", "streamSid": "MZ...", "mark": {"name": "..."}}
    {"event": "stop", "streamSid": "MZ...", "stop": {"accountSid": "AC...", "callSid": "CA..."}}

`timestamp` is in ms since the stream began; customParameters are the `<Parameter>`s of the TwiML. To Twilio:

    {"event": "media", "streamSid": "MZ...", "media": {"payload": base64 of mu-law without a file header}}
    {"event": "mark", "streamSid": "MZ...", "mark": {"name": "..."}}
    {"event": "clear", "streamSid": "MZ..."}

Audio sent is buffered by Twilio and played in order, so it may come faster than real time. A mark is sent back
when all that was sent before it has been played, and also when it was cleared. Closing the socket ends the
stream, and Twilio goes on with the TwiML after `<Connect>`. (Twilio, "Media Streams: WebSocket messages".)

Whoever sends what is not in this list may be a newer Twilio or an attacker. An event of an unknown name is
passed over; a message that breaks the rules above is counted and dropped, and past `MAX_MALFORMED` of them the
socket is closed.
"""

from __future__ import annotations

import asyncio
import binascii
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from worker.phone.media import (
    FRAME_BYTES,
    FRAME_MS,
    SAMPLE_RATE_HZ,
    Digit,
    Frame,
    MarkPlayed,
    MediaEvent,
    Stopped,
)
from worker.precedence import ANSWERS

log = structlog.get_logger(__name__)

START_DEADLINE_S = 10.0
"""Twilio sends `connected` and `start` right after the handshake; whoever does not is not Twilio."""
SEND_DEADLINE_S = 5.0
"""A carrier that has not read for so long has gone, whatever its socket says."""
CLOSE_DEADLINE_S = 2.0
"""For the other side's closing handshake; a call must not be held up by it."""
MAX_MESSAGE_BYTES = 64 * 1024
"""A frame is about 400 bytes, a start message about 1 KB."""
MAX_MALFORMED = 50
"""One second of broken frames: noise on the wire is forgiven, a wrong protocol is not."""
BURST_GAP_S = 0.01
"""Frames are due every 20 ms. What follows sooner was held up, and then so it was for all calls: between two such
frames the others have their turn, else the event loop would work off a burst of every call in one go."""
LONGEST_FRAME_BYTES = 1_000
"""Of a message with 20 ms. Twilio's has about 380."""
MAX_SENT_BYTES = 4_000
"""Half a second of audio to a message, so that what is urgent (a clear) does not queue behind a long one."""

MAX_UNREAD_BYTES = 2 * 1024 * 1024
"""What may wait for a carrier that reads slowly: three minutes of audio, far more than Floyd says at once."""


_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Milliseconds = Annotated[int, msgspec.Meta(ge=0, lt=10**15)]


class _Event(msgspec.Struct, tag_field="event", rename="camel", gc=False):
    """A message as msgspec reads it: `event` names the class, other fields may be missing only with a default."""


class _Connected(_Event, tag="connected"):
    pass


class _MediaFormat(msgspec.Struct, rename="camel"):
    encoding: Literal["audio/x-mulaw"]
    sample_rate: Annotated[int, msgspec.Meta(ge=SAMPLE_RATE_HZ, le=SAMPLE_RATE_HZ)]
    channels: Annotated[int, msgspec.Meta(ge=1, le=1)]


class _Start(msgspec.Struct, rename="camel"):
    stream_sid: _Text
    call_sid: _Text
    media_format: _MediaFormat
    custom_parameters: dict[str, Any] | None = None


class _StartEvent(_Event, tag="start"):
    start: _Start


class _Media(msgspec.Struct, gc=False):
    payload: bytes
    """In base64 on the wire."""
    timestamp: _Milliseconds
    track: str = "inbound"


class _MediaEvent(_Event, tag="media"):
    stream_sid: str
    media: _Media


class _Key(msgspec.Struct, gc=False):
    digit: Annotated[str, msgspec.Meta(pattern=r"^[0-9*#A-D]\Z")]


class _DigitEvent(_Event, tag="dtmf"):
    stream_sid: str
    dtmf: _Key


class _Mark(msgspec.Struct, gc=False):
    name: _Text


class _MarkEvent(_Event, tag="mark"):
    stream_sid: str
    mark: _Mark


class _StopEvent(_Event, tag="stop"):
    pass


class _AnyEvent(msgspec.Struct):
    event: _Text


_NAMES = frozenset(("connected", "start", "media", "dtmf", "mark", "stop"))
# Not strict: numbers may be strings.
_BEFORE_START = msgspec.json.Decoder(_Connected | _StartEvent, strict=False)
_AFTER_START = msgspec.json.Decoder(
    _Connected | _StartEvent | _MediaEvent | _DigitEvent | _MarkEvent | _StopEvent, strict=False
)
_ANY = msgspec.json.Decoder(_AnyEvent)

_OVER = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)
"""Closed; or broken, or a message beyond MAX_MESSAGE_BYTES."""


class ProtocolError(Exception):
    """The other side does not speak Media Streams as described above."""


@dataclass(frozen=True, slots=True)
class StreamStart:
    stream_sid: str
    call_sid: str
    parameters: Mapping[str, str]


class TwilioMediaStream:
    """Fulfils `worker.phone.media.MediaStream` on a prepared socket. Call `start` first, once.

    `transport` is the connection below the socket: it is cut when closing the socket gets no answer."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None = None) -> None:
        self._socket = socket
        self._transport = transport
        self._stream_sid = ""
        self._audio_head = ""
        self._malformed = 0
        self._rest = b""
        self._pairs = False
        self._last_frame_bytes = 0
        self._gone = False

    @property
    def malformed(self) -> int:
        """How many messages were dropped for breaking the protocol."""
        return self._malformed

    async def start(self) -> StreamStart:
        """Wait for the `start` message. Raises `ProtocolError` when it does not come, or announces other audio."""
        try:
            async with asyncio.timeout(START_DEADLINE_S):
                start = await self._await_start()
        except TimeoutError:
            raise ProtocolError(f"no start message within {START_DEADLINE_S:g} s") from None
        self._stream_sid = start.stream_sid
        # Put together by hand: sending audio is the busiest path there is, and base64 needs no escaping.
        self._audio_head = f'{{"event":"media","streamSid":{_quoted(start.stream_sid)},"media":{{"payload":"'
        return start

    async def events(self) -> AsyncIterator[MediaEvent]:
        clean = False
        came, in_a_row = 0.0, 0
        while (message := await self._socket.receive()).type not in _OVER:
            before, came = came, time.monotonic()
            in_a_row = in_a_row + 1 if came - before < BURST_GAP_S else 0
            if in_a_row > self._pairs:
                # aiohttp hands out what is waiting without a pause.
                await asyncio.sleep(0)
            await ANSWERS.give_way()
            if message.type is not WSMsgType.TEXT:
                if not self._drop("not a text message"):
                    break
                continue
            try:
                read = _parsed(_AFTER_START, message.data)
                if isinstance(read, _StopEvent):
                    clean = True
                    break
                if isinstance(read, _MediaEvent):
                    self._last_frame_bytes = len(message.data)
                    for frame in self._frames_of(read):
                        yield frame
                elif event := self._event_of(read):
                    yield event
            except ProtocolError as error:
                if not self._drop(str(error)):
                    break
        self._gone = True
        if self._malformed > MAX_MALFORMED:
            await self.close_with(WSCloseCode.PROTOCOL_ERROR, "too many malformed messages")
        yield Stopped(clean=clean)

    def take_pairs(self, wanted: bool) -> None:
        """The kernel wakes this process when there is as much as one message and a half: with many calls, a frame
        costs far less right behind another of the same call."""
        if self._transport is None or self._transport.is_closing():
            return
        connection = self._transport.get_extra_info("socket")
        enough = min(self._last_frame_bytes, LONGEST_FRAME_BYTES) * 3 // 2 if wanted else 1
        # Closed meanwhile: asyncio's sockets then raise the one, uvloop's the other.
        with suppress(OSError, ValueError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, enough)
            self._pairs = wanted

    async def send_audio(self, mulaw: bytes) -> None:
        for start in range(0, len(mulaw), MAX_SENT_BYTES):
            payload = binascii.b2a_base64(mulaw[start : start + MAX_SENT_BYTES], newline=False).decode("ascii")
            await self._send(f'{self._audio_head}{payload}"}}}}')

    async def send_mark(self, name: str) -> None:
        await self._send(
            f'{{"event":"mark","streamSid":{_quoted(self._stream_sid)},"mark":{{"name":{_quoted(name)}}}}}'
        )

    async def clear(self) -> None:
        await self._send(f'{{"event":"clear","streamSid":{_quoted(self._stream_sid)}}}')

    async def close(self) -> None:
        await self.close_with(WSCloseCode.OK, "")

    async def close_with(self, code: int, reason: str) -> None:
        """Close, telling the other side why (a WebSocket close code and at most 123 bytes)."""
        self._gone = True
        self.take_pairs(False)
        try:
            async with asyncio.timeout(CLOSE_DEADLINE_S):
                await self._socket.close(code=code, message=reason.encode()[:123])
        except (TimeoutError, ConnectionError, RuntimeError):
            self._cut()
        except asyncio.CancelledError:
            self._cut()
            _raise_if_meant()

    def _cut(self) -> None:
        log.warning("media.cut", stream=self._stream_sid)
        if self._transport is not None:
            self._transport.abort()

    async def _await_start(self) -> StreamStart:
        while True:
            message = await self._socket.receive()
            if message.type in _OVER:
                raise ProtocolError("the socket was closed before the start message")
            if message.type is not WSMsgType.TEXT:
                raise ProtocolError("not a text message")
            match _parsed(_BEFORE_START, message.data):
                case _StartEvent(start):
                    return StreamStart(
                        stream_sid=start.stream_sid,
                        call_sid=start.call_sid,
                        parameters={
                            name: value
                            for name, value in (start.custom_parameters or {}).items()
                            if isinstance(value, str)
                        },
                    )
                case None:
                    raise ProtocolError("an unknown event before the start message")

    def _event_of(self, read: _Event | None) -> MediaEvent | None:
        match read:
            case _DigitEvent(stream_sid, key):
                self._check(stream_sid)
                return Digit(key.digit)
            case _MarkEvent(stream_sid, mark):
                self._check(stream_sid)
                return MarkPlayed(mark.name)
            case _:
                return None

    def _frames_of(self, read: _MediaEvent) -> Sequence[Frame]:
        self._check(read.stream_sid)
        media = read.media
        if media.track != "inbound":
            return ()
        audio, timestamp_ms = media.payload, media.timestamp
        if len(audio) == FRAME_BYTES and not self._rest:
            return (Frame(audio, timestamp_ms),)
        # Twilio sends 20 ms a message; should it ever send other lengths, they are cut anew.
        timestamp_ms -= len(self._rest) * 1000 // SAMPLE_RATE_HZ
        audio = self._rest + audio
        whole = len(audio) // FRAME_BYTES * FRAME_BYTES
        self._rest = audio[whole:]
        return [
            Frame(audio[at : at + FRAME_BYTES], timestamp_ms + at // FRAME_BYTES * FRAME_MS)
            for at in range(0, whole, FRAME_BYTES)
        ]

    def _check(self, stream_sid: str) -> None:
        if stream_sid != self._stream_sid:
            raise ProtocolError("a message of another stream")

    def _drop(self, reason: str) -> bool:
        """Count a malformed message; false when it was one too many."""
        self._malformed += 1
        if self._malformed == 1:
            log.warning("media.malformed_message", stream=self._stream_sid, reason=reason)
        if self._malformed <= MAX_MALFORMED:
            return True
        log.error("media.closed_as_malformed", stream=self._stream_sid, dropped=self._malformed, reason=reason)
        return False

    async def _send(self, text: str) -> None:
        if self._gone or self._socket.closed:
            return
        unread = None if self._transport is None else self._transport.get_write_buffer_size()
        if unread is not None and unread > MAX_UNREAD_BYTES:
            await self._give_up("its buffer is full")
            return
        try:
            # What is written into an empty buffer waits for nobody.
            async with nullcontext() if unread == 0 else asyncio.timeout(SEND_DEADLINE_S):
                await self._socket.send_str(text)
        except TimeoutError:
            await self._give_up(f"it read nothing for {SEND_DEADLINE_S:g} s")
        except (ConnectionError, RuntimeError):
            self._gone = True  # `events` tells of it
        except asyncio.CancelledError:
            _raise_if_meant()

    async def _give_up(self, reason: str) -> None:
        log.warning("media.not_reading", stream=self._stream_sid, reason=reason)
        await self.close_with(WSCloseCode.GOING_AWAY, "not reading")


def _raise_if_meant() -> None:
    """Within `except CancelledError`: raise it again if this task was cancelled.

    aiohttp lets all who wait for a full socket wait for one future. Cancel one of them (a sentence that is
    interrupted), and the others, and whoever sends next, get a CancelledError that nobody sent them. What they
    sent is in the buffer by then."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _parsed(decoder: msgspec.json.Decoder[Any], data: str) -> _Event | None:
    """The message; None for an event whose name is not known. Raises `ProtocolError`."""
    try:
        event: _Event = decoder.decode(data)
        return event
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        if isinstance(error, msgspec.ValidationError) and _is_unknown(data):
            return None
        raise ProtocolError(str(error)[:200]) from None


def _is_unknown(data: str) -> bool:
    try:
        return _ANY.decode(data).event not in _NAMES
    except msgspec.DecodeError:
        return False


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
