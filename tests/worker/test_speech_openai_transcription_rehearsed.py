"""OpenAI's transcription against the rehearsed one: what is spoken is heard, by wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from phone_support import make_settings
from pydantic import SecretStr

from rehearsal import g711
from rehearsal.openai.server import make_app
from rehearsal.scenario import Fault
from rehearsal.state import RehearsalState
from worker.speech.openai_transcription import OpenAIRecognizer
from worker.speech.recognizer import Recognition, RecognitionSession, RecognizerUnavailable

SENTENCE = "Lincoln Elementary, this is Dana speaking."
QUESTION = "Which class is she in?"
SILENCE = b"\xff" * 160

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def loaded() -> RehearsalState:
    return RehearsalState.load()


@pytest.fixture
def state(loaded: RehearsalState) -> RehearsalState:
    return RehearsalState(loaded.scenarios, loaded.demo)


@asynccontextmanager
async def listening(state: RehearsalState, **settings: Any) -> AsyncIterator[RecognitionSession]:
    app = web.Application()
    app.add_subapp("/v1", make_app(state))
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    recognizer = OpenAIRecognizer(
        make_settings(
            openai_api_key=SecretStr("any"),
            openai_base_url=f"http://127.0.0.1:{runner.addresses[0][1]}/v1",
            **settings,
        )
    )
    try:
        session = await recognizer.open(language="en-US", hints=["Dana", "Lincoln Elementary"])
        yield session
        await session.close()
    finally:
        await recognizer.close()
        await runner.cleanup()


def clip(state: RehearsalState, text: str) -> bytes:
    """Speech as mu-law, known to all ears."""
    speech = state.voice.render(text, voice="en-us+f3")
    state.phrasebook.add(speech)
    return g711.encode(speech.pcm16_8k)


@dataclass
class Told:
    recognition: Recognition
    at_s: float
    """Since the audio began."""


async def listen(
    session: RecognitionSession, audio: bytes, *, finals: int = 1, noise: bytes = SILENCE
) -> list[Told]:
    """Feed audio at the pace of a telephone line, then silence, until there were so many finals."""
    loop = asyncio.get_running_loop()
    start = loop.time()

    async def play() -> None:
        for index, at in enumerate(range(0, 1 << 30, 160)):
            session.feed(audio[at : at + 160].ljust(160, b"\xff") if at < len(audio) else noise)
            await asyncio.sleep(max(0.0, start + (index + 1) * 0.02 - loop.time()))

    playing = asyncio.create_task(play())
    told: list[Told] = []
    try:
        async for one in session.results():
            told.append(Told(one, loop.time() - start))
            if sum(each.recognition.is_final for each in told) == finals:
                return told
    finally:
        playing.cancel()
    raise AssertionError(f"the session ended after {told}")


def said(text: str) -> str:
    return text.lower().rstrip(".?")


async def test_what_is_spoken_is_heard_with_its_times(state: RehearsalState) -> None:
    first, second = clip(state, SENTENCE), clip(state, QUESTION)
    async with listening(state) as session:
        told = await listen(session, SILENCE * 50 + first + SILENCE * 50 + second, finals=2)
    finals = [one for one in told if one.recognition.is_final]
    assert [said(one.recognition.text) for one in finals] == [said(SENTENCE), said(QUESTION)]
    ends = [1 + len(first) / 8000, 2 + (len(first) + len(second)) / 8000]
    for final, end_s in zip(finals, ends, strict=True):
        assert final.recognition.end_s == pytest.approx(end_s, abs=0.4)
        # The recogniser's own delay, the silence at the clip's end included, and hardly anything of ours.
        assert final.at_s - final.recognition.end_s < state.delays.final_ms / 1000 + 0.25
    words = [one for one in told if not one.recognition.is_final]
    assert len(words) > 5, "words come while they are spoken"
    assert words[0].at_s < finals[0].recognition.end_s
    for earlier, later in pairwise(words):
        assert earlier.recognition.end_s <= later.recognition.end_s


async def test_a_model_that_is_none_for_streaming_is_heard_at_the_end(state: RehearsalState) -> None:
    audio = clip(state, SENTENCE)
    async with listening(state, openai_transcription_model="gpt-4o-mini-transcribe") as session:
        told = await listen(session, SILENCE * 50 + audio)
    assert said(told[-1].recognition.text) == said(SENTENCE)
    assert told[0].at_s > 1 + len(audio) / 8000


@pytest.mark.parametrize("kind", ["die", "error"])
async def test_a_death_in_mid_sentence_is_not_heard(state: RehearsalState, kind: Any) -> None:
    first, second = clip(state, SENTENCE), clip(state, QUESTION)
    state.faults.arm([Fault(on="recognizer", kind=kind, at=1.5)])
    async with listening(state) as session:
        told = await listen(session, SILENCE * 50 + first + SILENCE * 50 + second, finals=2)
    assert not state.faults.waiting(), "it did die"
    finals = [said(one.recognition.text) for one in told if one.recognition.is_final]
    assert finals == [said(SENTENCE), said(QUESTION)]


async def test_an_unknown_model_ends_it_at_once(state: RehearsalState) -> None:
    async with listening(state, openai_transcription_model="no-such-model") as session, asyncio.timeout(10):
        with pytest.raises(RecognizerUnavailable, match="OPENAI_TRANSCRIPTION_MODEL"):
            await listen(session, b"")
