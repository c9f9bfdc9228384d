"""The stand-in for Google's Text-to-Speech, driven by Google's own asynchronous client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import pytest
from google.api_core import exceptions
from google.cloud import texttospeech_v1 as tts
from google.cloud.texttospeech_v1.services.text_to_speech.transports import TextToSpeechGrpcAsyncIOTransport

from rehearsal import g711
from rehearsal.delays import Delays
from rehearsal.google import server as google_server
from rehearsal.google import voice as voice_module
from rehearsal.google.voice import espeak_voice
from rehearsal.scenario import Fault
from rehearsal.state import RehearsalState

NAME = "en-US-Chirp3-HD-Aoede"
WAIT_S = 20.0


@pytest.fixture
def state() -> RehearsalState:
    state = RehearsalState.load([])
    state.delays = Delays.model_validate({"speechFirstByteMs": 0, "speechSpeed": 0})
    return state


@pytest.fixture
async def client(state: RehearsalState) -> AsyncIterator[Any]:
    server, port = await google_server.start(state, 0)
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
    yield tts.TextToSpeechAsyncClient(transport=TextToSpeechGrpcAsyncIOTransport(channel=channel))
    await channel.close()
    await server.stop(0)


def config(name: str = NAME, language: str = "en-US", **audio: Any) -> Any:
    audio.setdefault("audio_encoding", tts.AudioEncoding.MULAW)
    audio.setdefault("sample_rate_hertz", 8_000)
    return tts.StreamingSynthesizeRequest(
        streaming_config=tts.StreamingSynthesizeConfig(
            voice=tts.VoiceSelectionParams(language_code=language, name=name),
            streaming_audio_config=tts.StreamingAudioConfig(**audio),
        )
    )


def text(content: str) -> Any:
    return tts.StreamingSynthesizeRequest(input=tts.StreamingSynthesisInput(text=content))


async def sent(*requests: Any) -> AsyncIterator[Any]:
    for request in requests:
        yield request


async def audio_of(client: Any, *requests: Any) -> bytes:
    async with asyncio.timeout(WAIT_S):
        call = await client.streaming_synthesize(requests=sent(*requests))
        return b"".join([response.audio_content async for response in call])


async def test_texts_are_spoken_one_after_the_other(client: Any, state: RehearsalState) -> None:
    mulaw = await audio_of(client, config(), text("Hello there."), text("It is me."))
    clips = [state.voice.render(said, voice=espeak_voice(NAME)).pcm16_8k for said in ("Hello there.", "It is me.")]
    assert mulaw == b"".join(g711.encode(clip) for clip in clips)


async def test_pcm_has_no_header_and_24_khz_by_default(client: Any, state: RehearsalState) -> None:
    pcm = await audio_of(client, config(audio_encoding=tts.AudioEncoding.PCM, sample_rate_hertz=0), text("Hello."))
    speech = state.voice.render("Hello.", voice=espeak_voice(NAME))
    assert np.array_equal(np.frombuffer(pcm, dtype="<i2"), speech.pcm16_24k)


async def test_a_faster_voice_is_sooner_done(client: Any) -> None:
    sentence = text("I would like to order a dozen red roses.")
    assert len(await audio_of(client, config(speaking_rate=1.5), sentence)) < 0.8 * len(
        await audio_of(client, config(), sentence)
    )


async def test_what_is_spoken_can_be_recognised(client: Any, state: RehearsalState) -> None:
    before = len(state.phrasebook)
    await audio_of(client, config(), text("Nobody has said this before."))
    assert len(state.phrasebook) == before + 1


async def test_the_delays_are_kept(client: Any, state: RehearsalState) -> None:
    state.delays = Delays.model_validate({"speechFirstByteMs": 200, "speechSpeed": 4})
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(WAIT_S):
        asked_at = loop.time()
        call = await client.streaming_synthesize(requests=sent(config(), text("I would like to order roses.")))
        pieces = [(loop.time() - asked_at, len(piece.audio_content)) async for piece in call]
    seconds = sum(size for _, size in pieces) / 8_000
    assert 0.2 <= pieces[0][0] < 1.0
    assert pieces[-1][0] - pieces[0][0] >= (seconds - 0.2) / 4


@pytest.mark.parametrize(
    ("requests", "complaint"),
    [
        ([text("Hello.")], "first message must hold streaming_config"),
        ([config(name="en-US-Neural2-A")], "Chirp 3"),
        ([config(language="")], "language_code"),
        ([config(audio_encoding=tts.AudioEncoding.MP3)], "audio_encoding"),
        ([config(sample_rate_hertz=11_025)], "sample_rate_hertz"),
        ([config(speaking_rate=3.0)], "speaking_rate"),
        ([config(), text(" ")], "must not be empty"),
        ([config(), text("a" * 5_001)], "5000 bytes"),
        ([config(), config()], "Only the first message"),
    ],
)
async def test_what_google_refuses_is_refused(client: Any, requests: list[Any], complaint: str) -> None:
    """Nothing follows what is refused: a client that is still sending then may report that instead."""
    with pytest.raises(exceptions.InvalidArgument, match=complaint):
        await audio_of(client, *requests)


async def test_a_client_that_falls_silent_is_dropped(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice_module, "MAX_INPUT_GAP_S", 0.2)

    async def silent() -> AsyncIterator[Any]:
        yield config()
        await asyncio.Event().wait()

    async with asyncio.timeout(WAIT_S):
        call = await client.streaming_synthesize(requests=silent())
        with pytest.raises(exceptions.Aborted):
            await anext(aiter(call))


async def test_faults_strike(client: Any, state: RehearsalState) -> None:
    state.faults.arm([Fault(on="speech", kind=kind) for kind in ("error", "empty", "die")])
    with pytest.raises(exceptions.InternalServerError):
        await audio_of(client, config(), text("Hello there."))
    assert await audio_of(client, config(), text("Hello there.")) == b""
    with pytest.raises(exceptions.ServiceUnavailable):
        await audio_of(client, config(), text("Hello there."))
    assert await audio_of(client, config(), text("Hello there."))
