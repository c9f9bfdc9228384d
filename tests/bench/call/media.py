"""One call's bidirectional Media Stream: the carrier's side (Twilio, "Media Streams: WebSocket messages").

The messages stand in `worker/phone/media_stream.py`. Every 20 ms a frame of the callee's is sent, silence
included; what Floyd sends goes to the playback buffer.
"""

from __future__ import annotations

import asyncio
import binascii
import secrets
import time
from typing import Any

import orjson

from call.callee import Callee
from call.network import BadNetwork
from call.notes import CallNote
from call.playback import Playback
from call.sound import FRAME_MS, audible
from call.websocket import WebSocket


class MediaStream:
    """`over` is done when the stream is: its result is who ended it."""

    def __init__(self, callee: Callee, playback: Playback, note: CallNote, *, jitter: bool) -> None:
        self.sid = "MZ" + secrets.token_hex(16)
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._callee = callee
        self._playback = playback
        self._note = note
        self._socket = WebSocket(self._receive, lambda: self._end("floyd"))
        self._network = BadNetwork(self._socket.send, note.to) if jitter else None
        self._sequence = 1
        self._chunk = 0

    async def open(self, url: str, headers: dict[str, str], start: dict[str, Any]) -> None:
        """Raises `Refused`."""
        await self._socket.connect(url, headers)
        self._socket.send(b'{"event":"connected","protocol":"Call","version":"1.0.0"}')
        body = {"event": "start", "sequenceNumber": "1", "streamSid": self.sid}
        self._socket.send(orjson.dumps(body | {"start": start | {"streamSid": self.sid}}))

    def step(self, now: float) -> None:
        """20 ms of the call, both ways."""
        if self.over.done():
            return
        self._playback.step(now)
        self._send_marks()
        payload = self._callee.step(now)
        self._sequence += 1
        self._chunk += 1
        message = (
            f'{{"event":"media","sequenceNumber":"{self._sequence}","media":{{"track":"inbound",'
            f'"chunk":"{self._chunk}","timestamp":"{(self._chunk - 1) * FRAME_MS}","payload":"{payload}"}},'
            f'"streamSid":"{self.sid}"}}'
        ).encode()
        if self._network is None:
            self._socket.send(message)
        else:
            self._network.send(message, now)
        if self._callee.hung_up:
            self._hang_up()

    def close(self) -> None:
        """The call is over at the carrier."""
        self._end("carrier")
        self._socket.close()

    def _hang_up(self) -> None:
        self._socket.send(
            orjson.dumps({"event": "stop", "streamSid": self.sid, "stop": {"callSid": ""}, "sequenceNumber": "0"})
        )
        self._end("callee")
        self._socket.close()

    def _end(self, by: str) -> None:
        if not self.over.done():
            self.over.set_result(by)

    def _receive(self, text: bytes) -> None:
        now = time.monotonic()
        message = orjson.loads(text)
        match message["event"]:
            case "media":
                self._take(binascii.a2b_base64(message["media"]["payload"]), now)
            case "mark":
                self._playback.mark(message["mark"]["name"])
                self._send_marks()
            case "clear":
                if self._playback.waiting:
                    self._callee.cleared(now)
                self._playback.clear(now)
                self._send_marks()

    def _take(self, mulaw: bytes, now: float) -> None:
        if audible(mulaw):
            self._callee.hears(now)
        gap_s = self._playback.add(mulaw, now)
        if gap_s is not None:
            self._note.gaps.append((now, round(gap_s * 1000, 1)))

    def _send_marks(self) -> None:
        for name in self._playback.due_marks():
            self._sequence += 1
            body = {"event": "mark", "sequenceNumber": str(self._sequence), "streamSid": self.sid}
            self._socket.send(orjson.dumps(body | {"mark": {"name": name}}))
