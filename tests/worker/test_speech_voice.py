"""The official OpenAI client against small servers: audio as it comes, deadlines, retries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from phone_support import DEADLINE_S, make_settings
from pydantic import SecretStr

from worker.audio import g711
from worker.audio.resample import PcmToMulaw
from worker.speech import openai as voice_module
from worker.speech.openai import OpenAIVoice
from worker.speech.voice import Voice, VoiceUnavailable

KEY = "sk-a-key-for-tests"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TONE = (10_000 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000)).astype("<i2").tobytes()


def expected(pcm: bytes) -> bytes:
    converter = PcmToMulaw()
    return converter.feed(pcm) + converter.flush()


class Api:
    def __init__(self, answer: Handler) -> None:
        self.answer = answer
        self.texts: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.connections: set[object] = set()
        self.gone = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        body = await request.json()
        self.bodies.append(body)
        self.texts.append(body["input"])
        assert request.transport is not None
        self.connections.add(request.transport.get_extra_info("peername"))
        try:
            return await self.answer(request)
        except (asyncio.CancelledError, ConnectionError):
            self.gone.set()
            raise


@asynccontextmanager
async def voice_with(answer: Handler) -> AsyncIterator[tuple[Voice, Api]]:
    api = Api(answer)
    app = web.Application()
    app.router.add_post("/v1/audio/speech", api.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    voice: Voice = OpenAIVoice(make_settings(openai_api_key=SecretStr(KEY), openai_base_url=url))
    try:
        yield voice, api
    finally:
        await voice.close()
        await runner.cleanup()


async def audio_of(voice: Voice, text: str) -> bytes:
    async with asyncio.timeout(DEADLINE_S):
        return b"".join([chunk async for chunk in voice.speak(text)])


async def begin(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "audio/pcm"})
    await response.prepare(request)
    return response


def streaming(*pieces: bytes) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = await begin(request)
        for piece in pieces:
            await response.write(piece)
        await response.write_eof()
        return response

    return answer


async def test_audio_comes_as_telephone_audio() -> None:
    async with voice_with(streaming(TONE)) as (voice, api):
        mulaw = await audio_of(voice, " Hello there. ")
    assert mulaw == expected(TONE)
    assert len(mulaw) == pytest.approx(8_000, abs=5)
    spectrum = np.abs(np.fft.rfft(g711.decode(mulaw)))
    assert int(np.argmax(spectrum)) == pytest.approx(440, abs=2)
    [body] = api.bodies
    assert body["input"] == "Hello there."
    assert body["response_format"] == "pcm"


@pytest.mark.parametrize("size", [1, 333, 481, 4097])
async def test_pieces_may_end_in_the_middle_of_a_sample(size: int) -> None:
    pcm = TONE[:6_001]
    pieces = [pcm[at : at + size] for at in range(0, len(pcm), size)]
    async with voice_with(streaming(*pieces)) as (voice, _):
        assert await audio_of(voice, "Hello") == expected(pcm)


async def test_the_first_audio_does_not_wait_for_the_last() -> None:
    heard = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = await begin(request)
        await response.write(TONE[:960])
        await asyncio.wait_for(heard.wait(), DEADLINE_S)
        await response.write(TONE[960:])
        await response.write_eof()
        return response

    async with voice_with(answer) as (voice, _), asyncio.timeout(DEADLINE_S):
        got = b""
        async for chunk in voice.speak("Hello"):
            got += chunk
            heard.set()
    assert got == expected(TONE)


async def test_closing_the_iterator_cancels_the_request() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = await begin(request)
        await response.write(TONE)
        await asyncio.Event().wait()
        return response

    async with voice_with(answer) as (voice, api), asyncio.timeout(DEADLINE_S):
        speech = voice.speak("Hello")
        await anext(speech)
        await speech.aclose()  # type: ignore[attr-defined]
        await api.gone.wait()


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_passing_error_is_retried(status: int) -> None:
    answers = iter([status, 200])

    async def answer(request: web.Request) -> web.StreamResponse:
        code = next(answers)
        return await streaming(TONE)(request) if code == 200 else web.json_response({}, status=code)

    async with voice_with(answer) as (voice, api):
        assert await audio_of(voice, "Hello") == expected(TONE)
        assert len(api.texts) == 2


async def test_no_audio_at_all_is_retried_and_then_an_error() -> None:
    async with voice_with(streaming()) as (voice, api):
        with pytest.raises(VoiceUnavailable, match="no audio"):
            await audio_of(voice, "Hello")
        assert len(api.texts) == voice_module.ATTEMPTS


async def test_a_refused_text_is_not_retried() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "input: not allowed", "code": "x"}}, status=400)

    async with voice_with(answer) as (voice, api):
        with pytest.raises(VoiceUnavailable, match="not allowed") as refused:
            await audio_of(voice, "Hello")
        assert len(api.texts) == 1
        assert KEY not in str(refused.value)


async def test_a_stall_before_the_first_audio_is_retried_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice_module, "FIRST_AUDIO_DEADLINE_S", 0.2)

    async def answer(request: web.Request) -> web.StreamResponse:
        response = await begin(request)
        await asyncio.Event().wait()
        return response

    async with voice_with(answer) as (voice, api):
        with pytest.raises(VoiceUnavailable):
            await audio_of(voice, "Hello")
        assert len(api.texts) == voice_module.ATTEMPTS


@pytest.mark.parametrize("size", [9_600, 9_600 + 3 * voice_module.READ_BYTES])
async def test_a_stall_in_mid_sentence_is_an_error_and_nothing_is_lost_or_said_twice(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when what came last is as much as is read at once, behind which there is usually more."""
    said = (TONE + TONE)[:size]
    monkeypatch.setattr(voice_module, "NEXT_AUDIO_DEADLINE_S", 0.2)

    async def answer(request: web.Request) -> web.StreamResponse:
        response = await begin(request)
        await response.write(said[:9_600])
        await response.write(said[9_600:])
        await asyncio.Event().wait()
        return response

    async with voice_with(answer) as (voice, api):
        got: list[bytes] = []

        async def listen() -> None:
            async for chunk in voice.speak("Hello"):
                got.append(chunk)  # noqa: PERF401 - what came before the error counts

        with pytest.raises(VoiceUnavailable, match="stopped"):
            await asyncio.wait_for(listen(), DEADLINE_S)
        heard = b"".join(got)
        assert heard == expected(said)[: len(heard)]
        assert len(heard) == pytest.approx(size // 6, abs=10)
        assert len(api.texts) == 1


async def test_a_connection_cut_in_mid_sentence_is_an_error() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = await begin(request)
        await response.write(TONE[:9_600])
        assert request.transport is not None
        request.transport.abort()
        return response

    async with voice_with(answer) as (voice, api):
        with pytest.raises(VoiceUnavailable):
            await audio_of(voice, "Hello")
        assert len(api.texts) <= voice_module.ATTEMPTS


async def test_connections_serve_sentence_after_sentence() -> None:
    """One, and the spare one, which may be there after the first."""
    async with voice_with(streaming(TONE)) as (voice, api):
        for _ in range(6):
            await audio_of(voice, "Hello")
        assert len(api.connections) <= 2


@pytest.mark.parametrize("text", ["", "  ", "...", "—", "!?"])
async def test_what_has_no_words_is_silence_without_a_request(text: str) -> None:
    async with voice_with(streaming(TONE)) as (voice, api):
        assert await audio_of(voice, text) == b""
        assert not api.texts


async def test_a_text_beyond_the_limit_is_refused() -> None:
    async with voice_with(streaming(TONE)) as (voice, api):
        with pytest.raises(VoiceUnavailable, match="4096"):
            await audio_of(voice, "a" * 5_000)
        assert not api.texts


async def test_warming_up_needs_a_connection_only() -> None:
    async with voice_with(streaming(TONE)) as (voice, _):
        await voice.warm_up()  # this server knows nothing of models: 404
    nowhere = OpenAIVoice(make_settings(openai_api_key=SecretStr(KEY), openai_base_url="http://127.0.0.1:1/v1"))
    with pytest.raises(VoiceUnavailable):
        await nowhere.warm_up()
    with pytest.raises(VoiceUnavailable):
        await audio_of(nowhere, "Hello")
    await nowhere.close()
