"""One connection more than are in use: counted, and opened at real servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from phone_support import DEADLINE_S, make_settings
from pydantic import SecretStr

from worker import spare_connection
from worker.model.language_model import Message, Prompt
from worker.model.openai import OpenAIModel
from worker.spare_connection import SpareConnection
from worker.speech.openai import OpenAIVoice


class Opened:
    """Counts, and lets itself be waited for."""

    def __init__(self, error: Exception | None = None) -> None:
        self.count = 0
        self._error = error

    async def __call__(self) -> None:
        self.count += 1
        if self._error is not None:
            raise self._error


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spare_connection, "OPEN_AFTER_S", 0.0)


async def settled() -> None:
    """What was begun without waiting for anything real is over."""
    for _ in range(10):
        await asyncio.sleep(0)


async def opening_is_over() -> None:
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == "spare-connection"))


async def test_a_whole_answer_leaves_its_connection() -> None:
    opened = Opened()
    spare = SpareConnection(opened)
    for _ in range(5):
        with spare.taken() as connection:
            await settled()
            connection.is_whole = True
    assert opened.count == 1  # beside the first
    await spare.close()


async def test_each_answer_that_was_broken_off_is_made_up_for() -> None:
    opened = Opened()
    spare = SpareConnection(opened)
    for _ in range(5):
        with spare.taken():
            await settled()
    assert opened.count == 5
    await spare.close()


async def test_many_at_once_ask_for_one() -> None:
    opened = Opened()
    spare = SpareConnection(opened)
    with spare.taken() as one, spare.taken() as two, spare.taken() as three:
        one.is_whole = two.is_whole = three.is_whole = True
        await settled()
    assert opened.count == 1
    await spare.close()


async def test_one_that_became_free_meanwhile_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spare_connection, "OPEN_AFTER_S", 0.001)
    opened = Opened()
    spare = SpareConnection(opened)
    with spare.taken() as connection:
        connection.is_whole = True
    await opening_is_over()
    assert opened.count == 0
    await spare.close()


async def test_what_was_free_for_long_may_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Opened()
    spare = SpareConnection(opened)
    with spare.taken() as connection:
        await settled()
        connection.is_whole = True
    monkeypatch.setattr(spare_connection, "FORGET_AFTER_S", -1.0)
    with spare.taken():
        await settled()
    assert opened.count == 2
    await spare.close()


async def test_a_server_that_is_away_is_nobodys_error() -> None:
    opened = Opened(OSError("away"))
    spare = SpareConnection(opened)
    for _ in range(2):
        with spare.taken():
            await settled()
    assert opened.count == 2
    await spare.close()


async def test_closed_while_one_is_being_opened() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def open_one() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    spare = SpareConnection(open_one)
    with spare.taken():
        await began.wait()
    await spare.close()
    assert ended.is_set()


@given(st.lists(st.sampled_from(["take", "whole", "broken"]), max_size=40))
def test_only_the_first_waits_for_a_handshake(steps: list[str]) -> None:
    """Whatever the order: whoever comes when what was begun is over finds a free connection."""

    async def run() -> None:
        opened = Opened()
        spare = SpareConnection(opened)
        lost = waited = 0
        in_use = []
        for step in steps:
            if step == "take":
                waited += opened.count + waited - lost == len(in_use)  # none is free: the client opens one
                request = AsyncExitStack()
                in_use.append((request, request.enter_context(spare.taken())))
            elif in_use:
                request, connection = in_use.pop()
                connection.is_whole = step == "whole"
                lost += step == "broken"
                await request.aclose()
            await settled()
        assert waited <= 1
        while in_use:
            await in_use.pop()[0].aclose()
        await spare.close()

    asyncio.run(run())


class Server:
    """Answers that go on for ever; whatever else it is asked for, it does not know."""

    def __init__(self) -> None:
        self.base_url = ""
        self.of_answers: list[object] = []
        """The connections they were asked for on, one after the other."""
        self.of_others: set[object] = set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.of_answers.append(request.transport)
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b'data: {"choices": [{"delta": {"content": "on and on "}}]}\n\n')
            await asyncio.sleep(0.01)

    async def other(self, request: web.Request) -> web.StreamResponse:
        self.of_others.add(request.transport)
        raise web.HTTPNotFound


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_post("/{path:.*}", server.answer)
    app.router.add_get("/{path:.*}", server.other)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("kind", ["model", "voice"])
async def test_after_an_answer_that_was_broken_off_the_next_finds_an_open_connection(kind: str) -> None:
    async with serving() as server, asyncio.timeout(DEADLINE_S):
        settings = make_settings(openai_api_key=SecretStr("sk-test"), openai_base_url=server.base_url)
        client = OpenAIModel(settings) if kind == "model" else OpenAIVoice(settings)
        await client.warm_up()
        for _ in range(3):
            words = (
                client.stream(Prompt((Message("user", "Hello"),)))
                if isinstance(client, OpenAIModel)
                else client.speak("Hello")
            )
            async with aclosing(words):  # type: ignore[type-var]
                await anext(words)
                await opening_is_over()
        await client.close()
    assert len(set(server.of_answers)) == 3
    assert set(server.of_answers) <= server.of_others
