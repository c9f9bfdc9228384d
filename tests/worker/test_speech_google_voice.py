"""Google's own client: against the rehearsed voice, and against servers that behave badly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.cloud import texttospeech_v1
from phone_support import DEADLINE_S, make_settings

from rehearsal import g711
from rehearsal.delays import Delays
from rehearsal.google import server as google_server
from rehearsal.google.voice import espeak_voice
from rehearsal.scenario import Fault
from rehearsal.state import RehearsalState
from worker.audio.loudness import rms_dbfs
from worker.speech import google_voice as voice_module
from worker.speech.google_voice import GoogleVoice
from worker.speech.voice import Voice, VoiceUnavailable

Request: Any = texttospeech_v1.StreamingSynthesizeRequest
Response: Any = texttospeech_v1.StreamingSynthesizeResponse
SENTENCE = "She is home sick today."
AUDIO = bytes(range(1, 200)) * 20


async def audio_of(voice: Voice, text: str) -> bytes:
    async with asyncio.timeout(DEADLINE_S):
        return b"".join([chunk async for chunk in voice.speak(text)])


@asynccontextmanager
async def rehearsed(*faults: Fault) -> AsyncIterator[tuple[Voice, RehearsalState]]:
    state = RehearsalState.load([])
    state.delays = Delays.model_validate({"speechFirstByteMs": 20, "speechSpeed": 0})
    state.faults.arm(faults)
    server, port = await google_server.start(state, 0)
    voice: Voice = GoogleVoice(make_settings(google_tts_endpoint=f"127.0.0.1:{port}", google_tts_plaintext=True))
    try:
        yield voice, state
    finally:
        await voice.close()
        await server.stop(0)


def whole(state: RehearsalState) -> bytes:
    """The sentence as the rehearsed voice says it."""
    speech = state.voice.render(SENTENCE, voice=espeak_voice("en-US-Chirp3-HD-Aoede"))
    return g711.encode(speech.pcm16_8k)


async def test_a_sentence_comes_as_telephone_audio() -> None:
    async with rehearsed() as (voice, state):
        await voice.warm_up()
        mulaw = await audio_of(voice, f" {SENTENCE} ")
        assert mulaw == whole(state)
        assert -40 < rms_dbfs(mulaw) < -5


async def test_the_first_audio_does_not_wait_for_the_last() -> None:
    async with rehearsed() as (voice, state):
        state.delays = Delays.model_validate({"speechFirstByteMs": 0, "speechSpeed": 2})
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(DEADLINE_S):
            pieces = [(loop.time(), len(chunk)) async for chunk in voice.speak(SENTENCE)]
        seconds = sum(size for _, size in pieces) / 8_000
        assert len(pieces) > 5
        assert pieces[-1][0] - pieces[0][0] > seconds / 4


@pytest.mark.parametrize("kind", ["error", "empty"])
async def test_a_failure_before_the_first_audio_is_retried_once(kind: Any) -> None:
    async with rehearsed(Fault(on="speech", kind=kind)) as (voice, _):
        assert await audio_of(voice, SENTENCE)
    async with rehearsed(Fault(on="speech", kind=kind, times=2)) as (voice, state):
        with pytest.raises(VoiceUnavailable, match="could not be spoken"):
            await audio_of(voice, SENTENCE)
        assert state.faults.waiting() == []


async def test_what_breaks_off_in_mid_sentence_is_not_said_twice() -> None:
    async with rehearsed(Fault(on="speech", kind="die")) as (voice, state):
        heard = bytearray()

        async def listen() -> None:
            async for chunk in voice.speak(SENTENCE):
                heard.extend(chunk)

        with pytest.raises(VoiceUnavailable, match="broke off"):
            await asyncio.wait_for(listen(), DEADLINE_S)
        assert 0 < len(heard) < len(whole(state))
        assert whole(state).startswith(heard)


Behaviour = Callable[[list[Any], Any], Awaitable[None]]


class Server:
    """Answers each stream as told, the last way for all further ones."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self.behaviours = behaviours
        self.asked: list[list[Any]] = []
        self.peers: set[str] = set()
        self.whole = asyncio.Event()
        self.gone = asyncio.Event()

    async def synthesize(self, requests: Any, context: Any) -> None:
        number = len(self.asked)
        got: list[Any] = []
        self.asked.append(got)
        self.peers.add(context.peer())
        try:
            async for request in requests:  # to the end: the client has closed its side
                got.append(request)  # noqa: PERF401
            self.whole.set()
            await self.behaviours[min(number, len(self.behaviours) - 1)](got, context)
        except asyncio.CancelledError:
            self.gone.set()
            raise


@asynccontextmanager
async def voice_with(*behaviours: Behaviour) -> AsyncIterator[tuple[Voice, Server]]:
    service = Server(*behaviours)
    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(
        service.synthesize, request_deserializer=Request.deserialize, response_serializer=Response.serialize
    )
    name = "google.cloud.texttospeech.v1.TextToSpeech"
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(name, {"StreamingSynthesize": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    settings = make_settings(google_tts_endpoint=f"127.0.0.1:{port}", google_tts_plaintext=True)
    voice: Voice = GoogleVoice(settings)
    try:
        yield voice, service
    finally:
        await voice.close()
        await server.stop(0)


def saying(*pieces: bytes) -> Behaviour:
    async def behave(_: list[Any], context: Any) -> None:
        for piece in pieces:
            await context.write(Response(audio_content=piece))

    return behave


def refusing(code: grpc.StatusCode, why: str = "no") -> Behaviour:
    async def behave(_: list[Any], context: Any) -> None:
        await context.abort(code, why)

    return behave


def stalling(*pieces: bytes) -> Behaviour:
    async def behave(got: list[Any], context: Any) -> None:
        await saying(*pieces)(got, context)
        await asyncio.Event().wait()

    return behave


async def test_google_is_asked_for_audio_as_the_telephone_has_it() -> None:
    async with voice_with(saying(AUDIO[:7], AUDIO[7:])) as (voice, service):
        assert await audio_of(voice, " Hello there. ") == AUDIO
        [[first, second]] = service.asked
    config = first.streaming_config
    assert config.voice.name == "en-US-Chirp3-HD-Aoede"
    assert config.voice.language_code == "en-US"
    assert config.streaming_audio_config.audio_encoding == texttospeech_v1.AudioEncoding.MULAW
    assert config.streaming_audio_config.sample_rate_hertz == 8_000
    assert second.input.text == "Hello there."


async def test_a_file_header_is_not_played() -> None:
    header = b"RIFF\x24\x00\x00\x00WAVEfmt \x12\x00\x00\x00" + bytes(18) + b"data\x00\x10\x00\x00"
    async with voice_with(saying(header + AUDIO[:10], AUDIO[10:])) as (voice, _):
        assert await audio_of(voice, "Hello") == AUDIO


async def test_closing_the_iterator_cancels_the_call() -> None:
    async with voice_with(stalling(AUDIO)) as (voice, service), asyncio.timeout(DEADLINE_S):
        speech: Any = voice.speak("Hello")
        assert await anext(speech) == AUDIO
        await speech.aclose()
        await service.gone.wait()


async def test_giving_up_before_the_first_audio_cancels_the_call() -> None:
    async with voice_with(stalling()) as (voice, service), asyncio.timeout(DEADLINE_S):
        speaking = asyncio.create_task(audio_of(voice, "Hello"))
        await service.whole.wait()
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)
        await service.gone.wait()


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL, grpc.StatusCode.RESOURCE_EXHAUSTED]
)
async def test_a_passing_error_is_retried(code: grpc.StatusCode) -> None:
    async with voice_with(refusing(code), saying(AUDIO)) as (voice, service):
        assert await audio_of(voice, "Hello") == AUDIO
        assert len(service.asked) == 2


async def test_a_refused_text_is_not_retried() -> None:
    async with voice_with(refusing(grpc.StatusCode.INVALID_ARGUMENT, "no such voice")) as (voice, service):
        with pytest.raises(VoiceUnavailable, match="no such voice"):
            await audio_of(voice, "Hello")
        assert len(service.asked) == 1


async def test_a_stall_before_the_first_audio_is_retried_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice_module, "FIRST_AUDIO_DEADLINE_S", 0.2)
    async with voice_with(stalling()) as (voice, service):
        with pytest.raises(VoiceUnavailable):
            await audio_of(voice, "Hello")
        assert len(service.asked) == voice_module.ATTEMPTS


async def test_a_stall_in_mid_sentence_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice_module, "NEXT_AUDIO_DEADLINE_S", 0.2)
    async with voice_with(stalling(AUDIO)) as (voice, service):
        with pytest.raises(VoiceUnavailable, match="stopped"):
            await audio_of(voice, "Hello")
        assert len(service.asked) == 1
        async with asyncio.timeout(DEADLINE_S):
            await service.gone.wait()


async def test_one_connection_serves_sentence_after_sentence() -> None:
    async with voice_with(saying(AUDIO)) as (voice, service):
        await voice.warm_up()
        for _ in range(3):
            await audio_of(voice, "Hello")
        await asyncio.gather(*(audio_of(voice, "Hello") for _ in range(3)))
        assert len(service.peers) == 1


@pytest.mark.parametrize("text", ["", "  ", "...", "—", "!?"])
async def test_what_has_no_words_is_silence_without_a_request(text: str) -> None:
    async with voice_with(saying(AUDIO)) as (voice, service):
        assert await audio_of(voice, text) == b""
        assert not service.asked


async def test_a_text_beyond_the_limit_is_refused() -> None:
    async with voice_with(saying(AUDIO)) as (voice, service):
        with pytest.raises(VoiceUnavailable, match="5000"):
            await audio_of(voice, "ä" * 3_000)
        assert not service.asked


async def test_nobody_there_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice_module, "CONNECT_DEADLINE_S", 0.3)
    voice = GoogleVoice(make_settings(google_tts_endpoint="127.0.0.1:1", google_tts_plaintext=True))
    with pytest.raises(VoiceUnavailable, match="could not be reached"):
        await voice.warm_up()
    with pytest.raises(VoiceUnavailable):
        await audio_of(voice, "Hello")
    await voice.close()
