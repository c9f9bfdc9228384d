"""OpenAI's official client against a small server that does as it is told: words, deaths, refusals, roll-overs.

The server's words are the audio itself: a voiced frame that begins with byte n is "word n", so that what was lost
or sent twice shows.
"""

from __future__ import annotations

import asyncio
import base64
import json
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from aiohttp import WSMsgType, web
from phone_support import DEADLINE_S, make_settings
from pydantic import SecretStr

from worker.audio.g711 import encode
from worker.speech import openai_transcription_session as session_module
from worker.speech import openai_transcription_socket as socket_module
from worker.speech.openai_transcription import OpenAIRecognizer
from worker.speech.recognizer import Recognition, RecognitionSession, Recognizer, RecognizerUnavailable

KEY = "sk-a-key-for-tests"
SILENCE = b"\xff" * 160
LEAD = session_module.LEAD_MS // 20
PAUSE = 20
"""Frames of silence that end an utterance."""


def _voice() -> bytes:
    """One frame of a vowel at 150 Hz, a whole number of periods."""
    time_s = np.arange(160) / 8000
    wave = sum(np.sin(2 * np.pi * 150 * harmonic * time_s) / harmonic for harmonic in range(1, 20))
    return encode((wave * 4000).astype(np.int16))


VOICE = _voice()


def word(number: int, frames: int = 10) -> list[bytes]:
    return [bytes([number]) + VOICE[1:]] * frames


def pause(frames: int = PAUSE) -> list[bytes]:
    return [SILENCE] * frames


def say(session: RecognitionSession, *parts: list[bytes]) -> None:
    for part in parts:
        for frame in part:
            session.feed(frame)


def words_in(audio: bytes) -> list[int]:
    """The words of audio, each once, in order; a silence has none."""
    words: list[int] = []
    for at in range(0, len(audio), 160):
        if audio[at + 1 : at + 160] == VOICE[1:] and words[-1:] != [audio[at]]:
            words.append(audio[at])
    return words


@dataclass
class Session:
    """One socket as the server sees it."""

    ws: web.WebSocketResponse
    request: web.Request
    number: int
    configurations: list[dict[str, Any]] = field(default_factory=list)
    utterances: list[bytes] = field(default_factory=list)
    """Committed."""
    audio: bytearray = field(default_factory=bytearray)
    """Not committed."""
    sizes: list[int] = field(default_factory=list)
    read: int = 0

    async def next(self) -> dict[str, Any]:
        """One message more. The socket's end ends the behaviour."""
        message = await asyncio.wait_for(self.ws.receive(), DEADLINE_S)
        if message.type is not WSMsgType.TEXT:
            raise _Gone
        event: dict[str, Any] = json.loads(message.data)
        match event["type"]:
            case "session.update":
                self.configurations.append(event)
            case "input_audio_buffer.append":
                content = base64.b64decode(event["audio"], validate=True)
                self.sizes.append(len(content))
                self.audio += content
            case "input_audio_buffer.commit":
                self.utterances.append(bytes(self.audio))
                self.audio.clear()
            case unknown:
                raise AssertionError(f"the client sent {unknown}")
        return event

    async def configured(self) -> dict[str, Any]:
        while not self.configurations:
            await self.next()
        return dict(self.configurations[-1]["session"])

    async def utterance(self) -> list[int]:
        """The words of the next utterance, once it is committed."""
        while len(self.utterances) <= self.read:
            await self.next()
        self.read += 1
        return words_in(self.utterances[self.read - 1])

    async def hear(self, number: int) -> None:
        """Until this word has come, in the utterance under way."""
        while number not in words_in(bytes(self.audio)):
            await self.next()

    async def send(self, kind: str, **content: Any) -> None:
        await self.ws.send_str(json.dumps({"type": kind, "event_id": "e", **content}))

    async def committed(self, item: str) -> None:
        await self.send("input_audio_buffer.committed", item_id=item, previous_item_id=None)

    async def delta(self, item: str, text: str) -> None:
        await self.send(f"{PREFIX}.delta", item_id=item, content_index=0, delta=text)

    async def completed(self, item: str, text: str) -> None:
        usage = {"type": "duration", "seconds": 1}
        await self.send(f"{PREFIX}.completed", item_id=item, content_index=0, transcript=text, usage=usage)

    async def final(self, item: str, text: str) -> None:
        await self.committed(item)
        await self.completed(item, text)

    async def failed(self, item: str, **error: Any) -> None:
        await self.send(f"{PREFIX}.failed", item_id=item, content_index=0, error=error)

    async def error(self, **error: Any) -> None:
        await self.send("error", error={"type": "invalid_request_error", "message": "no", **error})

    def abort(self) -> None:
        assert self.request.transport is not None
        self.request.transport.abort()


PREFIX = "conversation.item.input_audio_transcription"
Behaviour = Callable[[Session], Awaitable[None]]


class _Gone(Exception):
    """The client has closed."""


class Server:
    """The behaviours are those of the sessions that are configured, in order; the last repeats."""

    def __init__(self, behaviours: Sequence[Behaviour]) -> None:
        self.behaviours = behaviours
        self.handshakes: list[web.Request] = []
        self.sessions: list[Session] = []
        self.open = 0
        self.refuse: int | None = None
        self.greeting: Behaviour | None = None
        """In place of `session.created`."""
        self._news = asyncio.Event()

    async def connect(self, request: web.Request) -> web.StreamResponse:
        self.handshakes.append(request)
        if self.refuse is not None:
            self._news.set()
            raise _http(self.refuse)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        self.open += 1
        self._news.set()
        session = Session(ws, request, -1)
        try:
            if self.greeting is not None:
                await self.greeting(session)
            await session.send("session.created", session={"type": "transcription", "id": "s"})
            await session.configured()
            session.number = len(self.sessions)
            self.sessions.append(session)
            self._news.set()
            await self.behaviours[min(session.number, len(self.behaviours) - 1)](session)
        except (_Gone, ConnectionError):
            pass
        finally:
            self.open -= 1
            self._news.set()
        return ws

    async def until(self, ready: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not ready():
                self._news.clear()
                await self._news.wait()


def _http(status: int) -> web.HTTPException:
    kinds: dict[int, type[web.HTTPException]] = {
        401: web.HTTPUnauthorized,
        404: web.HTTPNotFound,
        503: web.HTTPServiceUnavailable,
    }
    return kinds[status](text=f"Incorrect API key provided: {KEY}")


@asynccontextmanager
async def recognizer_with(
    *behaviours: Behaviour, server: Server | None = None, **settings: Any
) -> AsyncIterator[tuple[Recognizer, Server]]:
    server = server or Server(behaviours)
    app = web.Application()
    app.router.add_get("/v1/realtime", server.connect)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    recognizer: Recognizer = OpenAIRecognizer(
        make_settings(
            openai_api_key=SecretStr(KEY),
            openai_base_url=f"http://127.0.0.1:{runner.addresses[0][1]}/v1",
            **settings,
        )
    )
    try:
        yield recognizer, server
    finally:
        await recognizer.close()
        await runner.cleanup()


async def open_session(recognizer: Recognizer) -> RecognitionSession:
    return await recognizer.open(language="en-US", hints=["Mara Rivera", "class 4B"])


async def next_result(results: AsyncIterator[Recognition]) -> Recognition:
    return await asyncio.wait_for(anext(results), DEADLINE_S)


async def texts(results: AsyncIterator[Recognition], finals: int) -> list[str]:
    """The texts of so many finals."""
    found: list[str] = []
    while len(found) < finals:
        if (one := await next_result(results)).is_final:
            found.append(one.text)
    return found


async def forever(session: Session) -> None:
    while True:
        await session.next()


async def understand(session: Session) -> None:
    """Say every utterance's words as numbers."""
    number = 0
    while True:
        heard = await session.utterance()
        number += 1
        await session.final(f"item{number}", " ".join(map(str, heard)))


async def test_audio_goes_as_it_is_and_words_come_as_they_are() -> None:
    heard = asyncio.Event()

    async def behave(session: Session) -> None:
        await session.hear(2)
        await session.delta("a", "hello")
        await session.delta("a", " there")
        heard.set()
        assert await session.utterance() == [1, 2]
        await session.committed("a")
        await session.delta("a", ",")
        await session.completed("a", "Hello there.")
        await forever(session)

    async with recognizer_with(behave) as (recognizer, server):
        session = await open_session(recognizer)
        results = session.results()
        say(session, pause(50), word(1), word(2))
        await asyncio.wait_for(heard.wait(), DEADLINE_S)
        assert await next_result(results) == Recognition("hello", False, session_module.STABILITY, 1.4)
        assert (await next_result(results)).text == "hello there"
        say(session, pause())
        assert (await next_result(results)).text == "hello there,"
        final = await next_result(results)
        assert (final.text, final.is_final) == ("Hello there.", True)
        assert final.end_s == pytest.approx(1.4, abs=0.03), "the end of the voice"
        stream = server.sessions[0]
        assert stream.request.query_string == "intent=transcription"
        assert stream.request.headers["Authorization"] == f"Bearer {KEY}"
        # What was committed is what was said, as it was said, from the lead to the pause.
        sent = stream.utterances[0]
        whole = b"".join([*pause(50), *word(1), *word(2), *pause()])
        assert whole.find(sent) >= 0
        assert 0 < sent.find(VOICE[1:]) <= LEAD * 160
        await session.close()
        assert [one async for one in results] == []


async def test_the_session_says_what_is_to_be_heard() -> None:
    async with recognizer_with(forever) as (recognizer, server):
        session = await open_session(recognizer)
        await server.until(lambda: bool(server.sessions))
        assert server.sessions[0].configurations[0]["session"] == {
            "type": "transcription",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcmu"},
                    "transcription": {
                        "model": "gpt-live-transcribe",
                        "languages": ["en"],
                        "keywords": ["Mara Rivera", "class 4B"],
                    },
                    "turn_detection": None,
                }
            },
        }
        await session.close()


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-transcribe", {"languages": ["en"], "keywords": ["Mara Rivera", "class 4B"]}),
        ("gpt-realtime-whisper", {"language": "en"}),
        ("gpt-4o-mini-transcribe", {"language": "en", "prompt": "Mara Rivera, class 4B"}),
    ],
)
async def test_each_model_gets_the_hints_it_takes(model: str, expected: dict[str, Any]) -> None:
    async with recognizer_with(forever, openai_transcription_model=model) as (recognizer, server):
        session = await open_session(recognizer)
        await server.until(lambda: bool(server.sessions))
        asked = dict((await server.sessions[0].configured())["audio"]["input"]["transcription"])
        assert asked.pop("model") == model
        assert set(asked) == set(expected)
        if "prompt" in expected:
            assert expected.pop("prompt") in asked.pop("prompt")
        assert asked == expected
        await session.close()


async def test_silence_is_not_sent() -> None:
    async with recognizer_with(understand) as (recognizer, server):
        session = await open_session(recognizer)
        results = session.results()
        say(session, pause(200), word(1), pause(200), word(2), pause(200))
        assert await texts(results, 2) == ["1", "2"]
        lengths = [len(one) // 160 for one in server.sessions[0].utterances]
        assert all(length <= LEAD + 10 + PAUSE for length in lengths), lengths
        assert not server.sessions[0].audio
        await session.close()


async def test_frames_go_out_as_they_come() -> None:
    """Nothing waits for a full packet: the words of the last 20 ms may be what the answer hangs on."""

    async def behave(session: Session) -> None:
        await session.hear(1)
        await session.delta("a", "one")
        await session.hear(2)
        await session.delta("a", " two")
        await forever(session)

    async with recognizer_with(behave) as (recognizer, _):
        session = await open_session(recognizer)
        results = session.results()
        say(session, word(1))
        assert (await next_result(results)).text == "one"
        say(session, word(2, frames=1))
        assert (await next_result(results)).text == "one two"
        await session.close()


async def test_finals_are_told_in_the_order_of_the_talk() -> None:
    async def behave(session: Session) -> None:
        for name in "abc":
            await session.utterance()
            await session.committed(name)
        await session.completed("c", "Three.")
        await session.delta("b", "tw")
        await session.completed("b", "Two.")
        await session.delta("a", "on")
        await session.completed("a", "One.")
        await forever(session)

    async with recognizer_with(behave) as (recognizer, _):
        session = await open_session(recognizer)
        results = session.results()
        say(session, pause(), word(1), pause(), word(2), pause(), word(3), pause())
        told = [await next_result(results) for _ in range(4)]
        assert [(one.text, one.is_final) for one in told] == [
            ("on", False),
            ("One.", True),
            ("Two.", True),
            ("Three.", True),
        ]
        assert [one.end_s for one in told] == sorted(one.end_s for one in told)
        await session.close()


async def test_the_next_hypothesis_waits_for_the_final_before_it() -> None:
    async def behave(session: Session) -> None:
        await session.utterance()
        await session.committed("a")
        await session.hear(2)
        await session.delta("b", "two")
        await session.completed("a", "One.")
        await forever(session)

    async with recognizer_with(behave) as (recognizer, _):
        session = await open_session(recognizer)
        results = session.results()
        say(session, word(1), pause(), word(2))
        told = [await next_result(results) for _ in range(2)]
        assert [(one.text, one.is_final) for one in told] == [("One.", True), ("two", False)]
        await session.close()


async def test_an_empty_final_takes_a_hypothesis_back() -> None:
    async def behave(session: Session) -> None:
        await session.hear(1)
        await session.delta("a", "Thank you")
        await session.utterance()
        await session.final("a", "")
        await session.utterance()
        await session.final("b", "")  # nothing was shown of this one: nobody needs to know
        await session.utterance()
        await session.final("c", "Three.")
        await forever(session)

    async with recognizer_with(behave) as (recognizer, _):
        session = await open_session(recognizer)
        results = session.results()
        say(session, word(1))
        assert (await next_result(results)).text == "Thank you"
        say(session, pause(), word(2), pause(), word(3), pause())
        assert await texts(results, 2) == ["", "Three."]
        await session.close()


async def test_a_socket_that_dies_is_replaced_and_what_had_no_final_is_sent_again() -> None:
    async def first(session: Session) -> None:
        assert await session.utterance() == [1]
        await session.final("a", "One.")
        assert await session.utterance() == [2]
        await session.committed("b")
        await session.delta("b", "tw")
        await session.hear(3)
        session.abort()

    async def second(session: Session) -> None:
        assert await session.utterance() == [2], "the first is settled"
        await session.final("x", "Two.")
        assert await session.utterance() == [3, 4]
        await session.final("y", "Three four.")
        await forever(session)

    async with recognizer_with(first, second) as (recognizer, server):
        session = await open_session(recognizer)
        results = session.results()
        say(session, pause(), word(1), pause(), word(2), pause())
        assert (await next_result(results)).text == "One."
        assert (await next_result(results)).text == "tw"
        say(session, word(3))
        await server.until(lambda: len(server.sessions) == 2)
        say(session, word(4), pause())
        two, three = await next_result(results), await next_result(results)
        assert [one.text for one in (two, three)] == ["Two.", "Three four."]
        position_s = 0.02 * (PAUSE + 10 + PAUSE + 10)
        assert two.end_s == pytest.approx(position_s, abs=0.03), "times go on as if nothing had happened"
        assert three.end_s == pytest.approx(position_s + 0.02 * (PAUSE + 20), abs=0.03)
        await session.close()


@pytest.mark.parametrize("how", ["closes", "aborts", "server error", "expired", "rate limit", "too large"])
async def test_however_it_dies(how: str) -> None:
    async def first(session: Session) -> None:
        await session.utterance()
        match how:
            case "closes":
                await session.ws.close()
            case "aborts":
                session.abort()
            case "server error":
                await session.error(type="server_error", message="an error")
            case "expired":
                await session.error(code="session_expired", message="maximum duration of 60 minutes")
                await session.ws.close(code=1001)
            case "rate limit":
                await session.failed("a", type="requests", code="rate_limit_exceeded", message="slow down")
            case "too large":
                await session.send("session.updated", session="x" * socket_module.MAX_MESSAGE_BYTES)
        await forever(session)

    async with recognizer_with(first, understand) as (recognizer, _):
        session = await open_session(recognizer)
        say(session, word(1), pause())
        assert await texts(session.results(), 1) == ["1"]
        await session.close()


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"not JSON",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"type": 7}',
        b'{"type": "error"}',
        b'{"type": "error", "error": "no"}',
        b'{"type": "input_audio_buffer.committed"}',
        b'{"type": "input_audio_buffer.committed", "item_id": null}',
        f'{{"type": "{PREFIX}.delta", "item_id": "a"}}'.encode(),
        f'{{"type": "{PREFIX}.delta", "item_id": "a", "delta": ["x"]}}'.encode(),
        f'{{"type": "{PREFIX}.completed", "item_id": "never-heard-of", "transcript": "Ghost."}}'.encode(),
        f'{{"type": "{PREFIX}.completed", "item_id": "a", "transcript": 3}}'.encode(),
        f'{{"type": "{PREFIX}.unheard_of", "item_id": "a"}}'.encode(),
    ],
)
async def test_a_message_that_makes_no_sense_changes_nothing(message: bytes) -> None:
    async def behave(session: Session) -> None:
        await session.ws.send_bytes(message)
        await understand(session)

    async with recognizer_with(behave) as (recognizer, server):
        session = await open_session(recognizer)
        say(session, word(1), pause())
        assert await texts(session.results(), 1) == ["1"]
        assert len(server.sessions) == 1
        await session.close()


async def test_an_utterance_that_fails_is_sent_again_and_then_taken_as_it_was_heard() -> None:
    async def fail(session: Session) -> None:
        await session.hear(1)
        await session.delta("a", "on")
        assert await session.utterance() == [1]
        await session.committed("a")
        await session.failed("a", type="server_error", message="cannot")
        await understand(session)

    async with recognizer_with(fail) as (recognizer, server):
        session = await open_session(recognizer)
        say(session, pause(), word(1), pause())
        results = session.results()
        assert await texts(results, 1) == ["on"]
        assert len(server.sessions) == 2
        say(session, word(2), pause())
        assert await texts(results, 1) == ["2"]
        await session.close()


async def test_a_final_that_never_comes_is_a_death(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "FINAL_DEADLINE_S", 0.3)
    monkeypatch.setattr(session_module, "LOOK_S", 0.05)
    async with recognizer_with(forever, understand) as (recognizer, server):
        session = await open_session(recognizer)
        say(session, word(1), pause())
        assert await texts(session.results(), 1) == ["1"]
        assert len(server.sessions) == 2
        await session.close()


async def test_an_old_session_is_left_in_a_silence_for_one_that_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "ROLL_S", 0.5)
    monkeypatch.setattr(session_module, "READY_BEFORE_S", 0.2)
    monkeypatch.setattr(socket_module, "SPARE_S", 0.2)
    monkeypatch.setattr(session_module, "LOOK_S", 0.02)

    async def first(session: Session) -> None:
        assert await session.utterance() == [1]
        await session.final("a", "One.")
        assert await session.utterance() == [2, 3], "not in the middle of it, though it is old by now"
        await session.final("b", "Two three.")
        await forever(session)

    async def second(session: Session) -> None:
        assert await session.utterance() == [4]
        await session.final("a", "Four.")
        await forever(session)

    async with recognizer_with(first, second) as (recognizer, server):
        session = await open_session(recognizer)
        results = session.results()
        say(session, pause(), word(1), pause(), word(2))
        assert (await next_result(results)).text == "One."
        await asyncio.sleep(0.6)  # past the session's age
        assert len(server.sessions) == 1
        say(session, word(3), pause())
        assert await texts(results, 1) == ["Two three."]
        await server.until(lambda: len(server.sessions) == 2)
        say(session, word(4), pause())
        assert await texts(results, 1) == ["Four."]
        await session.close()


async def test_a_roll_over_in_the_midst_of_speech_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions far too short for the talk, speech without a rest: each word is told once."""
    monkeypatch.setattr(session_module, "ROLL_S", 0.1)
    monkeypatch.setattr(session_module, "ROLL_HARD_S", 0.5)
    monkeypatch.setattr(session_module, "LOOK_S", 0.02)
    async with recognizer_with(understand) as (recognizer, server):
        session = await open_session(recognizer)
        said = list(range(1, 21))

        async def talk() -> None:
            for number in said:
                for frame in [*word(number, frames=6), *pause(PAUSE if number % 3 == 0 else 2)]:
                    session.feed(frame)
                    await asyncio.sleep(0.02)  # the pace of audio
            say(session, pause())

        talking = asyncio.create_task(talk())
        told: list[int] = []
        async for one in session.results():
            if one.is_final:
                told += [int(number) for number in one.text.split()]
            if told[-1:] == [20]:
                break
        await talking
        assert told == said
        assert len(server.sessions) > 2
        await session.close()


async def test_a_very_old_session_is_left_in_mid_sentence_which_is_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_module, "ROLL_S", 0.1)
    monkeypatch.setattr(session_module, "ROLL_HARD_S", 0.4)
    monkeypatch.setattr(session_module, "LOOK_S", 0.02)
    async with recognizer_with(forever, understand) as (recognizer, server):
        session = await open_session(recognizer)
        say(session, pause(), word(1), word(2))
        await server.until(lambda: len(server.sessions) == 2)
        monkeypatch.setattr(session_module, "ROLL_HARD_S", 60.0)
        say(session, word(3), pause())
        assert await texts(session.results(), 1) == ["1 2 3"]
        await session.close()


async def test_it_gives_up_after_so_many_sockets_that_die_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(session_module, "LONGEST_PAUSE_S", 0.02)

    async def die(session: Session) -> None:
        session.abort()

    async with recognizer_with(die) as (recognizer, server):
        session = await open_session(recognizer)
        with pytest.raises(RecognizerUnavailable, match="died"):
            await next_result(session.results())
        assert len(server.sessions) == session_module.ATTEMPTS
        say(session, word(1))
        await session.close()


async def test_deaths_are_bounded_however_long_each_socket_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "YOUNG_S", 0.0)
    monkeypatch.setattr(session_module, "MAX_DEATHS", 3)

    async def die(session: Session) -> None:
        session.abort()

    async with recognizer_with(die) as (recognizer, server):
        session = await open_session(recognizer)
        with pytest.raises(RecognizerUnavailable):
            await next_result(session.results())
        assert len(server.sessions) == 4
        await session.close()


@pytest.mark.parametrize(("status", "remedy"), [(401, "OPENAI_API_KEY"), (404, "OPENAI_BASE_URL")])
async def test_a_refused_handshake_is_not_tried_again(status: int, remedy: str) -> None:
    server = Server([forever])
    server.refuse = status
    async with recognizer_with(server=server) as (recognizer, _):
        with pytest.raises(RecognizerUnavailable, match=remedy) as refused:
            await open_session(recognizer)
        assert KEY not in str(refused.value)
        assert len(server.handshakes) == 1


async def test_a_server_that_is_busy_for_a_moment_is_asked_again() -> None:
    server = Server([understand])
    server.refuse = 503
    async with recognizer_with(server=server) as (recognizer, _):
        with pytest.raises(RecognizerUnavailable, match="503"):
            await recognizer.warm_up()
        server.refuse = None
        session = await open_session(recognizer)
        say(session, word(1), pause())
        assert await texts(session.results(), 1) == ["1"]
        await session.close()


async def test_a_key_refused_behind_the_handshake() -> None:
    async def refuse(session: Session) -> None:
        await session.ws.close(code=3000, message=b"invalid_request_error.invalid_api_key")
        raise _Gone

    server = Server([forever])
    server.greeting = refuse
    async with recognizer_with(server=server) as (recognizer, _):
        with pytest.raises(RecognizerUnavailable, match="OPENAI_API_KEY"):
            await recognizer.warm_up()
        assert len(server.handshakes) == 1


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        ({"code": "model_not_found", "message": "no such model"}, "OPENAI_TRANSCRIPTION_MODEL"),
        (
            {"code": "invalid_value", "param": "session.audio.input.transcription.model", "event_id": "configure"},
            "OPENAI_TRANSCRIPTION_MODEL",
        ),
        ({"code": "invalid_api_key", "message": f"Incorrect API key provided: {KEY}"}, "OPENAI_API_KEY"),
        ({"type": "permission_error", "message": "not yours"}, "OPENAI_API_KEY"),
        ({"code": "insufficient_quota", "message": "You exceeded your quota"}, "billing"),
    ],
)
async def test_what_can_not_get_better_is_not_tried_again(error: dict[str, Any], remedy: str) -> None:
    async def refuse(session: Session) -> None:
        await session.error(**error)
        await session.ws.close()

    async with recognizer_with(refuse) as (recognizer, server):
        session = await open_session(recognizer)
        with pytest.raises(RecognizerUnavailable, match=remedy) as refused:
            await next_result(session.results())
        assert KEY not in str(refused.value)
        assert len(server.sessions) == 1
        await session.close()


async def test_an_account_without_credit_shows_at_the_first_utterance() -> None:
    async def refuse(session: Session) -> None:
        await session.utterance()
        await session.committed("a")
        await session.failed("a", type="insufficient_quota", code="insufficient_quota", message="No credit")
        await forever(session)

    async with recognizer_with(refuse) as (recognizer, server):
        session = await open_session(recognizer)
        say(session, word(1), pause())
        with pytest.raises(RecognizerUnavailable, match="credit"):
            await next_result(session.results())
        assert len(server.sessions) == 1
        await session.close()


async def test_a_server_that_takes_no_hints_is_asked_without() -> None:
    async def refuse(session: Session) -> None:
        await session.error(
            code="unknown_parameter", param="session.audio.input.transcription.keywords", event_id="configure"
        )
        await forever(session)

    async with recognizer_with(refuse, understand) as (recognizer, server):
        session = await open_session(recognizer)
        say(session, word(1), pause())
        assert await texts(session.results(), 1) == ["1"]
        asked = (await server.sessions[1].configured())["audio"]["input"]["transcription"]
        assert asked == {"model": "gpt-live-transcribe"}
        await session.close()


async def test_a_server_that_takes_no_session_at_all_is_given_up() -> None:
    async def refuse(session: Session) -> None:
        await session.error(code="unknown_parameter", param="session.audio", event_id="configure")
        await forever(session)

    async with recognizer_with(refuse) as (recognizer, server):
        session = await open_session(recognizer)
        with pytest.raises(RecognizerUnavailable, match="OPENAI_TRANSCRIPTION_MODEL"):
            await next_result(session.results())
        assert len(server.sessions) == 2
        await session.close()


async def test_feeding_is_bounded_and_never_waits_while_nobody_takes_the_audio() -> None:
    async def deaf(session: Session) -> None:
        await asyncio.Event().wait()

    async with recognizer_with(deaf) as (recognizer, server):
        session = await open_session(recognizer)
        await server.until(lambda: bool(server.sessions))
        tracemalloc.start()
        try:
            for number in range(60):
                say(session, word(number + 1, frames=300))  # six minutes of talk in all
                await asyncio.sleep(0)
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held < 2_000_000, "of 2.9 MB of audio, and twice that in base64"
        await asyncio.wait_for(session.close(), DEADLINE_S)


async def test_a_socket_that_takes_no_audio_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_module, "SEND_DEADLINE_S", 0.3)
    monkeypatch.setattr(session_module, "FINAL_DEADLINE_S", 60.0)
    full = asyncio.Event()

    async def stop_reading(session: Session) -> None:
        assert session.request.transport is not None
        session.request.transport.pause_reading()  # type: ignore[attr-defined]
        await full.wait()

    async with recognizer_with(stop_reading, understand) as (recognizer, server):
        session = await open_session(recognizer)
        results = session.results()
        await server.until(lambda: len(server.sessions) == 1)

        async def talk() -> None:
            number = 0
            while len(server.sessions) < 2:
                number = number % 200 + 1
                say(session, word(number, frames=200))  # faster than life, to fill the buffers on the way
                await asyncio.sleep(0.01)
            say(session, pause(), word(250), pause())

        talking = asyncio.create_task(talk())
        async with asyncio.timeout(DEADLINE_S):
            async for one in results:
                if one.is_final and one.text.endswith("250"):
                    break
        await talking
        full.set()
        await session.close()


async def test_connecting_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_module, "CONNECT_DEADLINE_S", 0.2)

    async def say_nothing(session: Session) -> None:
        await forever(session)

    server = Server([forever])
    server.greeting = say_nothing
    async with recognizer_with(server=server) as (recognizer, _):
        with pytest.raises(RecognizerUnavailable, match="in time"):
            await asyncio.wait_for(recognizer.warm_up(), DEADLINE_S)
        await server.until(lambda: server.open == 0)


async def test_warm_means_that_opening_needs_no_handshake() -> None:
    async with recognizer_with(understand) as (recognizer, server):
        await asyncio.gather(recognizer.warm_up(), recognizer.warm_up())
        assert len(server.handshakes) == 1
        first = await open_session(recognizer)
        await server.until(lambda: len(server.handshakes) == 2)  # the next spare
        await server.until(lambda: server.open == 2)
        second = await open_session(recognizer)
        for session in (first, second):
            say(session, word(1), pause())
            assert await texts(session.results(), 1) == ["1"]
        await first.close()
        await second.close()
        await server.until(lambda: server.open == 1)  # the spare
        await recognizer.close()
        await server.until(lambda: server.open == 0)


async def test_a_spare_that_has_died_is_noticed() -> None:
    async with recognizer_with(understand) as (recognizer, server):
        await recognizer.warm_up()
        transport = server.handshakes[0].transport
        assert transport is not None
        transport.abort()
        await server.until(lambda: server.open == 0)
        session = await open_session(recognizer)
        say(session, word(1), pause())
        assert await texts(session.results(), 1) == ["1"]
        assert len(server.sessions) == 1
        await session.close()


async def test_an_old_spare_is_dropped_and_during_a_call_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_module, "SPARE_S", 0.2)
    async with recognizer_with(understand) as (recognizer, server):
        await recognizer.warm_up()
        await server.until(lambda: server.open == 0)
        session = await open_session(recognizer)
        await server.until(lambda: len(server.handshakes) >= 5)
        assert server.open <= 3  # the session's, the spare, and one that is just being left
        await session.close()
        await server.until(lambda: server.open == 0)
        count = len(server.handshakes)
        say(session, word(1), pause())
        await asyncio.sleep(0.5)  # two spares' lives: nobody makes any without a call
        assert len(server.handshakes) == count


async def test_closing_ends_a_session_that_is_still_connecting() -> None:
    async def say_nothing(session: Session) -> None:
        await forever(session)

    async with recognizer_with(understand) as (recognizer, server):
        session = await open_session(recognizer)
        await session.close()
        await session.close()
        assert [one async for one in session.results()] == []
        server.greeting = say_nothing
        warming = asyncio.create_task(recognizer.warm_up())
        await asyncio.sleep(0)
        await asyncio.wait_for(recognizer.close(), DEADLINE_S)
        await asyncio.wait([warming], timeout=DEADLINE_S)
        assert warming.done()
        if not warming.cancelled():
            warming.exception()
        await server.until(lambda: server.open == 0)
