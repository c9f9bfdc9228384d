"""The official Google Speech client against a small server that does as it is told: results, deaths, rollovers.

The server's words are the audio itself: a frame of byte n is "word n", so that what was lost or sent twice shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
import pytest
from google.cloud import speech_v1
from phone_support import DEADLINE_S, make_settings

from worker.speech import google as google_module
from worker.speech import google_session
from worker.speech.google import GoogleRecognizer, streaming_config
from worker.speech.google_session import GoogleSession
from worker.speech.recognizer import Recognition, RecognitionSession, Recognizer, RecognizerUnavailable

FRAME_S = 0.02
Response = speech_v1.StreamingRecognizeResponse
Request = speech_v1.StreamingRecognizeRequest


def frame(word: int) -> bytes:
    return bytes([word]) * 160


def result(text: str, end_s: float, final: bool = False, stability: float = 0.9) -> Any:
    return speech_v1.StreamingRecognitionResult(
        alternatives=[speech_v1.SpeechRecognitionAlternative(transcript=text)],
        is_final=final,
        stability=0.0 if final else stability,
        result_end_time=timedelta(seconds=end_s),
    )


@dataclass
class Stream:
    """One stream as the server sees it."""

    requests: Any
    context: Any
    number: int
    config: Any = None
    audio: bytearray = field(default_factory=bytearray)
    read: int = 0
    sizes: list[int] = field(default_factory=list)

    async def hear(self, frames: int = 1) -> list[int]:
        """So many frames more; returns their words. However many a request holds, none is passed over."""
        start = self.read
        self.read += frames * 160
        while len(self.audio) < self.read:
            request = await asyncio.wait_for(anext(self.requests), DEADLINE_S)
            self.audio += request.audio_content
            self.sizes.append(len(request.audio_content))
        return [self.audio[at] for at in range(start, self.read, 160)]

    async def say(self, *results: Any) -> None:
        await self.context.write(Response(results=results))

    async def die(self, code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE, why: str = "died") -> None:
        await self.context.abort(code, why)


Behaviour = Callable[[Stream], Awaitable[None]]


class Server:
    def __init__(self, behaviours: Sequence[Behaviour]) -> None:
        self.behaviours = behaviours
        self.streams: list[Stream] = []
        self.gone: asyncio.Queue[int] = asyncio.Queue()

    async def recognize(self, requests: Any, context: Any) -> None:
        stream = Stream(aiter(requests), context, len(self.streams))
        self.streams.append(stream)
        stream.config = (await anext(stream.requests)).streaming_config
        try:
            with suppress(StopAsyncIteration):  # the client went away
                await self.behaviours[min(stream.number, len(self.behaviours) - 1)](stream)
        finally:
            self.gone.put_nowait(stream.number)


@asynccontextmanager
async def recognizer_with(*behaviours: Behaviour) -> AsyncIterator[tuple[Recognizer, Server]]:
    service = Server(behaviours)
    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(
        service.recognize, request_deserializer=Request.deserialize, response_serializer=Response.serialize
    )
    methods = {"StreamingRecognize": handler}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("google.cloud.speech.v1.Speech", methods),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    settings = make_settings(google_speech_endpoint=f"127.0.0.1:{port}", google_speech_plaintext=True)
    recognizer: Recognizer = GoogleRecognizer(settings)
    try:
        yield recognizer, service
    finally:
        await recognizer.close()
        await server.stop(0)


async def open_session(recognizer: Recognizer) -> RecognitionSession:
    return await recognizer.open(language="en-US", hints=["Mara Rivera"])


async def next_result(results: AsyncIterator[Recognition]) -> Recognition:
    return await asyncio.wait_for(anext(results), DEADLINE_S)


async def forever(_: Stream) -> None:
    await asyncio.Event().wait()


async def test_audio_goes_as_it_is_and_results_come_as_they_are() -> None:
    async def behave(stream: Stream) -> None:
        assert await stream.hear(2) == [1, 2]
        await stream.say(result("hello", 0.02, stability=0.9), result(" there", 0.04, stability=0.1))
        await stream.hear()
        await stream.say(result("Hello there.", 0.06, final=True), result(" and", 0.06, stability=0.5))
        await forever(stream)

    async with recognizer_with(behave) as (recognizer, server):
        session = await open_session(recognizer)
        results = session.results()
        session.feed(frame(1))
        session.feed(frame(2))
        assert await next_result(results) == Recognition("hello there", False, pytest.approx(0.1), 0.04)
        session.feed(frame(3))
        assert await next_result(results) == Recognition("Hello there.", True, 1.0, 0.06)
        assert await next_result(results) == Recognition("and", False, 0.5, 0.06)
        config = server.streams[0].config
        assert config.interim_results
        assert config.config.encoding == speech_v1.RecognitionConfig.AudioEncoding.MULAW
        assert config.config.sample_rate_hertz == 8000
        assert list(config.config.speech_contexts[0].phrases) == ["Mara Rivera"]
        await session.close()
        assert [one async for one in results] == []
        assert await asyncio.wait_for(server.gone.get(), DEADLINE_S) == 0


async def test_a_stream_that_dies_is_opened_again_with_what_had_no_final() -> None:
    word = 25  # frames: half a second

    async def first(stream: Stream) -> None:
        await stream.hear(4 * word)
        await stream.say(result("One two.", 1.0, final=True))
        await stream.say(result("three", 1.5))
        await stream.hear(word)
        await stream.die()

    async def second(stream: Stream) -> None:
        # 1 and 2 are settled; 3 and 4 were an unfinished hypothesis, 5 died with the stream.
        assert (await stream.hear(4 * word))[::word] == [3, 4, 5, 6]
        await stream.say(result("Three four five six.", 2.0, final=True))
        await forever(stream)

    async with recognizer_with(first, second) as (recognizer, _):
        session = await open_session(recognizer)
        results = session.results()
        for said in (1, 2, 3, 4):
            for _ in range(word):
                session.feed(frame(said))
        assert (await next_result(results)).text == "One two."
        assert (await next_result(results)).text == "three"
        for said in (5, 6):
            for _ in range(word):
                session.feed(frame(said))
        assert await next_result(results) == Recognition("Three four five six.", True, 1.0, 3.0)
        await session.close()


@pytest.mark.parametrize("how", ["ends", "error", "too long"])
async def test_however_it_dies(how: str) -> None:
    async def first(stream: Stream) -> None:
        await stream.hear(1)
        if how == "error":
            await stream.context.write(Response(error={"code": 13, "message": "internal"}))
            await forever(stream)
        if how == "too long":
            await stream.die(grpc.StatusCode.OUT_OF_RANGE, "Exceeded maximum allowed stream duration")

    async def second(stream: Stream) -> None:
        assert await stream.hear(1) == [1]
        await stream.say(result("One.", 0.02, final=True))
        await forever(stream)

    async with recognizer_with(first, second) as (recognizer, _):
        session = await open_session(recognizer)
        session.feed(frame(1))
        assert (await next_result(session.results())).text == "One."
        await session.close()


async def test_the_same_final_from_the_next_stream_is_dropped() -> None:
    async def first(stream: Stream) -> None:
        await stream.hear(100)
        await stream.say(result("Yes, hello.", 1.9, final=True))  # a little before the word's true end
        await stream.hear(1)
        await stream.die()

    async def second(stream: Stream) -> None:
        await stream.hear(5)
        await stream.say(result("hello", 0.05))
        await stream.say(result("yes hello", 0.08, final=True))
        await stream.hear(100)
        await stream.say(result("Who is this?", 2.0, final=True))
        await forever(stream)

    async with recognizer_with(first, second) as (recognizer, server):
        session = await open_session(recognizer)
        results = session.results()
        for _ in range(100):
            session.feed(frame(1))
        assert (await next_result(results)).text == "Yes, hello."
        session.feed(frame(1))
        assert await asyncio.wait_for(server.gone.get(), DEADLINE_S) == 0
        for _ in range(120):
            session.feed(frame(2))
        finals = [one async for one in upto(results, "Who is this?")]
        assert [one.text for one in finals if one.is_final] == ["Who is this?"]
        assert finals[-1].end_s == pytest.approx(1.9 + 2.0)
        await session.close()


async def upto(results: AsyncIterator[Recognition], text: str) -> AsyncIterator[Recognition]:
    while True:
        one = await next_result(results)
        yield one
        if one.text == text:
            return


async def test_an_old_stream_is_left_in_a_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_session, "ROLL_S", 0.2)
    monkeypatch.setattr(google_session, "QUIET_S", 0.1)
    monkeypatch.setattr(google_session, "OVERLAP_S", 0.04)

    async def first(stream: Stream) -> None:
        await stream.hear(2)
        await stream.say(result("One.", 0.02, final=True))
        while True:
            await stream.hear()

    second_heard: asyncio.Queue[int] = asyncio.Queue()

    async def second(stream: Stream) -> None:
        while True:
            for word in await stream.hear():
                second_heard.put_nowait(word)

    async with recognizer_with(first, second) as (recognizer, server):
        session = await open_session(recognizer)
        results = session.results()
        session.feed(frame(1))
        session.feed(frame(2))
        assert (await next_result(results)).text == "One."
        word = 2
        async with asyncio.timeout(DEADLINE_S):
            while len(server.streams) < 2:
                await asyncio.sleep(FRAME_S)  # the pace of audio
                word += 1
                session.feed(frame(word))
            session.feed(frame(word + 1))
            heard = [await second_heard.get()]
            while heard[-1] != word + 1:
                heard.append(await second_heard.get())
        assert heard == list(range(heard[0], word + 2)), "no frame is missing or out of order"
        first_heard = [server.streams[0].audio[at] for at in range(0, len(server.streams[0].audio), 160)]
        assert heard[0] <= first_heard[-1] + 1, "nothing fell between the streams"
        assert heard[0] > 2, "settled audio is not sent again"
        await session.close()


async def test_a_very_old_stream_is_left_in_mid_sentence_which_is_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(google_session, "ROLL_S", 0.05)
    monkeypatch.setattr(google_session, "ROLL_HARD_S", 0.3)

    async def first(stream: Stream) -> None:
        while True:
            await stream.hear()
            await stream.say(result("still talking", len(stream.audio) / 8000))

    async def second(stream: Stream) -> None:
        words = await stream.hear(3)
        await stream.say(result(f"All from {words[0]}.", 0.06, final=True))
        await forever(stream)

    async with recognizer_with(first, second) as (recognizer, server):
        session = await open_session(recognizer)
        results = session.results()
        started = asyncio.get_running_loop().time()
        word = 0

        async def talk() -> None:
            nonlocal word
            while True:
                word = min(word + 1, 255)
                session.feed(frame(word))
                await asyncio.sleep(FRAME_S)

        talking = asyncio.create_task(talk())
        async for one in results:
            if one.is_final:
                break
        talking.cancel()
        assert asyncio.get_running_loop().time() - started >= 0.3
        assert one.text == "All from 1."
        assert len(server.streams) == 2
        await session.close()


async def test_it_gives_up_after_so_many_streams_that_die_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_session, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(google_session, "LONGEST_PAUSE_S", 0.02)

    async with recognizer_with(lambda stream: stream.die()) as (recognizer, server):
        session = await open_session(recognizer)
        with pytest.raises(RecognizerUnavailable, match="died"):
            await next_result(session.results())
        assert len(server.streams) == google_session.ATTEMPTS
        session.feed(frame(1))
        await session.close()


async def test_deaths_are_bounded_however_long_each_stream_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_session, "YOUNG_S", 0.0)
    monkeypatch.setattr(google_session, "MAX_DEATHS", 3)
    async with recognizer_with(lambda stream: stream.die()) as (recognizer, server):
        session = await open_session(recognizer)
        with pytest.raises(RecognizerUnavailable):
            await next_result(session.results())
        assert len(server.streams) == 4
        await session.close()


@pytest.mark.parametrize("code", [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INVALID_ARGUMENT])
async def test_what_can_not_get_better_is_not_tried_again(code: grpc.StatusCode) -> None:
    async with recognizer_with(lambda stream: stream.die(code, "no such model")) as (recognizer, server):
        session = await open_session(recognizer)
        with pytest.raises(RecognizerUnavailable, match="no such model"):
            await next_result(session.results())
        assert len(server.streams) == 1
        await session.close()


async def test_a_stream_that_takes_no_audio_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_session, "STALLED_S", 0.2)
    monkeypatch.setattr(google_session, "FIRST_PAUSE_S", 0.01)

    async def second(stream: Stream) -> None:
        await stream.hear(1)
        await stream.say(result("Here again.", 0.02, final=True))
        await forever(stream)

    async with recognizer_with(forever, second) as (recognizer, _):
        session = await open_session(recognizer)
        assert isinstance(session, GoogleSession)
        results = session.results()
        got = asyncio.create_task(next_result(results))
        async with asyncio.timeout(DEADLINE_S):
            while not got.done():  # many minutes of audio, so that the stream's window fills up
                for _ in range(200):
                    session.feed(frame(1))
                await asyncio.sleep(0.005)
        assert (await got).text == "Here again."
        await session.close()


async def test_a_backlog_goes_in_requests_below_googles_limit() -> None:
    ready = asyncio.Event()

    async def behave(stream: Stream) -> None:
        await stream.hear(900)
        await stream.say(result("Long.", 18.0, final=True))
        await forever(stream)

    async with recognizer_with(behave) as (recognizer, server):
        session = await open_session(recognizer)
        for _ in range(900):
            session.feed(frame(1))
        assert (await next_result(session.results())).text == "Long."
        sizes = server.streams[0].sizes
        assert max(sizes) <= 25_000
        assert len(sizes) < 20
        ready.set()
        await session.close()


async def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_module, "CONNECT_DEADLINE_S", 0.3)
    recognizer = GoogleRecognizer(
        make_settings(google_speech_endpoint="127.0.0.1:1", google_speech_plaintext=True)
    )
    with pytest.raises(RecognizerUnavailable, match=r"127\.0\.0\.1:1"):
        await open_session(recognizer)
    await recognizer.close()
    await recognizer.close()


async def test_many_sessions_share_a_connection() -> None:
    async def behave(stream: Stream) -> None:
        [word] = await stream.hear(1)
        await stream.say(result(f"word {word}", 0.02, final=True))
        await forever(stream)

    async with recognizer_with(behave) as (recognizer, _):
        sessions = [await open_session(recognizer) for _ in range(20)]
        for number, session in enumerate(sessions):
            session.feed(frame(number))
        texts = [(await next_result(session.results())).text for session in sessions]
        assert texts == [f"word {number}" for number in range(20)]
        await asyncio.gather(*(session.close() for session in sessions))


async def test_results_without_words_are_passed_over() -> None:
    async def behave(stream: Stream) -> None:
        await stream.hear(1)
        await stream.context.write(Response())
        await stream.say(speech_v1.StreamingRecognitionResult(is_final=False))
        await stream.say(result("  ", 0.02))
        await stream.say(result("", 0.02, final=True))
        await stream.say(result("word", 0.0))  # no time: as far as was sent
        await forever(stream)

    async with recognizer_with(behave) as (recognizer, _):
        session = await open_session(recognizer)
        session.feed(frame(1))
        assert await next_result(session.results()) == Recognition("word", False, pytest.approx(0.9), 0.02)
        await session.close()


def test_the_telephone_model_and_the_hints() -> None:
    config = streaming_config("en-US", ["  Mara   Rivera ", "", "x" * 101, "Mara Rivera", "Elm Street"]).config
    assert config.model == "phone_call"
    assert list(config.speech_contexts[0].phrases) == ["Mara Rivera", "Elm Street"]
    assert streaming_config("de-DE", []).config.model == ""
    assert not streaming_config("de-DE", []).config.speech_contexts
    many = streaming_config("en-US", [f"hint {n}" for n in range(1_000)]).config
    assert len(many.speech_contexts[0].phrases) == google_module.MAX_HINTS
