"""A bidirectional Media Stream: ``<Connect><Stream>`` (Twilio, "Media Streams - WebSocket Messages").

Twilio opens the WebSocket, signed like a webhook, and sends text messages of JSON in which all numbers but those
of the format are strings:

    connected   {event, protocol: "Call", version: "1.0.0"}
    start       {event, sequenceNumber, start: {streamSid, accountSid, callSid, tracks: ["inbound"],
                 customParameters, mediaFormat: {encoding: "audio/x-mulaw", sampleRate, channels}}, streamSid}
    media       {event, sequenceNumber, media: {track: "inbound", chunk, timestamp, payload}, streamSid}: 20 ms,
                 silence included; payload is base64 of 160 bytes, timestamp in ms since the start of the stream
    dtmf        {event, streamSid, sequenceNumber, dtmf: {track: "inbound_track", digit}}
    mark        {event, sequenceNumber, streamSid, mark: {name}}
    stop        {event, sequenceNumber, streamSid, stop: {accountSid, callSid}}

The server may send ``media`` (mu-law, any length, no file header), ``mark`` and ``clear``. Audio is buffered and
played in order; a mark comes back when everything before it was played, and when it is cleared. A message that is
none of these is ignored with a warning, once per stream: 31950 for a binary one, 31951 for any other.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import os
import secrets
import socket
from typing import Any

import aiohttp
import orjson

from rehearsal.twilio.errors import CallProblem
from rehearsal.twilio.line import Line
from rehearsal.twilio.playback import FRAME_BYTES, SILENCE
from rehearsal.twilio.signature import HEADER, sign
from rehearsal.twilio.twiml import Connect
from rehearsal.twilio.webhooks import USER_AGENT, Problems

CONNECT_TIMEOUT_S = 10.0
# A server that has not read for so long is gone, whatever its socket says.
SEND_TIMEOUT_S = 2.0
# Long enough for a server to answer our close, short enough not to hold up the end of a call.
CLOSE_TIMEOUT_S = 2.0
# Minutes of audio in one message are a mistake; Twilio's own limit is not published.
MAX_MESSAGE_BYTES = 4 * 1024 * 1024

_SILENCE_PAYLOAD = base64.b64encode(SILENCE).decode()
_FRAME_MS = FRAME_BYTES // 8


class MediaStream:
    """One ``<Connect><Stream>`` of one call."""

    def __init__(self, verb: Connect, line: Line, account_sid: str, call_sid: str, problem: Problems) -> None:
        self.sid = "MZ" + secrets.token_hex(16)
        self._verb = verb
        self._line = line
        self._account_sid = account_sid
        self._call_sid = call_sid
        self._problem = problem
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._sequence = 0
        self._chunk = 0
        self._warned: set[int] = set()

    async def run(self, session: aiohttp.ClientSession, auth_token: str) -> None:
        """Connect and carry audio until the server closes the socket. Cancelling sends ``stop`` and closes it.

        Raises CallProblem 31920 if the server does not take the connection.
        """
        url = self._verb.url
        headers = {HEADER: sign(auth_token, url), "User-Agent": USER_AGENT}
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                opened = await session.ws_connect(url, headers=headers, max_msg_size=MAX_MESSAGE_BYTES)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = getattr(error, "status", None) or str(error) or type(error).__name__
            raise CallProblem(31920, f"Stream: WebSocket handshake failed at {url}: {reason}") from None
        self._socket = opened
        try:
            await self._send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
            await self._send(self._start())
            self._line.playback.clear()
            self._line.listener = self
            async for message in opened:
                self._receive(message)
                await self.on_played()
        finally:
            self._detach()
            await asyncio.shield(self._stop())

    def drop(self) -> None:
        """Break the connection as a dead network does: no ``stop``, no closing handshake."""
        self._detach()
        opened, self._socket = self._socket, None
        if opened is None or (raw := opened.get_extra_info("socket")) is None:
            return
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(raw.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    async def on_frame(self, mulaw: bytes) -> None:
        timestamp, self._chunk = self._chunk * _FRAME_MS, self._chunk + 1
        payload = _SILENCE_PAYLOAD if mulaw == SILENCE else base64.b64encode(mulaw).decode()
        await self._send(
            f'{{"event":"media","sequenceNumber":"{self._next()}","media":{{"track":"inbound",'
            f'"chunk":"{self._chunk}","timestamp":"{timestamp}","payload":"{payload}"}},'
            f'"streamSid":"{self.sid}"}}'
        )

    async def on_key(self, key: str) -> None:
        await self._send_event("dtmf", {"track": "inbound_track", "digit": key})

    async def on_played(self) -> None:
        for name in self._line.playback.due_marks():
            await self._send_event("mark", {"name": name})

    def _detach(self) -> None:
        if self._line.listener is self:
            self._line.listener = None
            self._line.playback.clear()

    async def _stop(self) -> None:
        opened = self._socket
        if opened is None or opened.closed:
            return
        await self._send_event("stop", {"accountSid": self._account_sid, "callSid": self._call_sid})
        self._socket = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await opened.close()

    def _receive(self, message: aiohttp.WSMessage) -> None:
        if message.type is aiohttp.WSMsgType.BINARY:
            self._warn(31950, "Stream: malformed message (binary; send text messages of JSON)")
        elif message.type is aiohttp.WSMsgType.TEXT:
            try:
                self._act_on(orjson.loads(message.data))
            except (ValueError, KeyError, TypeError) as error:
                self._warn(31951, f"Stream: invalid message ({error}): {message.data[:120]}")

    def _act_on(self, message: dict[str, Any]) -> None:
        """Raises ValueError, KeyError or TypeError for a message that is not one of the protocol's."""
        event, stream_sid = message["event"], message["streamSid"]
        if stream_sid != self.sid:
            raise ValueError(f"streamSid is not {self.sid}")
        playback = self._line.playback
        match event:
            case "media":
                try:
                    audio = base64.b64decode(message["media"]["payload"], validate=True)
                except binascii.Error:
                    raise ValueError("media.payload is not base64") from None
                if audio[:4] == b"RIFF":
                    raise ValueError("media.payload has a file header; send bare mu-law")
                self._line.take(audio)
            case "mark":
                name = message["mark"]["name"]
                if not isinstance(name, str):
                    raise ValueError("mark.name must be a string")
                playback.mark(name)
            case "clear":
                self._line.clear()
            case _:
                raise ValueError(f"event {event!r} is not media, mark or clear")

    def _warn(self, code: int, text: str) -> None:
        if code not in self._warned:
            self._warned.add(code)
            self._problem(code, text)

    def _start(self) -> str:
        start = {
            "streamSid": self.sid,
            "accountSid": self._account_sid,
            "callSid": self._call_sid,
            "tracks": ["inbound"],
            "customParameters": self._verb.parameters,
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        }
        return orjson.dumps(
            {"event": "start", "sequenceNumber": str(self._next()), "start": start, "streamSid": self.sid}
        ).decode()

    async def _send_event(self, event: str, content: dict[str, str]) -> None:
        message = {"event": event, "sequenceNumber": str(self._next()), "streamSid": self.sid, event: content}
        await self._send(orjson.dumps(message).decode())

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    async def _send(self, text: str) -> None:
        opened = self._socket
        if opened is None or opened.closed:
            return
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await opened.send_str(text)
        except (TimeoutError, OSError, aiohttp.ClientError) as error:
            self._problem(31921, f"Stream: the server does not read its WebSocket ({type(error).__name__})")
            self.drop()
