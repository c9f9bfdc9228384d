"""The voice and the recogniser against the rehearsed OpenAI and Google: what is said is heard, by wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from phone_support import make_settings
from pydantic import SecretStr

from rehearsal.google import server as google_server
from rehearsal.openai import server as openai_server
from rehearsal.state import RehearsalState
from worker.audio.loudness import rms_dbfs
from worker.phone.media import FRAME_BYTES
from worker.speech.detectors import Detectors
from worker.speech.google import GoogleRecognizer
from worker.speech.openai import OpenAIVoice
from worker.speech.recognizer import Recognition, RecognitionSession

SENTENCE = "Lincoln Elementary, this is Dana speaking."
SILENCE = b"\xff" * FRAME_BYTES


@asynccontextmanager
async def vendors() -> AsyncIterator[tuple[OpenAIVoice, GoogleRecognizer]]:
    state = RehearsalState.load()
    app = web.Application()
    app.add_subapp("/v1", openai_server.make_app(state))
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    speech, port = await google_server.start(state, 0)
    settings = make_settings(
        openai_api_key=SecretStr("any"),
        openai_base_url=f"http://127.0.0.1:{runner.addresses[0][1]}/v1",
        google_speech_endpoint=f"127.0.0.1:{port}",
        google_speech_plaintext=True,
    )
    voice, recognizer = OpenAIVoice(settings), GoogleRecognizer(settings)
    try:
        yield voice, recognizer
    finally:
        await recognizer.close()
        await voice.close()
        await speech.stop(0)
        await runner.cleanup()


def frames_of(mulaw: bytes) -> list[bytes]:
    padded = mulaw + SILENCE[: -len(mulaw) % FRAME_BYTES]
    return [padded[at : at + FRAME_BYTES] for at in range(0, len(padded), FRAME_BYTES)]


async def play(session: RecognitionSession, frames: list[bytes]) -> None:
    """Feed at the pace of a telephone line, then silence for ever."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    position = 0
    while True:
        session.feed(frames[position] if position < len(frames) else SILENCE)
        position += 1
        due += 0.02
        await asyncio.sleep(max(0.0, due - loop.time()))


@pytest.mark.timeout(60)
async def test_what_is_spoken_is_heard_with_its_times() -> None:
    async with vendors() as (voice, recognizer), asyncio.timeout(45):
        await asyncio.gather(voice.warm_up(), recognizer.warm_up())
        mulaw = b"".join([chunk async for chunk in voice.speak(SENTENCE)])
        assert -40 < rms_dbfs(mulaw) < -5
        session = await recognizer.open(language="en-US", hints=["Dana", "Lincoln Elementary"])
        playing = asyncio.create_task(play(session, [SILENCE] * 25 + frames_of(mulaw)))
        results: list[Recognition] = []
        async for one in session.results():
            results.append(one)
            if one.is_final:
                break
        playing.cancel()
        await session.close()
    assert results[-1].text.lower().strip(".") == SENTENCE.lower().strip(".")
    assert results[-1].end_s == pytest.approx(0.5 + len(mulaw) / 8000, abs=0.5)
    assert len(results) > 1, "interim results came before the final one"


async def test_a_voice_is_voice_to_the_detector() -> None:
    async with vendors() as (voice, _), asyncio.timeout(30):
        mulaw = b"".join([chunk async for chunk in voice.speak(SENTENCE)])
    detector = await Detectors().acquire()
    quiet = [detector.feed(SILENCE) for _ in range(25)]
    loud = [detector.feed(frame) for frame in frames_of(mulaw)]
    after = [detector.feed(SILENCE) for _ in range(50)]
    assert max(activity.voice for activity in quiet) < 0.2
    assert sum(activity.voice > 0.5 and activity.is_loud for activity in loud) > len(loud) / 2
    assert not any(activity.is_loud for activity in after)
