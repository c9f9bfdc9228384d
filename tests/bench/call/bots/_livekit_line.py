"""A call's media stream as LiveKit Agents' session wants it: what the callee says as an `AudioInput`, what the bot
says as an `AudioOutput`."""

from __future__ import annotations

import asyncio
import binascii
import itertools
import time

import orjson
from aiohttp import web
from livekit import rtc
from livekit.agents.voice import io

from worker.audio.g711 import decode
from worker.audio.resample import PcmToMulaw

RATE = 8000


class Ears(io.AudioInput):
    """Each frame of the carrier's as it comes."""

    def __init__(self) -> None:
        super().__init__(label="media stream")
        self._frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue()

    def hear(self, mulaw: bytes) -> None:
        self._frames.put_nowait(rtc.AudioFrame(decode(mulaw).tobytes(), RATE, 1, len(mulaw)))

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.get()


class Mouth(io.AudioOutput):
    """What is to be said goes to the carrier as it is made, ahead of time; `clear` takes it back. The echo of the
    mark at an answer's end tells that it was played.

    Takes the voice's 24,000 Hz.
    """

    def __init__(self, stream_sid: str) -> None:
        super().__init__(label="media stream", capabilities=io.AudioOutputCapabilities(pause=False))
        self._head = f'{{"event":"media","streamSid":"{stream_sid}","media":{{"payload":"'
        self._clear = f'{{"event":"clear","streamSid":"{stream_sid}"}}'
        self._mark = f'{{"event":"mark","streamSid":"{stream_sid}","mark":{{"name":"'
        self._messages: asyncio.Queue[str] = asyncio.Queue()
        self._numbers = itertools.count()
        self._converter = PcmToMulaw()
        self._began: float | None = None
        """When the answer began that is being said, by the clock of the framework's events."""
        self._made_s = 0.0
        self._end = ""
        """Name of the mark at its end."""

    async def send(self, socket: web.WebSocketResponse) -> None:
        """Until cancelled. `flush` and `clear_buffer` can't wait for the socket themselves."""
        while True:
            await socket.send_str(await self._messages.get())

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if self._began is None:
            self._began, self._made_s = time.time(), 0.0
            self.on_playback_started(created_at=self._began)
        self._made_s += frame.duration
        self._say(self._converter.feed(bytes(frame.data)))

    def flush(self) -> None:
        super().flush()
        if self._began is not None:
            self._say(self._converter.flush())
            self._end = str(next(self._numbers))
            self._messages.put_nowait(f'{self._mark}{self._end}"}}}}')

    def clear_buffer(self) -> None:
        if self._began is not None:
            self._messages.put_nowait(self._clear)
            self._finish(min(self._made_s, time.time() - self._began), interrupted=True)

    def played(self, mark: str) -> None:
        if self._began is not None and mark == self._end:
            self._finish(self._made_s, interrupted=False)

    def _say(self, mulaw: bytes) -> None:
        payload = binascii.b2a_base64(mulaw, newline=False).decode()
        self._messages.put_nowait(f'{self._head}{payload}"}}}}')

    def _finish(self, position_s: float, *, interrupted: bool) -> None:
        self._began = None
        self.on_playback_finished(playback_position=position_s, interrupted=interrupted)


async def listen(socket: web.WebSocketResponse, ears: Ears, mouth: Mouth) -> None:
    """Until the callee hangs up."""
    async for message in socket:
        event = orjson.loads(message.data)
        match event["event"]:
            case "media":
                ears.hear(binascii.a2b_base64(event["media"]["payload"]))
            case "mark":
                mouth.played(event["mark"]["name"])
            case "stop":
                return
