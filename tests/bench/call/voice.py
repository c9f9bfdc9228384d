"""OpenAI's speech endpoint at fixed delays. Every word takes `WORD_MS`, so what was played tells what was heard.

The audio is no language: a buzz that swells and falls with each word, loud from its first sample to its last.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
import orjson
from aiohttp import web

from call.delays import Delays

RATE = 24_000
WORD_MS = 240
WORD_BYTES = RATE * 2 * WORD_MS // 1000
CHUNK_BYTES = RATE * 2 // 10
"""100 ms to a chunk, as the vendor sends it."""
LONGEST_WORDS = 400
"""Of one request."""


@dataclass
class Made:
    """By all calls. A request for speech does not tell whose it is."""

    requests: int = 0
    cancelled: int = 0
    """Ended by the client before the last byte."""
    seconds: float = 0.0
    """Of audio that was sent."""


class SpokenWords:
    def __init__(self, delays: Delays) -> None:
        self.made = Made()
        self._delays = delays
        self._audio = _buzz(LONGEST_WORDS)

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/audio/speech", self._speak)]

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        loop, delays = asyncio.get_running_loop(), self._delays
        due = loop.time() + delays.first_byte_ms / 1000
        text = orjson.loads(await request.read())["input"]
        self.made.requests += 1
        size = min(len(text.split()), LONGEST_WORDS) * WORD_BYTES
        name = f"req_{self.made.requests}"
        response = web.StreamResponse(headers={"Content-Type": "audio/pcm", "x-request-id": name})
        try:
            for start in range(0, size, CHUNK_BYTES):
                lead_s = start / (RATE * 2 * delays.speech_speed) if delays.speech_speed else 0.0
                wait_s = due + lead_s - loop.time()
                if wait_s > 0:
                    await asyncio.sleep(wait_s)
                if not start:
                    await response.prepare(request)
                chunk = self._audio[start : min(start + CHUNK_BYTES, size)]
                await response.write(chunk)
                self.made.seconds += len(chunk) / (RATE * 2)
            await response.write_eof()
        except (asyncio.CancelledError, ConnectionError):
            self.made.cancelled += 1
            raise
        return response


def _buzz(words: int) -> bytes:
    count = RATE * WORD_MS // 1000
    time_s = np.arange(count) / RATE
    tone = sum(np.sin(2 * np.pi * 125 * n * time_s + 0.7 * n) / n for n in range(1, 12))
    swell = 0.6 + 0.4 * np.sin(np.pi * np.arange(count) / count)
    one = (tone * swell * 5000).clip(-32000, 32000).astype("<i2")
    return np.tile(one, words).tobytes()
