"""A bot that only moves bytes: what a call costs in Python before anybody has thought of anything.

The callee's audio goes to the recogniser frame by frame; a final transcript is a turn, and goes to the model; each
sentence of the answer goes to the voice as soon as it is complete, and its audio to the carrier as it comes. Three
loud frames in a row over its own words make it stop. That is all: no voice activity, no judgement of when a turn
is over, nothing begun ahead, no tools, no transcript, nothing written anywhere, no retries and no deadlines. It
talks over whoever pauses, and stops for every cough: it is a lower bound, and no bot for people.
"""

from __future__ import annotations

import asyncio
import binascii
import itertools
import os
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import grpc
import orjson
import uvloop
from aiohttp import web
from google.cloud import speech_v1

from call.bots._telephone import Telephone
from worker.audio.g711 import decode
from worker.audio.resample import PcmToMulaw

LOUD_FRAMES = 3
"""60 ms of sound: the shortest that is not a click."""
QUIET_PEAK = 400
"""Of 32768: what stays below is no sound, as the carrier sees it too (`call.sound`)."""
_QUIET = bytes(code for code in range(256) if abs(int(decode(bytes([code]))[0])) <= QUIET_PEAK)
ENDS = (".", "?", "!")
KEEPALIVE_S = 60.0
"""Longer than a turn, so that connections are warm."""

_AUDIO = b"\x12\xa0\x01"
"""The head of a StreamingRecognizeRequest with 160 bytes in field 2 (`audio_content`)."""
# The generated messages, without their proto-plus wrappers.
_Request: Any = type(speech_v1.StreamingRecognizeRequest.pb(speech_v1.StreamingRecognizeRequest()))
_Response: Any = type(speech_v1.StreamingRecognizeResponse.pb(speech_v1.StreamingRecognizeResponse()))


def _recognition() -> bytes:
    """The first message of a stream: how the audio that follows is to be heard."""
    request = _Request()
    streaming = request.streaming_config
    streaming.config.encoding = speech_v1.RecognitionConfig.AudioEncoding.MULAW
    streaming.config.sample_rate_hertz = 8000
    streaming.config.language_code = "en-US"
    return bytes(request.SerializeToString())


class Vendors:
    """Connections that all calls share."""

    def __init__(self, http: aiohttp.ClientSession, channel: grpc.aio.Channel) -> None:
        self._http = http
        self._url = os.environ["OPENAI_BASE_URL"]
        key = os.environ["OPENAI_API_KEY"]
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._config = _recognition()
        self._recognize: Any = channel.stream_stream(
            "/google.cloud.speech.v1.Speech/StreamingRecognize", response_deserializer=_Response.FromString
        )

    async def recognition(self) -> Any:
        """A gRPC stream that takes audio messages and gives responses."""
        stream = self._recognize()
        await stream.write(self._config)
        return stream

    async def tokens(self, messages: list[dict[str, str]]) -> AsyncIterator[str]:
        body = {"model": "fixed", "messages": messages, "stream": True}
        async with self._post("/chat/completions", body) as response:
            rest = b""
            async for piece in response.content.iter_any():
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    if line.startswith(b"data: {"):
                        token = orjson.loads(line[6:])["choices"][0]["delta"].get("content")
                        if token:
                            yield token

    def speech(self, text: str) -> Any:
        """The response of a request for 24 kHz PCM, as a context."""
        return self._post(
            "/audio/speech", {"model": "fixed", "voice": "alloy", "input": text, "response_format": "pcm"}
        )

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self._http.post(self._url + path, data=orjson.dumps(body), headers=self._headers)


class Call:
    """One call, from its start message until the callee hangs up."""

    def __init__(self, vendors: Vendors, socket: web.WebSocketResponse, stream_sid: str, to: str) -> None:
        self._vendors = vendors
        self._socket = socket
        self._head = f'{{"event":"media","streamSid":"{stream_sid}","media":{{"payload":"'
        self._clear = f'{{"event":"clear","streamSid":"{stream_sid}"}}'
        self._mark = f'{{"event":"mark","streamSid":"{stream_sid}","mark":{{"name":"'
        self._messages = [{"role": "system", "content": f'<task>converse</task> <callee phone="{to}"/>'}]
        self._numbers = itertools.count()
        self._saying: dict[str, asyncio.Task[None]] = {}
        """By the name of its mark: each sentence that is not played to its end."""
        self._answering: asyncio.Task[None] | None = None
        self._loud = 0

    async def run(self) -> None:
        recognition = await self._vendors.recognition()
        listening = asyncio.create_task(self._listen(recognition))
        try:
            async for message in self._socket:
                event = orjson.loads(message.data)
                match event["event"]:
                    case "media":
                        frame = binascii.a2b_base64(event["media"]["payload"])
                        if self._is_interrupted(frame):
                            await self._stop()
                        await recognition.write(_AUDIO + frame)
                    case "mark":
                        self._saying.pop(event["mark"]["name"], None)
                    case "stop":
                        break
        finally:
            listening.cancel()
            self._cancel()
            recognition.cancel()

    async def _listen(self, recognition: Any) -> None:
        async for response in recognition:
            for result in response.results:
                if result.is_final:
                    await self._stop()
                    self._answering = asyncio.create_task(self._answer(result.alternatives[0].transcript))

    async def _answer(self, heard: str) -> None:
        self._messages.append({"role": "user", "content": heard})
        reply = {"role": "assistant", "content": ""}
        before: asyncio.Task[None] | None = None
        sentence = ""
        async for token in self._vendors.tokens(self._messages):
            sentence += token
            if not sentence.endswith(ENDS):
                continue
            if before is None:
                self._messages.append(reply)
            reply["content"] += sentence
            name = str(next(self._numbers))
            before = self._saying[name] = asyncio.create_task(self._say(sentence.strip(), name, before))
            sentence = ""

    async def _say(self, sentence: str, name: str, before: asyncio.Task[None] | None) -> None:
        """The audio is asked for at once, and sent after that of the sentence before."""
        converter = PcmToMulaw()
        async with self._vendors.speech(sentence) as response:
            if before is not None:
                await before
            async for pcm in response.content.iter_any():
                await self._send(converter.feed(pcm))
        await self._send(converter.flush())
        await self._socket.send_str(f'{self._mark}{name}"}}}}')

    async def _send(self, mulaw: bytes) -> None:
        payload = binascii.b2a_base64(mulaw, newline=False).decode()
        await self._socket.send_str(f'{self._head}{payload}"}}}}')

    @property
    def _is_busy(self) -> bool:
        """With an answer, or with playing it."""
        return bool(self._saying) or (self._answering is not None and not self._answering.done())

    def _is_interrupted(self, frame: bytes) -> bool:
        if not self._is_busy:
            return False
        self._loud = self._loud + 1 if frame.translate(None, _QUIET) else 0
        return self._loud >= LOUD_FRAMES

    async def _stop(self) -> None:
        if self._is_busy:
            self._cancel()
            await self._socket.send_str(self._clear)

    def _cancel(self) -> None:
        self._loud = 0
        if self._answering is not None:
            self._answering.cancel()
        for task in self._saying.values():
            task.cancel()
        self._saying.clear()


async def main() -> None:
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_S)
    async with (
        aiohttp.ClientSession(connector=connector, raise_for_status=True) as http,
        grpc.aio.insecure_channel(os.environ["GOOGLE_SPEECH_ENDPOINT"]) as channel,
    ):
        await channel.channel_ready()
        vendors = Vendors(http, channel)

        async def talk(socket: web.WebSocketResponse, stream_sid: str, to: str) -> None:
            await Call(vendors, socket, stream_sid, to).run()

        await Telephone(http, talk).serve()


if __name__ == "__main__":
    uvloop.run(main())
