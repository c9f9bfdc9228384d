"""The client's `post` sends what its methods for the endpoints send, and answers come as they are made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import openai
import pytest
from aiohttp import web
from openai import AsyncOpenAI, DefaultAioHttpClient
from phone_support import DEADLINE_S

from worker.openai_post import post

MESSAGES: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Grüezi “you” 👋"}]


class Api:
    """Answers in two pieces, the second when it is told to."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str], Any]] = []
        self.go_on = asyncio.Event()
        self.gone = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append((request.path, headers, await request.json()))
        if request.path.endswith("/refused"):
            return web.json_response({"error": {"message": "no", "param": "voice"}}, status=400)
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one")
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.gone.set()
            raise
        await response.write(b"two")
        await response.write_eof()
        return response


@asynccontextmanager
async def api_and_client() -> AsyncIterator[tuple[Api, AsyncOpenAI]]:
    api = Api()
    app = web.Application()
    app.router.add_post("/v1/{path:.*}", api.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    client = AsyncOpenAI(api_key="sk-a-key", base_url=url, max_retries=0, http_client=DefaultAioHttpClient())
    try:
        async with asyncio.timeout(DEADLINE_S):
            yield api, client
    finally:
        await client.close()
        await runner.cleanup()


def comparable(headers: dict[str, str]) -> dict[str, str]:
    """Without what JSON of another layout, and the client's note to itself, make of it."""
    return {name: headers[name] for name in headers.keys() - {"content-length", "x-stainless-raw-response"}}


async def test_a_chat_is_asked_for_as_by_the_method_for_chats() -> None:
    body = {"model": "m", "messages": MESSAGES, "stream": True, "max_completion_tokens": 50}
    async with api_and_client() as (api, client):
        api.go_on.set()
        completions = client.chat.completions.with_streaming_response
        async with completions.create(model="m", messages=MESSAGES, stream=True, max_completion_tokens=50):
            pass
        async with aclosing(await post(client, "/chat/completions", body)):
            pass
    (path, headers, sent), (path_posted, headers_posted, sent_posted) = api.seen
    assert path_posted == path
    assert sent_posted == sent == body
    assert comparable(headers_posted) == comparable(headers)


async def test_speech_is_asked_for_as_by_the_method_for_speech() -> None:
    body = {"model": "m", "voice": "v", "input": "Grüezi.", "response_format": "pcm"}
    async with api_and_client() as (api, client):
        api.go_on.set()
        speech = client.audio.speech.with_streaming_response
        async with speech.create(model="m", voice="v", input="Grüezi.", response_format="pcm"):
            pass
        async with aclosing(await post(client, "/audio/speech", body, accept="application/octet-stream")):
            pass
    (path, headers, sent), (path_posted, headers_posted, sent_posted) = api.seen
    assert path_posted == path
    assert sent_posted == sent == body
    assert comparable(headers_posted) == comparable(headers)


async def test_an_answer_is_read_while_it_is_made() -> None:
    async with api_and_client() as (api, client), aclosing(await post(client, "/any", {})) as answer:
        pieces = answer.aiter_bytes()
        assert await anext(pieces) == b"one"
        api.go_on.set()
        assert await anext(pieces) == b"two"


async def test_closing_an_answer_cancels_what_is_left_of_it() -> None:
    async with api_and_client() as (api, client):
        async with aclosing(await post(client, "/any", {})):
            pass
        await api.gone.wait()


async def test_a_refusal_is_the_clients_own_error() -> None:
    async with api_and_client() as (_, client):
        with pytest.raises(openai.BadRequestError) as refused:
            await post(client, "/refused", {})
        assert refused.value.param == "voice"
