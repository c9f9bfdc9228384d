"""Both voices as the worker chooses them, spoken by the stand-ins: alike in level, edges and pauses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from phone_support import DEADLINE_S, make_settings
from pydantic import SecretStr

from rehearsal.delays import Delays
from rehearsal.google import server as google_server
from rehearsal.openai import server as openai_server
from rehearsal.state import RehearsalState
from worker.audio.edges import silence_at_end
from worker.audio.g711 import decode
from worker.audio.loudness import SPEECH_DBFS, speech_dbfs
from worker.settings import Settings
from worker.speech.choose import voice_name, voice_of
from worker.speech.telephone_voice import SENTENCE_PAUSE_S, TelephoneVoice
from worker.speech.voice import Voice

SENTENCES = (
    "She is home sick today.",
    "Half of the class has it, she says.",
    "Thank you very much for your help.",
)


@asynccontextmanager
async def vendors() -> AsyncIterator[dict[str, Any]]:
    """Settings for both stand-ins."""
    state = RehearsalState.load([])
    state.delays = Delays.model_validate({"speechFirstByteMs": 0, "speechSpeed": 0})
    app = web.Application()
    app.add_subapp("/v1", openai_server.make_app(state))
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    speech, port = await google_server.start(state, 0)
    try:
        yield {
            "openai_api_key": SecretStr("any"),
            "openai_base_url": f"http://127.0.0.1:{runner.addresses[0][1]}/v1",
            "google_tts_endpoint": f"127.0.0.1:{port}",
            "google_tts_plaintext": True,
        }
    finally:
        await speech.stop(0)
        await runner.cleanup()


async def said(voice: Voice, text: str) -> bytes:
    async with asyncio.timeout(DEADLINE_S):
        return b"".join([chunk async for chunk in voice.speak(text)])


@pytest.mark.parametrize("name", ["openai", "google"])
async def test_a_voice_is_as_loud_and_as_closely_cut_as_the_other(name: str) -> None:
    async with vendors() as settings:
        voice = voice_of(make_settings(floyd_voice=name, **settings))
        await voice.warm_up()
        spoken = [await said(voice, sentence) for sentence in SENTENCES]
        await voice.close()
    assert speech_dbfs(b"".join(spoken)) == pytest.approx(SPEECH_DBFS, abs=3)
    for mulaw in spoken:
        loud = np.flatnonzero(np.abs(decode(mulaw).astype(np.int32)) > 130)
        assert loud[0] < 400  # 50 ms
        assert silence_at_end(mulaw) / 8_000 == pytest.approx(SENTENCE_PAUSE_S, abs=0.01)


def test_what_was_rendered_by_one_voice_is_not_taken_for_the_others() -> None:
    def name(**values: Any) -> str:
        settings: Settings = make_settings(**values)
        return voice_name(settings)

    names = {
        name(),
        name(openai_tts_voice="echo"),
        name(openai_tts_model="tts-1"),
        name(floyd_voice="google"),
        name(floyd_voice="google", google_tts_voice="en-GB-Chirp3-HD-Kore"),
        name(floyd_voice="google", google_tts_endpoint="127.0.0.1:1"),
    }
    assert len(names) == 6


async def test_closing_the_iterator_closes_the_voices_own() -> None:
    closed = asyncio.Event()

    class Endless:
        async def speak(self, text: str) -> AsyncIterator[bytes]:
            try:
                while True:
                    yield bytes(range(100)) * 8
                    await asyncio.sleep(0)
            finally:
                closed.set()

        async def warm_up(self) -> None: ...
        async def close(self) -> None: ...

    speech = TelephoneVoice(Endless()).speak("Hello.")
    async with asyncio.timeout(DEADLINE_S):
        assert await anext(speech)
        await speech.aclose()
        await closed.wait()
