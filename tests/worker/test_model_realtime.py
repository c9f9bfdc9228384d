"""The speech-to-speech session against a real server that speaks OpenAI's realtime protocol, well and badly; and
against the rehearsal's."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from phone_support import make_settings
from pydantic import SecretStr

from rehearsal import g711
from rehearsal.openai import server as openai_server
from rehearsal.state import RehearsalState
from worker.model import openai_realtime, openai_realtime_session
from worker.model.language_model import Finished, Message, ModelUnavailable, Prompt, TextDelta, Tool, ToolCall
from worker.model.openai_realtime import OpenAIRealtime
from worker.model.openai_realtime_input import (
    LONGEST_SPEECH_S,
    NOT_UNDERSTOOD,
    TRANSCRIPT_DEADLINE_S,
    UNKNOWN_S,
    InputItems,
)
from worker.model.openai_realtime_session import RealtimeSession
from worker.model.speech_to_speech import AnswerEvent, SpeechDelta, SpokenAnswer, SpokenSession
from worker.speech.recognizer import UNKNOWN_WORDS, Recognition, RecognizerUnavailable

KEY = "sk-very-secret-key"
DEADLINE_S = 10.0
SILENCE = b"\xff" * 160
NONSENSE = (
    "",
    "null",
    "[]",
    "{",
    "{}",
    '{"type": 7}',
    '{"type": "response.done"}',
    '{"type": "response.done", "response": {"id": null}}',
    '{"type": "error", "error": null}',
    '{"type": "response.output_audio.delta", "response_id": "resp1", "item_id": "x", "delta": "%"}',
    '{"type": "input_audio_buffer.speech_stopped", "item_id": "a", "audio_end_ms": "soon"}',
    '{"type": "conversation.item.input_audio_transcription.completed", "item_id": "nobody"}',
)
TOOL = Tool("end_call", "Hang up.", {"type": "object", "properties": {}})
PROMPT = Prompt(messages=(Message("system", "Be brief."), Message("user", "Hi")), tools=(TOOL,), max_tokens=50)


class Server:
    """Speaks the protocol's handshake; what else a test wants it does with `send` and `received`."""

    def __init__(self) -> None:
        self.url = ""
        self.connections = 0
        self.refuse_with: int | None = None
        self.greets_with: dict[str, Any] | None = {"type": "session.created", "session": {}}
        self.configures = True
        self.messages: list[dict[str, Any]] = []
        self.audio = bytearray()
        self._socket: web.WebSocketResponse | None = None
        self._news = asyncio.Condition()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if self.refuse_with is not None:
            body = {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}}
            return web.json_response(body, status=self.refuse_with)
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        assert request.query["model"] == "m1"
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._socket = socket
        self.connections += 1
        if self.greets_with is not None:
            await self.send(self.greets_with)
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            await self._take(json.loads(message.data))
        return socket

    async def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "input_audio_buffer.append":
            self.audio += base64.b64decode(message["audio"])
        else:
            self.messages.append(message)
        if message["type"] == "session.update" and self.configures:
            await self.send({"type": "session.updated", "session": {}})
        async with self._news:
            self._news.notify_all()

    async def send(self, *events: dict[str, Any]) -> None:
        assert self._socket is not None
        for event in events:
            await self._socket.send_str(json.dumps({"event_id": "e", **event}))

    async def send_raw(self, text: str) -> None:
        assert self._socket is not None
        await self._socket.send_str(text)

    def die(self) -> None:
        assert self._socket is not None
        transport = self._socket._req.transport if self._socket._req is not None else None
        assert transport is not None
        transport.abort()

    async def until(self, is_there: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE_S), self._news:
            await self._news.wait_for(is_there)

    async def received(self, kind: str, times: int = 1) -> list[dict[str, Any]]:
        """The messages of a kind, once there are so many."""
        await self.until(lambda: len(self.of(kind)) >= times)
        return self.of(kind)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    # what the server says
    async def hears(self, item: str, text: str | None, end_ms: int = 1000) -> None:
        await self.send({"type": "input_audio_buffer.speech_stopped", "item_id": item, "audio_end_ms": end_ms})
        if text is not None:
            await self.transcribes(item, text)

    async def transcribes(self, item: str, text: str) -> None:
        kind = "conversation.item.input_audio_transcription.completed"
        await self.send({"type": kind, "item_id": item, "content_index": 0, "transcript": text})

    async def answers(self, number: int, text: str = "Hello there.", audio_ms: int = 1000) -> str:
        """Everything of an answer but its end; returns the item's id."""
        answer, item = f"resp{number}", f"said{number}"
        where = {"response_id": answer, "item_id": item, "output_index": 0, "content_index": 0}
        await self.send(
            {"type": "response.created", "response": {"id": answer, "status": "in_progress"}},
            {"type": "response.output_item.added", "response_id": answer, "item": {"id": item, "type": "message"}},
            {"type": "response.output_audio_transcript.delta", **where, "delta": text},
            {
                "type": "response.output_audio.delta",
                **where,
                "delta": base64.b64encode(b"\x10" * (audio_ms * 8)).decode(),
            },
        )
        return item

    async def calls(self, number: int) -> None:
        item = {"id": f"call{number}", "type": "function_call", "call_id": f"c{number}", "name": "end_call"}
        event = {"type": "response.output_item.done", "response_id": f"resp{number}"}
        await self.send({**event, "item": {**item, "arguments": '{"reason": "done"}'}})

    async def ends(self, number: int, status: str = "completed", **more: Any) -> None:
        usage = {"input_tokens": 7, "output_tokens": 3}
        response = {"id": f"resp{number}", "status": status, "usage": usage, **more}
        await self.send({"type": "response.done", "response": response})


@asynccontextmanager
async def provider_at(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[OpenAIRealtime]:
    app = web.Application()
    app.router.add_get("/v1/realtime", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    settings = make_settings(openai_base_url=base, openai_api_key=SecretStr(KEY), openai_realtime_model="m1")
    provider = OpenAIRealtime(settings)
    try:
        yield provider
    finally:
        await provider.close()
        await runner.cleanup()


@asynccontextmanager
async def session_at(server: Server, **more: Any) -> AsyncIterator[RealtimeSession]:
    async with provider_at(server.serve) as provider:
        session = await provider.open(**{"language": "en-US", "hints": ["Dana"], **more})
        try:
            yield session
        finally:
            await session.close()


async def everything(answer: SpokenAnswer) -> list[AnswerEvent]:
    async with asyncio.timeout(DEADLINE_S):
        return [event async for event in answer.events()]


async def next_of(results: AsyncIterator[Recognition]) -> Recognition:
    async with asyncio.timeout(DEADLINE_S):
        return await anext(results)


# -- the session ------------------------------------------------------------------------------------------------


async def test_the_session_is_told_how_to_hear_and_speak() -> None:
    server = Server()
    async with session_at(server) as session:
        assert isinstance(session, SpokenSession)
        (update,) = await server.received("session.update")
        heard, spoken = update["session"]["audio"]["input"], update["session"]["audio"]["output"]
        assert heard["format"] == spoken["format"] == {"type": "audio/pcmu"}
        assert heard["turn_detection"]["create_response"] is heard["turn_detection"]["interrupt_response"] is False
        assert heard["transcription"] == {"model": "gpt-transcribe", "languages": ["en"], "keywords": ["Dana"]}
        assert spoken["voice"] == "alloy"


async def test_audio_goes_out_as_it_comes() -> None:
    server = Server()
    async with session_at(server) as session:
        for number in range(10):
            session.feed(bytes([number]) * 160)
        await server.until(lambda: len(server.audio) >= 1600)
        assert bytes(server.audio) == b"".join(bytes([number]) * 160 for number in range(10))


async def test_what_is_heard_comes_in_the_order_of_speech() -> None:
    server = Server()
    async with session_at(server) as session:
        results = session.results()
        await server.hears("a", None, 1000)
        await server.hears("b", None, 2000)
        assert (await next_of(results)).text == UNKNOWN_WORDS
        assert (await next_of(results)).text == f"{UNKNOWN_WORDS} {UNKNOWN_WORDS}"
        await server.transcribes("b", "And Ortiz.")
        assert (await next_of(results)) == Recognition(f"{UNKNOWN_WORDS} And Ortiz.", False, 0.5, 2.0)
        await server.transcribes("a", "Dana here.")
        assert (await next_of(results)) == Recognition("Dana here.", True, 1.0, 1.0)
        assert (await next_of(results)) == Recognition("And Ortiz.", True, 1.0, 2.0)


async def test_words_are_awaited_from_the_beginning_of_speech() -> None:
    server = Server()
    async with session_at(server) as session:
        results = session.results()
        await server.send({"type": "input_audio_buffer.speech_started", "item_id": "a", "audio_start_ms": 10})
        assert (await next_of(results)).text == UNKNOWN_WORDS
        await server.hears("a", "Dana here.")
        assert (await next_of(results)) == Recognition("Dana here.", True, 1.0, 1.0)


def test_words_are_not_awaited_for_ever() -> None:
    items = InputItems()
    items.begin("a", 0.0)
    assert [one.text for one in items.take(0.0)[0]] == [UNKNOWN_WORDS]
    assert items.look_again_s(0.0) == LONGEST_SPEECH_S
    assert [one.text for one in items.take(LONGEST_SPEECH_S)[0]] == [""]
    items.cut("a", 8000, 30.0)
    assert [one.text for one in items.take(30.0)[0]] == [UNKNOWN_WORDS]
    assert items.look_again_s(30.0) == pytest.approx(UNKNOWN_S)
    assert [one.text for one in items.take(30.01 + UNKNOWN_S)[0]] == [""]
    results, settled = items.take(30.01 + TRANSCRIPT_DEADLINE_S)
    assert [(one.text, one.is_final) for one in results] == [(NOT_UNDERSTOOD, True)]
    assert settled == 8000
    assert items.look_again_s(40.0) is None


async def test_words_come_as_they_are_written_down() -> None:
    server = Server()
    async with session_at(server) as session:
        results = session.results()
        await server.hears("a", None)
        kind = "conversation.item.input_audio_transcription.delta"
        await server.send(
            {"type": kind, "item_id": "a", "delta": "Dana"}, {"type": kind, "item_id": "a", "delta": " here"}
        )
        await server.transcribes("a", "Dana here.")
        texts = [await next_of(results) for _ in range(4)]
        assert [(one.text, one.is_final) for one in texts] == [
            (UNKNOWN_WORDS, False), ("Dana", False), ("Dana here", False), ("Dana here.", True)
        ]  # fmt: skip


async def test_noise_leaves_no_words() -> None:
    server = Server()
    async with session_at(server) as session:
        results = session.results()
        await server.hears("a", "  ")
        assert [(await next_of(results)).text for _ in range(2)] == [UNKNOWN_WORDS, ""]


async def test_words_that_could_not_be_written_down_are_words_all_the_same() -> None:
    server = Server()
    async with session_at(server) as session:
        results = session.results()
        await server.hears("a", None)
        kind = "conversation.item.input_audio_transcription.failed"
        await server.send({"type": kind, "item_id": "a", "error": {"message": "no"}})
        assert (await next_of(results)).text == UNKNOWN_WORDS
        assert (await next_of(results)) == Recognition(NOT_UNDERSTOOD, True, 1.0, 1.0)


# -- answers ----------------------------------------------------------------------------------------------------


async def test_an_answer_has_words_audio_and_tools() -> None:
    server = Server()
    async with session_at(server) as session:
        answer = session.answer(PROMPT)
        (asked,) = await server.received("response.create")
        assert asked["response"]["max_output_tokens"] == 400
        await server.answers(1)
        await server.calls(1)
        await server.ends(1)
        events = await everything(answer)
        assert events == [
            TextDelta("Hello there."),
            SpeechDelta(b"\x10" * 8000),
            ToolCall("end_call", '{"reason": "done"}'),
            Finished("completed", 7, 3),
        ]
        assert server.of("conversation.item.create") == []
        answer.heard(None)
        (created,) = await server.received("conversation.item.create")
        assert created["item"]["type"] == "function_call_output"
        assert created["item"]["call_id"] == "c1"


async def test_instructions_are_sent_when_they_change() -> None:
    server = Server()
    async with session_at(server) as session:
        for number in (1, 2):
            answer = session.answer(PROMPT)
            await server.received("response.create", number)
            await server.answers(number)
            await server.ends(number)
            await everything(answer)
        session.answer(Prompt(messages=(Message("system", "Leave a message."),)))
        updates = [message["session"] for message in await server.received("session.update", 3)]
        assert [update.get("instructions") for update in updates] == [None, "Be brief.", "Leave a message."]
        assert updates[1]["tools"][0]["name"] == "end_call"
        assert updates[2]["tools"] == []
        kinds = [message["type"] for message in server.messages]
        assert kinds.index("response.create") > kinds.index("session.update")


async def test_what_was_not_heard_is_forgotten() -> None:
    server = Server()
    async with session_at(server) as session:
        answer = session.answer(PROMPT)
        await server.received("response.create")
        await server.answers(1, audio_ms=2000)
        await server.calls(1)
        async with asyncio.timeout(DEADLINE_S):
            async for event in answer.events():
                if isinstance(event, ToolCall):
                    break
        answer.heard(0.75)
        (cancelled,) = await server.received("response.cancel")
        assert cancelled["response_id"] == "resp1"
        assert server.of("conversation.item.truncate") == []
        await server.ends(1, "cancelled")
        (cut,) = await server.received("conversation.item.truncate")
        assert (cut["item_id"], cut["content_index"], cut["audio_end_ms"]) == ("said1", 0, 750)
        (deleted,) = await server.received("conversation.item.delete")
        assert deleted["item_id"] == "call1"


async def test_an_answer_that_nobody_heard_has_never_been() -> None:
    server = Server()
    async with session_at(server) as session:
        answer = session.answer(PROMPT)
        await server.received("response.create")
        item = await server.answers(1)
        await server.ends(1)
        await everything(answer)
        answer.heard(0.0)
        (deleted,) = await server.received("conversation.item.delete")
        assert deleted["item_id"] == item


async def test_one_answer_at_a_time() -> None:
    server = Server()
    async with session_at(server) as session:
        first, second, third = (session.answer(PROMPT) for _ in range(3))
        assert await everything(first) == [Finished("cancelled")]
        assert await everything(second) == [Finished("cancelled")]
        await server.received("response.cancel")
        assert len(server.of("response.create")) == 1
        await server.answers(1)
        await server.ends(1, "cancelled")
        await server.received("response.create", 2)
        await server.answers(2, "The third.")
        await server.ends(2)
        assert (await everything(third))[0] == TextDelta("The third.")


async def test_a_cancelled_answer_that_never_ends_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_realtime_session, "CANCEL_DEADLINE_S", 0.05)
    server = Server()
    async with session_at(server) as session:
        session.answer(PROMPT).cancel()
        answer = session.answer(PROMPT)
        await server.received("response.create", 2)
        await server.answers(2)
        await server.ends(2)
        assert (await everything(answer))[-1] == Finished("completed", 7, 3)


async def test_a_failed_answer_says_why() -> None:
    server = Server()
    async with session_at(server) as session:
        answer = session.answer(PROMPT)
        await server.received("response.create")
        await server.answers(1)
        details = {"type": "failed", "error": {"code": "server_error", "message": "Sorry about that."}}
        await server.ends(1, "failed", status_details=details)
        with pytest.raises(ModelUnavailable, match="Sorry about that"):
            await everything(answer)
        refused = session.answer(PROMPT)
        asked = (await server.received("response.create", 2))[1]
        error = {"type": "invalid_request_error", "message": "Not now.", "event_id": asked["event_id"]}
        await server.send({"type": "error", "error": error})
        with pytest.raises(ModelUnavailable, match="Not now"):
            await everything(refused)


async def test_other_words_are_told_in_order() -> None:
    server = Server()
    async with session_at(server) as session:
        session.tell(Message("assistant", "Hi, this is Floyd."))
        session.tell(Message("system", "The key 1 was pressed."))
        session.answer(PROMPT)
        await server.received("response.create")
        created = [message["item"] for message in server.of("conversation.item.create")]
        assert [(item["role"], item["content"][0]) for item in created] == [
            ("assistant", {"type": "output_text", "text": "Hi, this is Floyd."}),
            ("system", {"type": "input_text", "text": "The key 1 was pressed."}),
        ]


# -- trouble ----------------------------------------------------------------------------------------------------


async def test_messages_of_another_shape_are_no_events() -> None:
    server = Server()
    async with session_at(server) as session:
        answer = session.answer(PROMPT)
        await server.received("response.create")
        for text in NONSENSE:
            await server.send_raw(text)
        await server.answers(1)
        await server.ends(1)
        assert (await everything(answer))[-1] == Finished("completed", 7, 3)


async def test_a_dead_socket_is_replaced_and_the_new_one_told_everything() -> None:
    server = Server()
    async with session_at(server) as session:
        results = session.results()
        remembered = [Message("assistant", "Hi, this is Floyd."), Message("user", "Dana here.")]
        session.remind_by(lambda: remembered)
        session.feed(b"\x01" * 8000)
        await server.until(lambda: len(server.audio) >= 8000)
        await server.hears("a", "Dana here.", 500)
        await next_of(results)
        assert (await next_of(results)).is_final
        broken = session.answer(PROMPT)
        await server.received("response.create")
        await server.answers(1)
        server.audio.clear()
        server.messages.clear()
        server.die()
        with pytest.raises(ModelUnavailable, match="broke off"):
            await everything(broken)
        answer = session.answer(PROMPT)
        await server.received("response.create")
        assert server.connections == 2
        created = [message["item"]["content"][0]["text"] for message in server.of("conversation.item.create")]
        assert created == [message.content for message in remembered]
        assert server.of("session.update")[-1]["session"]["instructions"] == "Be brief."
        # The audio that had no transcript yet comes again, and its times count on.
        await server.until(lambda: len(server.audio) >= 4000)
        assert len(server.audio) == 4000
        await server.hears("b", "And Ortiz.", 250)
        assert (await next_of(results)).text == UNKNOWN_WORDS
        assert (await next_of(results)) == Recognition("And Ortiz.", True, 1.0, 0.75)
        broken.heard(0.2)
        await server.answers(1)
        await server.ends(1)
        assert (await everything(answer))[0] == TextDelta("Hello there.")
        assert server.of("conversation.item.truncate") == []


async def test_a_socket_that_dies_again_ends_the_recognition() -> None:
    server = Server()
    async with session_at(server) as session:
        results = session.results()
        server.die()
        await server.until(lambda: server.connections == 2 and len(server.of("session.update")) == 2)
        waiting = session.answer(PROMPT)
        await server.received("response.create")
        server.die()
        with pytest.raises(RecognizerUnavailable, match="twice"):
            await next_of(results)
        for answer in (waiting, session.answer(PROMPT)):
            with pytest.raises(ModelUnavailable):
                await everything(answer)


@pytest.mark.parametrize(("status", "remedy"), [(401, "OPENAI_API_KEY"), (404, "OPENAI_REALTIME_MODEL")])
async def test_a_refusal_names_the_remedy_and_no_secret(status: int, remedy: str) -> None:
    server = Server()
    server.refuse_with = status
    async with provider_at(server.serve) as provider:
        for attempt in (provider.warm_up(), provider.open(language="", hints=[])):
            with pytest.raises(RecognizerUnavailable, match=remedy) as caught:
                await attempt
            assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        ({"code": "invalid_api_key", "message": f"Incorrect API key {KEY}"}, "OPENAI_API_KEY"),
        ({"code": "model_not_found", "message": "No such model."}, "OPENAI_REALTIME_MODEL"),
        ({"code": "insufficient_quota", "message": "You exceeded your quota."}, "credit"),
        ({"code": "rate_limit_exceeded", "message": "Slow down."}, "Slow down"),
    ],
)
async def test_an_error_in_place_of_a_session_is_readable(error: dict[str, Any], remedy: str) -> None:
    server = Server()
    server.greets_with = {"type": "error", "error": error}
    async with provider_at(server.serve) as provider:
        with pytest.raises(RecognizerUnavailable, match=remedy) as caught:
            await provider.open(language="en-US", hints=[])
        assert KEY not in str(caught.value)


async def test_a_session_that_is_not_configured_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_realtime, "READY_DEADLINE_S", 0.1)
    server = Server()
    server.configures = False
    async with provider_at(server.serve) as provider:
        with pytest.raises(RecognizerUnavailable, match="within"):
            await provider.open(language="en-US", hints=[])


async def test_a_socket_made_before_the_call_is_used() -> None:
    server = Server()
    async with provider_at(server.serve) as provider:
        await provider.warm_up()
        session = await provider.open(language="en-US", hints=[])
        assert server.connections == 1
        await session.close()


async def test_a_spare_socket_that_died_is_replaced() -> None:
    server = Server()
    async with provider_at(server.serve) as provider:
        await provider.warm_up()
        server.die()
        async with asyncio.timeout(DEADLINE_S):
            session = await provider.open(language="en-US", hints=[])
        assert server.connections == 2
        await session.close()


# -- against the rehearsal --------------------------------------------------------------------------------------


@asynccontextmanager
async def rehearsed() -> AsyncIterator[tuple[RehearsalState, OpenAIRealtime, str]]:
    state = RehearsalState.load()
    app = web.Application()
    app.add_subapp("/v1", openai_server.make_app(state))
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    provider = OpenAIRealtime(make_settings(openai_api_key=SecretStr("any"), openai_base_url=base))
    try:
        yield state, provider, base
    finally:
        await provider.close()
        await runner.cleanup()


async def test_the_rehearsal_refuses_what_the_real_one_would() -> None:
    async with rehearsed() as (_, _, base), aiohttp.ClientSession() as http:
        address = f"{base}/realtime?model=any"
        async with http.get(address) as response:
            assert response.status == 401
        headers = {"Authorization": "Bearer any"}
        async with http.get(f"{base}/realtime", headers=headers) as response:
            assert response.status == 400
        async with http.ws_connect(address, headers=headers) as socket, asyncio.timeout(DEADLINE_S):
            assert (await socket.receive_json())["type"] == "session.created"

            async def refused(message: Any) -> dict[str, Any]:
                await socket.send_str(message if isinstance(message, str) else json.dumps(message))
                while (event := await socket.receive_json())["type"] != "error":
                    pass
                error = event["error"]
                assert isinstance(error, dict)
                return error

            assert (await refused("{"))["code"] == "invalid_json"
            assert (await refused({"type": "nonsense"}))["param"] == "type"
            update = {"type": "session.update", "event_id": "e7"}
            assert (await refused({**update, "session": {"type": "realtime", "nonsense": 1}}))["event_id"] == "e7"
            voice = {"type": "realtime", "audio": {"output": {"voice": "fable"}}}
            assert (await refused({**update, "session": voice}))["param"] == "session.audio.output.voice"
            assert (await refused({"type": "response.cancel"}))["code"] == "response_cancel_not_active"
            cut = {"type": "conversation.item.truncate", "item_id": "x", "content_index": 0, "audio_end_ms": 5}
            assert (await refused(cut))["code"] == "item_not_found"
            output = {"type": "function_call_output", "call_id": "x", "output": ""}
            creating = {"type": "conversation.item.create", "item": output}
            assert (await refused(creating))["code"] == "invalid_tool_call_id"
            text = {"type": "message", "role": "user", "content": [{"type": "output_text", "text": "x"}]}
            assert (await refused({**creating, "item": text}))["param"] == "item.content"
            assert (await refused({"type": "input_audio_buffer.commit"}))[
                "code"
            ] == "input_audio_buffer_commit_empty"
            await socket.send_json({"type": "response.create"})
            again = await refused({"type": "response.create"})
            assert again["code"] == "conversation_already_has_active_response"


async def test_the_rehearsal_hears_answers_and_forgets() -> None:
    async with rehearsed() as (state, provider, _), asyncio.timeout(40):
        session = await provider.open(language="en-US", hints=[])
        speech = state.voice.render("Lincoln Elementary, this is Dana speaking.")
        state.phrasebook.add(speech)
        mulaw = g711.encode(speech.pcm16_8k)
        frames = [SILENCE] * 20 + [mulaw[at : at + 160].ljust(160, b"\xff") for at in range(0, len(mulaw), 160)]

        async def play() -> None:
            loop = asyncio.get_running_loop()
            due = loop.time()
            for number in range(10_000):
                session.feed(frames[number] if number < len(frames) else SILENCE)
                due += 0.02
                await asyncio.sleep(max(0.0, due - loop.time()))

        playing = asyncio.create_task(play())
        try:
            async for one in session.results():
                if one.is_final:
                    break
            assert one.text == "Lincoln Elementary, this is Dana speaking."
            assert one.end_s == pytest.approx(0.4 + len(mulaw) / 8000, abs=0.8)
            answer = session.answer(Prompt(messages=(Message("system", "Say something."),)))
            events = await everything(answer)
            words = "".join(event.text for event in events if isinstance(event, TextDelta))
            audio = b"".join(event.mulaw for event in events if isinstance(event, SpeechDelta))
            assert "stand-in model only knows" in words
            first_audio = next(at for at, event in enumerate(events) if isinstance(event, SpeechDelta))
            assert first_audio > 1, "words are ahead of their audio"
            assert state.voice.render(words, voice="en-us+f5").duration_s == pytest.approx(
                len(audio) / 8000, abs=0.1
            )
            # More than was said cannot be cut, and what is cut is confirmed.
            answer.heard(1.0)
            following = session.answer(Prompt(messages=(Message("system", "Say something."),)))
            assert isinstance((await everything(following))[-1], Finished)
        finally:
            playing.cancel()
            await session.close()
