"""The stand-in for OpenAI's streaming transcription, driven by OpenAI's own asynchronous client."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from aiohttp import web
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import (
    ConversationItemInputAudioTranscriptionCompletedEvent,
    ConversationItemInputAudioTranscriptionDeltaEvent,
    InputAudioBufferCommittedEvent,
    RealtimeErrorEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
)
from websockets.exceptions import ConnectionClosed, InvalidStatus

from rehearsal import g711
from rehearsal.openai import transcription as transcription_module
from rehearsal.openai.server import make_app
from rehearsal.scenario import Fault
from rehearsal.state import RehearsalState

WAIT_S = 10.0
SENTENCE = "Lincoln Elementary, this is Dana speaking."
LIVE = "gpt-live-transcribe"


@pytest.fixture(scope="module")
def loaded() -> RehearsalState:
    return RehearsalState.load()


@pytest.fixture
def state(loaded: RehearsalState) -> RehearsalState:
    return RehearsalState(loaded.scenarios, loaded.demo)


@pytest.fixture
async def client(state: RehearsalState) -> AsyncIterator[openai.AsyncOpenAI]:
    app = web.Application()
    app.add_subapp("/v1", make_app(state))
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with openai.AsyncOpenAI(
        api_key="any", base_url=f"http://127.0.0.1:{runner.addresses[0][1]}/v1", max_retries=0
    ) as client:
        yield client
    await runner.cleanup()


@pytest.fixture
async def connection(client: openai.AsyncOpenAI) -> AsyncIterator[AsyncRealtimeConnection]:
    async with asyncio.timeout(50), client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        assert isinstance(await receive(connection), SessionCreatedEvent)
        yield connection


async def receive(connection: AsyncRealtimeConnection) -> Any:
    return await asyncio.wait_for(connection.recv(), WAIT_S)


def asked(**transcription: Any) -> Any:
    transcription.setdefault("model", LIVE)
    heard = {"format": {"type": "audio/pcmu"}, "transcription": transcription, "turn_detection": None}
    return {"type": "transcription", "audio": {"input": heard}}


async def configure(connection: AsyncRealtimeConnection, **transcription: Any) -> Any:
    await connection.session.update(session=asked(**transcription))
    return await receive(connection)


def clip(state: RehearsalState, text: str) -> bytes:
    speech = state.voice.render(text, voice="en-us+f3")
    state.phrasebook.add(speech)
    return g711.encode(speech.pcm16_8k)


async def append(connection: AsyncRealtimeConnection, mulaw: bytes) -> None:
    await connection.input_audio_buffer.append(audio=base64.b64encode(mulaw).decode())


async def completed(connection: AsyncRealtimeConnection) -> tuple[list[str], Any]:
    """Deltas and what completes them."""
    deltas: list[str] = []
    while True:
        match await receive(connection):
            case ConversationItemInputAudioTranscriptionDeltaEvent(delta=str(delta)):
                deltas.append(delta)
            case ConversationItemInputAudioTranscriptionCompletedEvent() as event:
                return deltas, event


async def error(connection: AsyncRealtimeConnection) -> Any:
    event = await receive(connection)
    assert isinstance(event, RealtimeErrorEvent), event
    return event.error


async def test_an_utterance(connection: AsyncRealtimeConnection, state: RehearsalState) -> None:
    updated = await configure(connection, languages=["en"], keywords=["Dana"])
    assert isinstance(updated, SessionUpdatedEvent)
    assert updated.session.type == "transcription"
    await append(connection, b"\xff" * 1600 + clip(state, SENTENCE))
    await connection.input_audio_buffer.commit()
    deltas, event = await completed(connection)
    assert event.transcript == SENTENCE
    assert SENTENCE.startswith("".join(deltas))
    assert len(deltas) > 2


async def test_words_are_due_when_the_delays_say(
    connection: AsyncRealtimeConnection, state: RehearsalState
) -> None:
    state.delays.interim_ms, state.delays.final_ms = 200, 600
    await configure(connection)
    audio = clip(state, SENTENCE)
    start = time.monotonic()
    for index, at in enumerate(range(0, len(audio), 160)):
        await append(connection, audio[at : at + 160])
        await asyncio.sleep(max(0.0, start + (index + 1) * 0.02 - time.monotonic()))
    end = time.monotonic()
    await connection.input_audio_buffer.commit()
    first_delta: float | None = None
    async with asyncio.timeout(WAIT_S):
        while True:
            match await connection.recv():
                case ConversationItemInputAudioTranscriptionDeltaEvent():
                    first_delta = first_delta or time.monotonic()
                case ConversationItemInputAudioTranscriptionCompletedEvent():
                    break
    # The clip ends with up to 0.2 s of silence, which counts.
    assert 0.3 < time.monotonic() - end < 0.9
    assert first_delta is not None


async def test_items_follow_each_other(connection: AsyncRealtimeConnection, state: RehearsalState) -> None:
    await configure(connection)
    names: list[str] = []
    before: list[str | None] = []
    for text in ("Yes.", SENTENCE):
        await append(connection, b"\xff" * 3200 + clip(state, text))
        await connection.input_audio_buffer.commit()
        committed = await receive(connection)
        while not isinstance(committed, InputAudioBufferCommittedEvent):
            committed = await receive(connection)
        names.append(committed.item_id)
        before.append(committed.previous_item_id)
        _, event = await completed(connection)
        assert (event.item_id, event.transcript) == (committed.item_id, text)
    assert before == [None, names[0]]


async def test_unknown_speech_and_silence_complete_without_words(connection: AsyncRealtimeConnection) -> None:
    await configure(connection)
    await append(connection, b"\xff" * 4000)
    await connection.input_audio_buffer.commit()
    deltas, event = await completed(connection)
    assert (deltas, event.transcript) == ([], "")


async def test_a_model_that_is_none_for_streaming_tells_nothing_before_the_commit(
    connection: AsyncRealtimeConnection, state: RehearsalState
) -> None:
    await configure(connection, model="gpt-4o-transcribe", language="en", prompt="A school.")
    await append(connection, clip(state, SENTENCE))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(connection.recv(), 1.0)
    await connection.input_audio_buffer.commit()
    deltas, event = await completed(connection)
    assert "".join(deltas) == event.transcript == SENTENCE


@pytest.mark.parametrize(
    ("transcription", "param"),
    [
        ({"model": "no-such-model"}, "transcription.model"),
        ({"model": "gpt-4o-transcribe", "keywords": ["x"]}, "transcription.keywords"),
        ({"model": "gpt-realtime-whisper", "prompt": "x"}, "transcription.prompt"),
        ({"model": LIVE, "unheard_of": 1}, "transcription.unheard_of"),
        ({"model": LIVE, "language": "English"}, "transcription.language"),
    ],
)
async def test_a_wrong_configuration_is_refused(
    connection: AsyncRealtimeConnection, transcription: dict[str, Any], param: str
) -> None:
    await connection.send({"type": "session.update", "event_id": "mine", "session": asked(**transcription)})
    refused = await error(connection)
    assert refused.type == "invalid_request_error"
    assert refused.param == f"session.audio.input.{param}"
    assert refused.event_id == "mine"
    assert isinstance(await configure(connection), SessionUpdatedEvent), "the session goes on"


@pytest.mark.parametrize(
    ("session", "word"),
    [
        ({"type": "realtime"}, "realtime session update"),
        ({"type": "transcription"}, "session.audio"),
        (
            {
                "type": "transcription",
                "audio": {
                    "input": {
                        "format": {"type": "audio/pcmu"},
                        "transcription": {"model": LIVE},
                        "turn_detection": {"type": "server_vad"},
                    }
                },
            },
            "Turn detection is not supported",
        ),
        (
            {
                "type": "transcription",
                "audio": {"input": {"format": {"type": "audio/pcm"}, "transcription": {"model": LIVE}}},
            },
            "audio/pcmu",
        ),
        ("a text", "session"),
    ],
)
async def test_a_wrong_session_is_refused(connection: AsyncRealtimeConnection, session: Any, word: str) -> None:
    await connection.send({"type": "session.update", "session": session})
    assert word in (await error(connection)).message


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("not JSON", "invalid_json"),
        ("[]", "missing_required_parameter"),
        ('{"type": "response.create"}', "invalid_value"),
        ('{"type": "input_audio_buffer.append"}', "missing_required_parameter"),
        ('{"type": "input_audio_buffer.append", "audio": "%%%"}', "invalid_value"),
        ('{"type": "input_audio_buffer.append", "audio": "////"}', "invalid_state"),
        ('{"type": "input_audio_buffer.commit"}', "input_audio_buffer_commit_empty"),
    ],
)
async def test_a_wrong_message_is_refused(connection: AsyncRealtimeConnection, message: str, code: str) -> None:
    await connection.send_raw(message)
    assert (await error(connection)).code == code


async def test_less_than_100_ms_are_no_utterance(connection: AsyncRealtimeConnection) -> None:
    await configure(connection)
    await append(connection, b"\xff" * 799)
    await connection.input_audio_buffer.commit()
    refused = await error(connection)
    assert "100ms" in refused.message
    await append(connection, b"\xff")
    await connection.input_audio_buffer.commit()
    assert isinstance(await receive(connection), InputAudioBufferCommittedEvent)


async def test_a_session_has_a_longest_duration(
    client: openai.AsyncOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcription_module, "MAX_SESSION_S", 0.2)
    async with client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        assert isinstance(await receive(connection), SessionCreatedEvent)
        assert (await error(connection)).code == "session_expired"
        with pytest.raises(ConnectionClosed):
            await receive(connection)


@pytest.mark.parametrize("kind", ["die", "error"])
async def test_a_session_that_breaks(
    connection: AsyncRealtimeConnection, client: openai.AsyncOpenAI, state: RehearsalState, kind: Any
) -> None:
    state.faults.arm([Fault(on="recognizer", kind=kind, at=0.2)])
    await configure(connection)
    if kind == "error":
        assert (await error(connection)).type == "server_error"
    with pytest.raises(ConnectionClosed) as closed:
        await receive(connection)
    assert (closed.value.rcvd is None) == (kind == "die"), "who dies says no word"
    async with client.realtime.connect(extra_query={"intent": "transcription"}) as again:
        await receive(again)
        assert isinstance(await configure(again), SessionUpdatedEvent)


async def test_a_deaf_session(connection: AsyncRealtimeConnection, state: RehearsalState) -> None:
    state.faults.arm([Fault(on="recognizer", kind="empty")])
    await configure(connection)
    await append(connection, clip(state, SENTENCE))
    await connection.input_audio_buffer.commit()
    deltas, event = await completed(connection)
    assert (deltas, event.transcript) == ([], "")


async def test_nobody_listens_without_a_key(client: openai.AsyncOpenAI) -> None:
    bare = client.copy(api_key="")
    with pytest.raises(InvalidStatus) as refused:
        await bare.realtime.connect(
            extra_query={"intent": "transcription"}, extra_headers={"Authorization": ""}
        ).enter()
    assert refused.value.response.status_code == 401
