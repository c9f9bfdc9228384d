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
import base64
import binascii
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
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

log = structlog.get_logger(__name__)

START_DEADLINE_S = 10.0
"""Twilio sends `connected` and `start` right after the handshake; whoever does not is not Twilio."""
SEND_DEADLINE_S = 5.0
"""A carrier that has not read for so long has gone, whatever its socket says."""
CLOSE_DEADLINE_S = 2.0
"""For the other side's closing handshake; a call must not be held up by it."""
HEARTBEAT_S = 15.0
"""Audio comes every 20 ms, so a socket this quiet is asked (ping) whether it is alive."""
MAX_MESSAGE_BYTES = 64 * 1024
"""A frame is about 400 bytes, a start message about 1 KB."""
MAX_MALFORMED = 50
"""One second of broken frames: noise on the wire is forgiven, a wrong protocol is not."""
BURST_GAP_S = 0.01
"""Frames are due every 20 ms. What follows sooner was held up, and then so it was for all calls: between two such
frames the others have their turn, else the event loop would work off a burst of every call in one go."""
MAX_SENT_BYTES = 4_000
"""Half a second of audio to a message, so that what is urgent (a clear) does not queue behind a long one."""

MAX_UNREAD_BYTES = 2 * 1024 * 1024
"""What may wait for a carrier that reads slowly: three minutes of audio, far more than Floyd says at once."""

_DIGITS = frozenset("0123456789*#ABCD")


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
        came = 0.0
        async for message in self._socket:
            before, came = came, time.monotonic()
            if came - before < BURST_GAP_S:
                # aiohttp hands out what is waiting without a pause.
                await asyncio.sleep(0)
            if message.type is WSMsgType.ERROR:  # broken, or a message beyond MAX_MESSAGE_BYTES
                break
            if message.type is not WSMsgType.TEXT:
                if not self._drop("not a text message"):
                    break
                continue
            try:
                name, fields = _parse(message.data)
                if name == "stop":
                    clean = True
                    break
                for event in self._read(name, fields):
                    yield event
            except ProtocolError as error:
                if not self._drop(str(error)):
                    break
        self._gone = True
        if self._malformed > MAX_MALFORMED:
            await self.close_with(WSCloseCode.PROTOCOL_ERROR, "too many malformed messages")
        yield Stopped(clean=clean)

    async def send_audio(self, mulaw: bytes) -> None:
        for start in range(0, len(mulaw), MAX_SENT_BYTES):
            payload = base64.b64encode(mulaw[start : start + MAX_SENT_BYTES]).decode("ascii")
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
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                raise ProtocolError("the socket was closed before the start message")
            if message.type is not WSMsgType.TEXT:
                raise ProtocolError("not a text message")
            name, fields = _parse(message.data)
            if name == "start":
                return _read_start(fields)
            if name != "connected":
                raise ProtocolError(f"{name[:32]!r} before the start message")

    def _read(self, name: str, fields: Mapping[str, Any]) -> list[MediaEvent]:
        match name:
            case "media" | "dtmf" | "mark" if fields.get("streamSid") != self._stream_sid:
                raise ProtocolError("a message of another stream")
            case "media":
                return self._read_media(_object(fields, "media"))
            case "dtmf":
                digit = _text(_object(fields, "dtmf"), "digit")
                if digit not in _DIGITS:
                    raise ProtocolError("dtmf.digit is not a key")
                return [Digit(digit)]
            case "mark":
                return [MarkPlayed(_text(_object(fields, "mark"), "name"))]
            case _:
                return []

    def _read_media(self, media: Mapping[str, Any]) -> list[MediaEvent]:
        if media.get("track", "inbound") != "inbound":
            return []
        try:
            audio = base64.b64decode(_text(media, "payload"), validate=True)
        except (binascii.Error, ValueError):
            raise ProtocolError("media.payload is not base64") from None
        timestamp_ms = _whole(media, "timestamp")
        if len(audio) == FRAME_BYTES and not self._rest:
            return [Frame(audio, timestamp_ms)]
        # Twilio sends 20 ms a message; should it ever send other lengths, they are cut anew.
        timestamp_ms -= len(self._rest) * 1000 // SAMPLE_RATE_HZ
        audio = self._rest + audio
        whole = len(audio) // FRAME_BYTES * FRAME_BYTES
        self._rest = audio[whole:]
        return [
            Frame(audio[at : at + FRAME_BYTES], timestamp_ms + at // FRAME_BYTES * FRAME_MS)
            for at in range(0, whole, FRAME_BYTES)
        ]

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
        if self._transport is not None and self._transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            await self._give_up("its buffer is full")
            return
        try:
            async with asyncio.timeout(SEND_DEADLINE_S):
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


def _parse(data: str) -> tuple[str, Mapping[str, Any]]:
    try:
        fields = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise ProtocolError("not JSON") from None
    if not isinstance(fields, dict):
        raise ProtocolError("not a JSON object")
    return _text(fields, "event"), fields


def _read_start(fields: Mapping[str, Any]) -> StreamStart:
    start = _object(fields, "start")
    audio = _object(start, "mediaFormat")
    described = (audio.get("encoding"), str(audio.get("sampleRate")), str(audio.get("channels")))
    if described != ("audio/x-mulaw", str(SAMPLE_RATE_HZ), "1"):
        raise ProtocolError(f"start.mediaFormat is not mu-law, 8000 Hz, one channel: {described!r:.80}")
    parameters = start.get("customParameters") or {}
    if not isinstance(parameters, dict):
        raise ProtocolError("start.customParameters is not an object")
    return StreamStart(
        stream_sid=_text(start, "streamSid"),
        call_sid=_text(start, "callSid"),
        parameters={name: value for name, value in parameters.items() if isinstance(value, str)},
    )


def _object(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = fields.get(name)
    if not isinstance(value, dict):
        raise ProtocolError(f"{name} is not an object")
    return value


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise ProtocolError(f"{name} is missing or not text")
    return value


def _whole(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
        return int(value)
    raise ProtocolError(f"{name} is not a whole number")


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()
