"""The model's client against a real server that speaks Chat Completions, well and badly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from worker.model import openai as module
from worker.model.language_model import (
    Finished,
    Message,
    ModelEvent,
    ModelUnavailable,
    Prompt,
    TextDelta,
    Tool,
    ToolCall,
)
from worker.model.openai import OpenAIModel
from worker.settings import load_settings

KEY = "sk-very-secret-key"
PROMPT = Prompt(messages=(Message("system", "<task>plan</task>"), Message("user", "Hi")), max_tokens=50)

Reply = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]


class Server:
    """Answers each request by the next of `replies`, the last one for all that follow."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.bodies: list[dict[str, Any]] = []
        self.connections: set[Any] = set()
        self.gone = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        self.connections.add(request.transport)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        try:
            return await reply(request, body)
        except (asyncio.CancelledError, ConnectionResetError):
            self.gone.set()
            raise


@asynccontextmanager
async def model_at(server: Server) -> AsyncIterator[OpenAIModel]:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    model = OpenAIModel(load_settings((), openai_base_url=base, openai_api_key=KEY, openai_model="m1"))
    try:
        yield model
    finally:
        await model.close()
        await runner.cleanup()


def delta(**fields: Any) -> dict[str, Any]:
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m1",
            "choices": [{"index": 0, "delta": fields, "finish_reason": None}]}  # fmt: skip


def end(reason: str = "stop") -> dict[str, Any]:
    chunk = delta()
    chunk["choices"][0]["finish_reason"] = reason
    return chunk


def tool(index: int, name: str | None = None, arguments: str | None = None) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return delta(tool_calls=[{"index": index, "id": f"t{index}", "type": "function", "function": function}])


USAGE = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m1", "choices": [],
         "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}  # fmt: skip


def says(*chunks: dict[str, Any] | str, then: str = "done") -> Reply:
    """`then`: done, silence (the stream stands still), or broken (the connection is closed)."""

    async def reply(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for chunk in chunks:
            data = chunk if isinstance(chunk, str) else json.dumps(chunk)
            await response.write(f"data: {data}\n\n".encode())
        if then == "silence":
            await asyncio.sleep(60)
        if then == "broken":
            assert request.transport is not None
            request.transport.abort()
        else:
            await response.write(b"data: [DONE]\n\n")
        return response

    return reply


def refuses(status: int, message: str = "no", param: str | None = None) -> Reply:
    async def reply(_: web.Request, __: dict[str, Any]) -> web.Response:
        error = {"message": message, "type": "x", "param": param, "code": None}
        return web.json_response({"error": error}, status=status)

    return reply


async def hangs(_: web.Request, __: dict[str, Any]) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response()


hello = says(delta(role="assistant", content=""), delta(content="Hel"), delta(content="lo"), end(), USAGE)


async def all_of(model: OpenAIModel, prompt: Prompt = PROMPT) -> list[ModelEvent]:
    async with asyncio.timeout(10):
        return [event async for event in model.stream(prompt)]


async def test_text_as_it_comes() -> None:
    server = Server(hello)
    async with model_at(server) as model:
        assert await all_of(model) == [TextDelta("Hel"), TextDelta("lo"), Finished("stop", 7, 3)]
        assert await model.complete(PROMPT) == "Hello"
    [body, _] = server.bodies
    assert body["model"] == "m1"
    assert body["stream"] is True
    assert body["messages"][0] == {"role": "system", "content": "<task>plan</task>"}
    assert "tools" not in body
    assert "response_format" not in body


async def test_tool_calls_come_whole_after_the_text() -> None:
    chunks = [delta(content="Bye."), tool(0, "end_call", ""), tool(0, None, '{"rea'), tool(1, "press_keys", "{}"),
              tool(0, None, 'son": "done"}'), end("tool_calls")]  # fmt: skip
    server = Server(says(*chunks))
    prompt = Prompt(messages=PROMPT.messages, tools=(Tool("end_call", "Hang up", {"type": "object"}),))
    async with model_at(server) as model:
        events = await all_of(model, prompt)
    assert events == [
        TextDelta("Bye."),
        ToolCall("end_call", '{"reason": "done"}'),
        ToolCall("press_keys", "{}"),
        Finished("tool_calls"),
    ]
    assert server.bodies[0]["tools"][0]["function"]["name"] == "end_call"


@pytest.mark.parametrize(
    "first", [refuses(500), refuses(503), refuses(429), says(then="broken"), says("{broken json"), says()]
)
async def test_it_is_asked_again_before_the_first_word(first: Reply) -> None:
    async with model_at(Server(first, hello)) as model:
        assert (await all_of(model))[0] == TextDelta("Hel")


async def test_it_is_not_asked_again_after_the_first_word() -> None:
    server = Server(says(delta(content="Hel"), then="broken"))
    async with model_at(server) as model:
        events = model.stream(PROMPT)
        assert await anext(events) == TextDelta("Hel")
        with pytest.raises(ModelUnavailable, match="broke off"):
            await anext(events)
    assert len(server.bodies) == 1


async def test_a_model_that_says_nothing_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_EVENT_DEADLINE_S", 0.2)
    server = Server(says(delta(role="assistant", content=""), then="silence"), hangs, hello)
    async with model_at(server) as model:
        assert (await all_of(model))[0] == TextDelta("Hel")
    assert len(server.bodies) == 3


async def test_a_model_that_never_says_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_EVENT_DEADLINE_S", 0.1)
    async with model_at(Server(hangs)) as model:
        with pytest.raises(ModelUnavailable, match="said nothing within"):
            await all_of(model)


async def test_a_stream_that_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BETWEEN_EVENTS_DEADLINE_S", 0.2)
    async with model_at(Server(says(delta(content="Hel"), then="silence"))) as model:
        with pytest.raises(ModelUnavailable, match="stopped in the middle"):
            await all_of(model)


async def test_the_whole_answer_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OVERALL_DEADLINE_S", 0.3)
    async with model_at(Server(hangs)) as model:
        with pytest.raises(ModelUnavailable, match="did not answer"):
            await all_of(model)


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "check OPENAI_API_KEY"), (404, "check OPENAI_MODEL"), (400, "answered 400: Bad thing \\*\\*\\*")],
)
async def test_what_is_never_tried_again(status: int, said: str) -> None:
    server = Server(refuses(status, f"Bad thing {KEY}"))
    async with model_at(server) as model:
        with pytest.raises(ModelUnavailable, match=said) as caught:
            await all_of(model)
    assert KEY not in caught.value.message
    assert len(server.bodies) == 1


async def test_it_learns_which_parameters_a_server_takes() -> None:
    server = Server(
        refuses(400, "Unknown parameter: 'max_completion_tokens'.", "max_completion_tokens"),
        refuses(400, "stream_options is not supported"),
        refuses(400, "response_format: unsupported"),
        hello,
    )
    prompt = Prompt(messages=PROMPT.messages, max_tokens=50, wants_json=True)
    async with model_at(server) as model:
        assert await model.complete(prompt) == "Hello"
        assert await model.complete(prompt) == "Hello"
    optional = [
        sorted({"max_tokens", "max_completion_tokens", "stream_options", "response_format"} & body.keys())
        for body in server.bodies
    ]
    assert optional == [
        ["max_completion_tokens", "response_format", "stream_options"],
        ["max_tokens", "response_format", "stream_options"],
        ["max_tokens", "response_format"],
        ["max_tokens"],
        ["max_tokens"],
    ]


async def test_nothing_is_no_answer_to_a_question() -> None:
    async with model_at(Server(says(delta(content="  "), end()))) as model:
        with pytest.raises(ModelUnavailable, match="answered with nothing"):
            await model.complete(PROMPT)


async def test_a_flood_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_TEXT", 10)
    async with model_at(Server(says(*[delta(content="word ")] * 50, then="silence"))) as model:
        events = await all_of(model)
    assert events[-1] == Finished("length")
    assert len(events) < 6


async def test_closing_the_stream_cancels_the_request() -> None:
    server = Server(says(delta(content="Hel"), then="silence"))
    async with model_at(server) as model:
        events = model.stream(PROMPT)
        assert await anext(events) == TextDelta("Hel")
        await events.aclose()  # type: ignore[attr-defined]
        await asyncio.wait_for(server.gone.wait(), 5)


async def test_tool_calls_of_odd_shapes() -> None:
    odd: list[Any] = [None, "x", {"index": "first", "function": None}, {"function": {"name": 1, "arguments": []}}]
    async with model_at(Server(says(delta(tool_calls=odd), tool(0, "hang_up", "{}"), end("tool_calls")))) as model:
        assert ToolCall("hang_up", "{}") in await all_of(model)


@pytest.mark.parametrize("data", ["{not json", '{"error": {"message": "overloaded"}}', '{"error": "no"}'])
async def test_what_is_no_chunk_breaks_the_answer_off(data: str) -> None:
    async with model_at(Server(says(delta(content="Hi"), data))) as model:
        with pytest.raises(ModelUnavailable, match="broke off"):
            await all_of(model)


async def test_turns_share_one_connection() -> None:
    server = Server(hello)
    async with model_at(server) as model:
        for _ in range(3):
            await all_of(model)
    assert len(server.connections) <= 2, "one, and the spare one"


async def test_nobody_is_there() -> None:
    model = OpenAIModel(load_settings((), openai_base_url="http://127.0.0.1:9/v1", openai_api_key=KEY))
    with pytest.raises(ModelUnavailable, match="cannot be reached"):
        await model.complete(PROMPT)
    with pytest.raises(ModelUnavailable):
        await model.warm_up()
    await model.close()


async def test_a_server_without_a_list_of_models_is_warm_all_the_same() -> None:
    async with model_at(Server(hello)) as model:
        await model.warm_up()


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": []},
        {"choices": [{"delta": None, "finish_reason": None}]},
        {},
        {"choices": "none"},
        {"choices": [None]},
        {"choices": [{"delta": {"content": 7, "tool_calls": {"0": "x"}}, "finish_reason": 1}]},
        {"choices": [{"delta": ["Hi"]}]},
        {"usage": "little", "choices": []},
        {"error": None},
        "[1, 2]",
        "null",
    ],
)
async def test_odd_chunks_are_passed_over(chunk: dict[str, Any] | str) -> None:
    async with model_at(Server(says(chunk, delta(content="Hi"), chunk, end()))) as model:
        assert (await all_of(model))[0] == TextDelta("Hi")
