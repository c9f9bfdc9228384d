"""The stand-in for OpenAI, driven by OpenAI's own asynchronous client."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import time
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import httpx2 as httpx
import numpy as np
import openai
import pytest
from aiohttp import web

from rehearsal.delays import Delays
from rehearsal.ear import Ear
from rehearsal.openai.server import make_app
from rehearsal.openai.speech import CHUNK_BYTES, VOICES
from rehearsal.resample import resample
from rehearsal.scenario import Fault
from rehearsal.state import RehearsalState
from rehearsal.voice import Voice

WAIT_S = 20.0
AT_ONCE = Delays(model_first_token_ms=0, model_tokens_per_second=0, speech_first_byte_ms=0, speech_speed=0)
SCHOOL = "Call the school and let them know Mara is home sick today"
OPENING = "Hi, this is Floyd, an AI assistant calling for Alex Rivera."
FIRST_WORDS = "I'm calling to let you know that Mara Rivera is home sick today and won't be coming in."
SENTENCE = "She is in class four B, with Ms. Ortiz."
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("end_call", "call_back_later")
]
BROKEN_OFF = (openai.APIConnectionError, httpx.TransportError)
"""What the client raises when the connection ends in the middle of an answer."""


@dataclass
class Server:
    url: str
    state: RehearsalState
    begun: int = 0
    ended: int = 0
    """Handlers that returned, raised or were cancelled."""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_all_ended(self) -> None:
        async with asyncio.timeout(WAIT_S):
            while not self.begun or self.ended < self.begun:
                self.news.clear()
                await self.news.wait()


@pytest.fixture(scope="module")
def loaded() -> RehearsalState:
    return RehearsalState.load()


@pytest.fixture
def state(loaded: RehearsalState) -> RehearsalState:
    return RehearsalState(loaded.scenarios, loaded.demo, delays=AT_ONCE.model_copy())


@pytest.fixture
async def server(state: RehearsalState) -> AsyncIterator[Server]:
    started = Server("", state)

    @web.middleware
    async def counted(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        started.begun += 1
        try:
            return await handler(request)
        finally:
            started.ended += 1
            started.news.set()

    app = web.Application(middlewares=[counted])
    app.add_subapp("/v1", make_app(state))
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    started.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield started
    await runner.cleanup()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=server.url, api_key="any key", max_retries=0, timeout=WAIT_S
    ) as connected:
        yield connected


def call(request: str, *said: tuple[str, str]) -> Any:
    data = f'<task>converse</task>\n<request>{request}</request>\n<person name="Alex Rivera"/>\n<facts></facts>'
    return [{"role": "system", "content": data}, *({"role": role, "content": text} for role, text in said)]


START = call(SCHOOL, ("user", "Lincoln Elementary."), ("assistant", OPENING), ("user", "(silence)"))
NOTED = call(
    SCHOOL, ("assistant", OPENING), ("assistant", FIRST_WORDS), ("user", "I have noted that Mara is absent.")
)


async def ask(client: openai.AsyncOpenAI, messages: Any, **settings: Any) -> Any:
    answer = await client.chat.completions.create(model="any", messages=messages, **settings)
    return answer.choices[0].message


async def stream(client: openai.AsyncOpenAI, messages: Any, **settings: Any) -> list[Any]:
    chunks = await client.chat.completions.create(model="any", messages=messages, stream=True, **settings)
    return [chunk async for chunk in chunks]


def text_of(chunks: list[Any]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


async def keep(pieces: AsyncIterator[Any], kept: list[Any]) -> None:
    """What came remains in `kept`, however it ends."""
    async for piece in pieces:
        kept.append(piece)  # noqa: PERF401


# -- chat ---------------------------------------------------------------------------------------------------------


async def test_text_is_streamed_token_by_token(client: openai.AsyncOpenAI) -> None:
    chunks = await stream(client, START, tools=TOOLS)
    assert text_of(chunks) == FIRST_WORDS
    assert chunks[0].choices[0].delta.role == "assistant"
    assert sum(bool(chunk.choices[0].delta.content) for chunk in chunks) > 10
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.usage is None for chunk in chunks)


async def test_a_tool_call_is_streamed_in_pieces_after_the_text(client: openai.AsyncOpenAI) -> None:
    chunks = await stream(client, NOTED, tools=TOOLS)
    assert text_of(chunks) == "Thank you for your help. Goodbye."
    pieces = [piece for chunk in chunks for piece in chunk.choices[0].delta.tool_calls or []]
    assert pieces[0].function.name == "end_call"
    assert pieces[0].id.startswith("call_")
    assert len(pieces) > 2
    assert [piece.function.name for piece in pieces[1:]] == [None] * (len(pieces) - 1)
    assert json.loads("".join(piece.function.arguments for piece in pieces)) == {"reason": "done"}
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


async def test_the_client_puts_a_streamed_answer_together(client: openai.AsyncOpenAI) -> None:
    async with client.chat.completions.stream(model="any", messages=NOTED, tools=TOOLS) as chunks:
        whole = await chunks.get_final_completion()
    message = whole.choices[0].message
    assert message.content == "Thank you for your help. Goodbye."
    assert [tool.function.name for tool in message.tool_calls or []] == ["end_call"]


async def test_usage_comes_last_and_only_if_asked_for(client: openai.AsyncOpenAI) -> None:
    chunks = await stream(client, START, stream_options={"include_usage": True})
    assert chunks[-1].choices == []
    usage = chunks[-1].usage
    assert usage.completion_tokens > 10
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    longer = await stream(
        client, [*START, {"role": "user", "content": "word " * 50}], stream_options={"include_usage": True}
    )
    assert longer[-1].usage.prompt_tokens == usage.prompt_tokens + 50


async def test_a_whole_answer(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model="some-model", messages=NOTED, tools=TOOLS)
    choice = answer.choices[0]
    assert answer.model == "some-model"
    assert choice.message.content == "Thank you for your help. Goodbye."
    assert choice.finish_reason == "tool_calls"
    tool: Any = (choice.message.tool_calls or [])[0]
    assert (tool.function.name, json.loads(tool.function.arguments)) == ("end_call", {"reason": "done"})
    assert answer.usage is not None
    assert answer.usage.total_tokens > answer.usage.prompt_tokens > 0


async def test_who_offers_no_tools_gets_no_tool_call(client: openai.AsyncOpenAI) -> None:
    chunks = await stream(client, NOTED)
    assert text_of(chunks) == "Thank you for your help. Goodbye."
    assert chunks[-1].choices[0].finish_reason == "stop"


async def test_content_may_come_in_parts(client: openai.AsyncOpenAI) -> None:
    messages = [{**START[0], "content": [{"type": "text", "text": START[0]["content"]}]}, *START[1:]]
    assert (await ask(client, messages)).content == FIRST_WORDS


async def test_the_models(client: openai.AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == ["rehearsal"]


# -- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shown", ["Basic abc", "Bearer", "any key"])
async def test_a_key_must_be_shown(server: Server, shown: Any) -> None:
    async with openai.AsyncOpenAI(
        base_url=server.url, api_key="x", default_headers={"Authorization": shown}, max_retries=0
    ) as stranger:
        for refused in (
            lambda: ask(stranger, START),
            stranger.models.list,
            lambda: stranger.audio.speech.create(model="any", voice="alloy", input="Hello."),
        ):
            with pytest.raises(openai.AuthenticationError, match="Authorization") as error:
                await refused()
            assert error.value.code == "invalid_api_key"
        with pytest.raises(openai.AuthenticationError):
            await stranger.models.list(extra_headers={"Authorization": openai.Omit()})


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": ""}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": ["hello"]}, "messages"),
        ({"messages": [{"role": "stranger", "content": "hello"}]}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages"),
        ({"n": 2}, "n"),
    ],
)
async def test_a_wrong_chat_request_names_the_field(
    client: openai.AsyncOpenAI, change: dict[str, Any], param: str
) -> None:
    request: dict[str, Any] = {"model": "any", "messages": START, **change}
    with pytest.raises(openai.BadRequestError, match=param) as error:
        await client.chat.completions.create(**request)
    assert (error.value.param, error.value.type) == (param, "invalid_request_error")


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"null", b'"text"', b"\xff\xfe", b"[" * 100_000])
@pytest.mark.parametrize("path", ["/chat/completions", "/audio/speech"])
async def test_a_body_that_is_no_json_object(server: Server, path: str, body: bytes) -> None:
    headers = {"Authorization": "Bearer any", "Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(server.url + path, data=body, headers=headers) as response,
    ):
        assert response.status == 400
        assert "JSON" in (await response.json())["error"]["message"]


async def test_what_is_not_there(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="/v1/embeddings") as error:
        await client.embeddings.create(model="any", input="text")
    assert error.value.code == "unknown_url"


# -- faults -------------------------------------------------------------------------------------------------------


async def test_an_error_of_the_model(client: openai.AsyncOpenAI, state: RehearsalState) -> None:
    state.faults.arm([Fault(on="model", kind="error", times=2)])
    with pytest.raises(openai.InternalServerError):
        await ask(client, START)
    with pytest.raises(openai.InternalServerError):
        await stream(client, START)
    assert text_of(await stream(client, START)) == FIRST_WORDS, "then all is well again"


async def test_an_empty_answer(client: openai.AsyncOpenAI, state: RehearsalState) -> None:
    state.faults.arm([Fault(on="model", kind="empty", times=2)])
    chunks = await stream(client, NOTED, tools=TOOLS)
    assert text_of(chunks) == ""
    assert chunks[-1].choices[0].finish_reason == "stop"
    message = await ask(client, NOTED, tools=TOOLS)
    assert not message.content
    assert not message.tool_calls


async def test_a_tool_call_that_is_no_json(client: openai.AsyncOpenAI, state: RehearsalState) -> None:
    state.faults.arm([Fault(on="model", kind="brokenTool")])
    chunks = await stream(client, START, tools=TOOLS)
    pieces = [piece for chunk in chunks for piece in chunk.choices[0].delta.tool_calls or []]
    assert pieces[0].function.name == "end_call"
    with pytest.raises(json.JSONDecodeError):
        json.loads("".join(piece.function.arguments for piece in pieces))


async def test_a_stream_that_breaks_off(client: openai.AsyncOpenAI, state: RehearsalState) -> None:
    state.faults.arm([Fault(on="model", kind="die")])
    came: list[Any] = []
    chunks = await client.chat.completions.create(model="any", messages=START, stream=True)
    with pytest.raises(BROKEN_OFF):
        await keep(aiter(chunks), came)
    said = text_of(came)
    assert FIRST_WORDS.startswith(said)
    assert len(said) < len(FIRST_WORDS)


async def test_a_whole_answer_that_never_comes(client: openai.AsyncOpenAI, state: RehearsalState) -> None:
    state.faults.arm([Fault(on="model", kind="die")])
    with pytest.raises(openai.APIConnectionError):
        await ask(client, START)


async def test_a_slow_model(client: openai.AsyncOpenAI, state: RehearsalState) -> None:
    state.faults.arm([Fault(on="model", kind="slow", at=0.5)])
    begin = time.monotonic()
    await ask(client, START)
    slow_s = time.monotonic() - begin
    begin = time.monotonic()
    await ask(client, START)
    assert slow_s >= 0.5
    assert time.monotonic() - begin < slow_s


async def test_a_fault_of_a_scenario_strikes_in_its_turn_and_in_no_other_scenario(
    client: openai.AsyncOpenAI, state: RehearsalState
) -> None:
    state.faults.arm([Fault(on="model", kind="error", turn=2)], scenario="school")
    other = call("Ask the museum when it opens", ("user", "(silence)"))
    await ask(client, START)
    await ask(client, other)
    with pytest.raises(openai.InternalServerError):
        await ask(client, START)


# -- time ---------------------------------------------------------------------------------------------------------


async def test_tokens_come_in_their_time(client: openai.AsyncOpenAI, state: RehearsalState) -> None:
    await client.models.list()  # the connection is there
    state.delays.model_first_token_ms, state.delays.model_tokens_per_second = 300, 20
    begin = time.monotonic()
    chunks = await client.chat.completions.create(model="any", messages=START, stream=True)
    arrived = [time.monotonic() - begin async for chunk in chunks if chunk.choices[0].delta.content]
    assert arrived[0] >= 0.3
    gaps = len(arrived) - 1
    # A machine that is busy may be late, but it is late once: the schedule is absolute.
    assert gaps / 20 * 0.9 - 0.1 <= arrived[-1] - arrived[0] <= gaps / 20 + 2
    assert arrived == sorted(arrived)


async def test_a_whole_answer_takes_as_long_as_a_streamed_one(
    client: openai.AsyncOpenAI, state: RehearsalState
) -> None:
    state.delays.model_first_token_ms, state.delays.model_tokens_per_second = 100, 50
    begin = time.monotonic()
    await ask(client, START)
    assert time.monotonic() - begin >= 0.1 + 15 / 50


async def test_who_hangs_up_ends_the_answer(
    server: Server, client: openai.AsyncOpenAI, state: RehearsalState
) -> None:
    state.delays.model_tokens_per_second = 0.5  # the whole would take longer than the test may
    chunks = await client.chat.completions.create(model="any", messages=START, stream=True)
    async for chunk in chunks:
        if chunk.choices[0].delta.content:
            break
    await chunks.close()
    await server.until_all_ended()


async def test_a_cancelled_task_ends_the_answer(
    server: Server, client: openai.AsyncOpenAI, state: RehearsalState
) -> None:
    state.delays.model_tokens_per_second = 0.5
    first = asyncio.Event()

    async def listen() -> None:
        async for _ in await client.chat.completions.create(model="any", messages=START, stream=True):
            first.set()

    listening = asyncio.create_task(listen())
    async with asyncio.timeout(WAIT_S):
        await first.wait()
    listening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await listening
    await server.until_all_ended()


async def test_many_at_once_get_their_own_answers(client: openai.AsyncOpenAI, state: RehearsalState) -> None:
    state.delays.model_first_token_ms = 50
    requests = [f"Ask the museum whether it has hall number {number}" for number in range(30)]
    answers = await asyncio.gather(*(ask(client, call(text, ("user", "(silence)"))) for text in requests))
    for number, answer in enumerate(answers):
        assert f"hall number {number}." in answer.content


# -- speech -------------------------------------------------------------------------------------------------------


async def speak(client: openai.AsyncOpenAI, text: str, **settings: Any) -> bytes:
    request = {"model": "any", "voice": "alloy", "response_format": "pcm", **settings}
    async with client.audio.speech.with_streaming_response.create(input=text, **request) as response:
        return b"".join([piece async for piece in response.iter_bytes()])


async def test_pcm_is_what_the_voice_renders(client: openai.AsyncOpenAI, state: RehearsalState) -> None:
    samples = np.frombuffer(await speak(client, SENTENCE, voice="nova"), "<i2")
    # The voice keeps what it has rendered: this is the very same. Another voice's differs by a few samples.
    assert np.array_equal(samples, state.voice.render(SENTENCE, voice=VOICES["nova"]).pcm16_24k)
    other = Voice().render(SENTENCE, voice=VOICES["nova"])
    assert len(samples) / 24_000 == pytest.approx(len(other.pcm16_24k) / 24_000, abs=0.02)
    assert len(samples) / 24_000 > 1.5
    assert np.abs(samples.astype(int)).max() > 3000, "it is no silence"


async def test_wav_is_the_same_with_a_header(client: openai.AsyncOpenAI) -> None:
    audio = await speak(client, SENTENCE, response_format="wav")
    with wave.open(io.BytesIO(audio)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        frames = file.readframes(file.getnframes())
    assert frames == await speak(client, SENTENCE)
    assert len(audio) == len(frames) + 44


async def test_pieces_end_in_the_middle_of_samples(server: Server) -> None:
    body = {"model": "any", "voice": "alloy", "response_format": "pcm", "input": SENTENCE}
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as session,
        session.post(f"{server.url}/audio/speech", json=body) as response,
    ):
        assert response.content_type == "audio/pcm"
        sizes, size = [], 0
        async for piece, ends_a_chunk in response.content.iter_chunks():
            size += len(piece)
            if ends_a_chunk:
                sizes.append(size)
                size = 0
    assert sizes[:2] == [CHUNK_BYTES, CHUNK_BYTES]
    assert sum(sizes) % 2 == 0


async def test_voices_and_speed(client: openai.AsyncOpenAI) -> None:
    usual = await speak(client, SENTENCE)
    assert await speak(client, SENTENCE, voice="onyx") != usual
    assert len(await speak(client, SENTENCE, speed=2)) < 0.7 * len(usual)
    assert len(await speak(client, SENTENCE, speed=0.5)) > 1.5 * len(usual)
    assert await speak(client, SENTENCE, speed=4) == await speak(client, SENTENCE, speed=3), "the fastest there is"


@pytest.mark.parametrize("voice", sorted(VOICES))
async def test_every_voice_speaks(client: openai.AsyncOpenAI, voice: str) -> None:
    assert len(await speak(client, "Hello.", voice=voice)) > 0.2 * 48_000


async def test_what_was_spoken_is_understood(client: openai.AsyncOpenAI, state: RehearsalState) -> None:
    audio = np.frombuffer(await speak(client, SENTENCE), "<i2")
    ear = Ear(state.phrasebook)
    heard = [*ear.feed(resample(audio, 24_000, 8_000)), *ear.finish()]
    assert [one.text for one in heard if one.final] == [SENTENCE]


async def test_the_phrase_can_be_understood_before_its_audio_comes(
    client: openai.AsyncOpenAI, state: RehearsalState
) -> None:
    async with client.audio.speech.with_streaming_response.create(
        model="any", voice="alloy", response_format="pcm", input=SENTENCE
    ) as response:
        await anext(response.iter_bytes())
        assert len(state.phrasebook) == 1


async def test_speech_comes_in_its_time(client: openai.AsyncOpenAI, state: RehearsalState) -> None:
    length_s = len(await speak(client, SENTENCE)) / 48_000
    state.delays.speech_first_byte_ms, state.delays.speech_speed = 200, 4
    begin = time.monotonic()
    async with client.audio.speech.with_streaming_response.create(
        model="any", voice="alloy", response_format="pcm", input=SENTENCE
    ) as response:
        arrived = [time.monotonic() - begin async for _ in response.iter_bytes()]
    assert arrived[0] >= 0.2
    assert length_s / 4 * 0.8 - 0.1 <= arrived[-1] - arrived[0] <= length_s / 4 + 2


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": ""}, "model"),
        ({"input": ""}, "input"),
        ({"input": " \n"}, "input"),
        ({"input": "x" * 4097}, "input"),
        ({"input": ["Hello."]}, "input"),
        ({"voice": "nobody"}, "voice"),
        ({"voice": {"id": "voice_1"}}, "voice"),
        ({"response_format": "mp3"}, "response_format"),
        ({"response_format": ["pcm"]}, "response_format"),
        ({"speed": 9}, "speed"),
        ({"speed": "fast"}, "speed"),
        ({"speed": True}, "speed"),
    ],
)
async def test_a_wrong_speech_request_names_the_field(
    client: openai.AsyncOpenAI, change: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=param) as error:
        await speak(client, **{"text": "Hello.", **{k.replace("input", "text"): v for k, v in change.items()}})
    assert error.value.param == param


async def test_longest_text(client: openai.AsyncOpenAI) -> None:
    assert len(await speak(client, "word " * 819)) > 60 * 48_000


async def test_text_without_sound(client: openai.AsyncOpenAI, state: RehearsalState) -> None:
    await speak(client, "...")
    assert len(state.phrasebook) == 0


async def test_faults_of_the_voice(client: openai.AsyncOpenAI, state: RehearsalState) -> None:
    state.faults.arm([Fault(on="speech", kind="error")])
    with pytest.raises(openai.InternalServerError):
        await speak(client, SENTENCE)
    state.faults.arm([Fault(on="speech", kind="empty")])
    assert await speak(client, SENTENCE) == b""
    state.faults.arm([Fault(on="speech", kind="slow", at=0.4)])
    begin = time.monotonic()
    whole = await speak(client, SENTENCE)
    assert time.monotonic() - begin >= 0.4
    state.faults.arm([Fault(on="speech", kind="die")])
    came: list[bytes] = []
    async with client.audio.speech.with_streaming_response.create(
        model="any", voice="alloy", response_format="pcm", input=SENTENCE
    ) as response:
        with pytest.raises(BROKEN_OFF):
            await keep(response.iter_bytes(), came)
    part = b"".join(came)
    assert whole.startswith(part)
    assert len(part) < len(whole)
    assert await speak(client, SENTENCE) == whole, "then all is well again"


async def test_who_hangs_up_ends_the_speech(
    server: Server, client: openai.AsyncOpenAI, state: RehearsalState
) -> None:
    state.delays.speech_speed = 0.05  # a chunk every two seconds
    async with client.audio.speech.with_streaming_response.create(
        model="any", voice="alloy", response_format="pcm", input=SENTENCE
    ) as response:
        await anext(response.iter_bytes())
    await server.until_all_ended()


async def test_many_voices_at_once(client: openai.AsyncOpenAI) -> None:
    texts = [f"This is sentence number {number}." for number in range(20)]
    together = await asyncio.gather(*(speak(client, text) for text in texts))
    assert together == [await speak(client, text) for text in texts]
