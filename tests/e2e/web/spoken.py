"""What a page's microphone hears: a file of speech that the rehearsed voice made, so that the rehearsed recogniser
knows it."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import aiohttp
from harness import Site

SAMPLE_RATE = 24_000
"""Of the voice's WAV files."""

RENDER_S = 20.0


async def record(site: Site, path: Path, parts: list[tuple[float, str]]) -> None:
    """A WAV file of silences, in seconds, each with what is said after it."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        for silence_s, text in parts:
            file.writeframes(bytes(2 * round(silence_s * SAMPLE_RATE)))
            if text:
                file.writeframes(await rendered(site, text))


async def rendered(site: Site, text: str) -> bytes:
    """What the voice makes of a text: the stand-in's recogniser knows it from then on."""
    order = {"model": "gpt-4o-mini-tts", "voice": "ash", "input": text, "response_format": "wav"}
    timeout = aiohttp.ClientTimeout(total=RENDER_S)
    async with (
        aiohttp.ClientSession(timeout=timeout, headers={"Authorization": "Bearer rehearsal"}) as http,
        http.post(f"{site.parts.settings.openai_base_url}/audio/speech", json=order) as reply,
    ):
        assert reply.status == 200, await reply.text()
        with wave.open(io.BytesIO(await reply.read()), "rb") as spoken:
            assert spoken.getframerate() == SAMPLE_RATE
            return spoken.readframes(spoken.getnframes())
