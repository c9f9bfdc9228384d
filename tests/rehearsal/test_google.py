"""The stand-in recogniser, driven by Google's own asynchronous client."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
import pytest
from google.api_core import exceptions
from google.cloud import speech_v1
from google.cloud.speech_v1.services.speech.transports import SpeechGrpcAsyncIOTransport

from rehearsal import g711
from rehearsal.delays import Delays
from rehearsal.ear import PhraseBook
from rehearsal.faults import Faults
from rehearsal.google import server as google_server
from rehearsal.scenario import Fault
from rehearsal.state import Result
from rehearsal.voice import Speech, Voice

SENTENCE = "Lincoln Elementary, this is Dana speaking."
FRAME = 160


@dataclass
class State:
    voice: Voice = field(default_factory=Voice)
    phrasebook: PhraseBook = field(default_factory=PhraseBook)
    delays: Delays = field(default_factory=Delays)
    faults: Faults = field(default_factory=Faults)
    recognised: deque[Result] = field(default_factory=deque)


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
async def client(state: State) -> AsyncIterator[Any]:
    server, port = await google_server.start(state, 0)
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
    yield speech_v1.SpeechAsyncClient(transport=SpeechGrpcAsyncIOTransport(channel=channel))
    await channel.close()
    await server.stop(0)


def say(state: State, text: str) -> Speech:
    speech = Voice().render(text, voice="en-us+f3")
    state.phrasebook.add(speech)
    return speech


def config(**settings: Any) -> Any:
    encoding = settings.pop("encoding", speech_v1.RecognitionConfig.AudioEncoding.MULAW)
    rate = settings.pop("rate", 8000)
    recognition = speech_v1.RecognitionConfig(encoding=encoding, sample_rate_hertz=rate, language_code="en-US")
    return speech_v1.StreamingRecognizeRequest(
        streaming_config=speech_v1.StreamingRecognitionConfig(config=recognition, **settings)
    )


def audio(content: bytes) -> Any:
    return speech_v1.StreamingRecognizeRequest(audio_content=content)


class Line:
    """Sends audio as a telephone does: a frame every 20 ms, on an absolute schedule."""

    def __init__(self, samples: Any, first: Any, *, after_s: float = 1.0, speed: float = 1.0) -> None:
        self._samples = np.concatenate([samples, np.zeros(int(after_s * 8000), np.int16)])
        self._first = first
        self._speed = speed
        self.sent_at: list[float] = []

    async def __aiter__(self) -> AsyncIterator[Any]:
        yield self._first
        start = time.monotonic()
        for index in range(len(self._samples) // FRAME):
            await asyncio.sleep(start + index * 0.02 / self._speed - time.monotonic())
            self.sent_at.append(time.monotonic())
            yield audio(g711.encode(self._samples[index * FRAME : (index + 1) * FRAME]))


@dataclass
class Got:
    at: float
    response: Any

    @property
    def text(self) -> str:
        return " ".join(result.alternatives[0].transcript for result in self.response.results)

    @property
    def final(self) -> bool:
        return any(result.is_final for result in self.response.results)


async def recognise(client: Any, requests: Any) -> list[Got]:
    stream = await client.streaming_recognize(requests=aiter(requests), retry=None, timeout=30)
    return [Got(time.monotonic(), response) async for response in stream]


def last_voiced_frame(samples: Any) -> int:
    levels = np.abs(samples[: len(samples) // FRAME * FRAME].astype(int)).reshape(-1, FRAME).max(axis=1)
    return int(np.flatnonzero(levels > 600)[-1])


async def test_words_come_as_they_are_spoken_and_then_the_final(client: Any, state: State) -> None:
    speech = say(state, SENTENCE)
    line = Line(speech.pcm16_8k, config(interim_results=True))
    got = [one for one in await recognise(client, line) if one.response.results]
    texts = [one.text for one in got]
    assert texts[-2:] == [SENTENCE, SENTENCE]
    assert [one.final for one in got] == [False] * (len(got) - 1) + [True]
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(texts))
    assert len(texts) >= 4, "words come one after the other"

    end = line.sent_at[last_voiced_frame(speech.pcm16_8k)]
    complete = next(one.at for one in got if one.text == SENTENCE)
    assert complete - end == pytest.approx(0.15, abs=0.08)
    assert got[-1].at - end == pytest.approx(0.45, abs=0.08)

    final = got[-1].response.results[0]
    assert final.alternatives[0].confidence > 0.5
    assert final.result_end_time.total_seconds() == pytest.approx(speech.words[-1].end_s, abs=0.1)
    assert final.language_code == "en-us"
    assert got[0].response.results[0].stability > 0.5
    assert [(one.text, one.final) for one in state.recognised] == [(one.text, one.final) for one in got]


async def test_delays_can_be_removed(client: Any, state: State) -> None:
    state.delays.interim_ms = state.delays.final_ms = 0
    speech = say(state, "Oh, I'm sorry to hear that. Which class is she in?")
    line = Line(speech.pcm16_8k, config(interim_results=True))
    got = [one for one in await recognise(client, line) if one.response.results]
    end = line.sent_at[last_voiced_frame(speech.pcm16_8k)]
    assert got[-1].final
    assert got[-1].at - end < 0.1
    assert got[-1].text.endswith("Which class is she in?")


async def test_linear_samples_and_finals_only(client: Any, state: State) -> None:
    speech = say(state, SENTENCE)
    linear = speech_v1.RecognitionConfig.AudioEncoding.LINEAR16
    samples = np.concatenate([speech.pcm16_8k, np.zeros(8000, np.int16)]).astype("<i2").tobytes()

    async def requests() -> AsyncIterator[Any]:
        yield config(encoding=linear)
        for start in range(0, len(samples), 3201):  # pieces that end in the middle of a sample
            yield audio(samples[start : start + 3201])

    got = [one for one in await recognise(client, requests()) if one.response.results]
    assert [(one.text, one.final) for one in got] == [(SENTENCE, True)]


async def test_two_utterances_are_two_finals(client: Any, state: State) -> None:
    first, second = say(state, "Good morning."), say(state, SENTENCE)
    samples = np.concatenate([first.pcm16_8k, np.zeros(8000, np.int16), second.pcm16_8k])
    got = await recognise(client, Line(samples, config(), speed=8))
    assert [one.text for one in got if one.final] == ["Good morning.", SENTENCE]


async def test_the_end_of_the_audio_is_the_end_of_the_utterance(client: Any, state: State) -> None:
    speech = say(state, SENTENCE)
    got = await recognise(client, Line(speech.pcm16_8k, config(), after_s=0, speed=8))
    assert [one.text for one in got if one.final] == [SENTENCE]


async def test_a_single_utterance_ends_the_stream(client: Any, state: State) -> None:
    speech = say(state, SENTENCE)
    line = Line(speech.pcm16_8k, config(single_utterance=True), after_s=20, speed=2)
    told = asyncio.Event()
    stream = await client.streaming_recognize(requests=sent_until(told, line), retry=None, timeout=30)
    got = []
    async for response in stream:
        got.append(Got(time.monotonic(), response))
        if response.speech_event_type:
            told.set()
    events = [one.response.speech_event_type.name for one in got if one.response.speech_event_type]
    assert events == ["END_OF_SINGLE_UTTERANCE"]
    assert [one.text for one in got if one.final] == [SENTENCE]
    assert len(line.sent_at) * 0.02 < 15, "it did not wait for all the audio"


async def test_voice_activity_events(client: Any, state: State) -> None:
    speech = say(state, SENTENCE)
    got = await recognise(client, Line(speech.pcm16_8k, config(enable_voice_activity_events=True), speed=4))
    events = [one.response.speech_event_type.name for one in got if one.response.speech_event_type]
    assert events == ["SPEECH_ACTIVITY_BEGIN", "SPEECH_ACTIVITY_END"]


async def test_speech_that_nobody_rendered_has_no_result(client: Any, state: State) -> None:
    say(state, SENTENCE)
    unknown = Voice().render("The quick brown fox jumps over the lazy dog.")
    got = await recognise(client, Line(unknown.pcm16_8k, config(), speed=8))
    assert not [one for one in got if one.response.results]


async def one_request(*requests: Any) -> AsyncIterator[Any]:
    for request in requests:
        yield request


async def sent_until(told: asyncio.Event, requests: Any) -> AsyncIterator[Any]:
    """Sends until it is told to stop, and leaves ending the stream to the other side. Who still sends while the
    other side ends it may be told of the failed sending by gRPC's client, instead of how the stream ended."""
    async for request in requests:
        if told.is_set():
            break
        yield request
    await asyncio.sleep(10)


def said_nothing_after(*requests: Any) -> AsyncIterator[Any]:
    """For a stream that the other side ends; see `sent_until`."""
    return sent_until(asyncio.Event(), one_request(*requests))


@pytest.mark.parametrize(
    ("requests", "word"),
    [
        ([audio(b"\xff" * 160)], "streaming_config"),
        ([config(), config()], "streaming_config"),
        ([config(), audio(b"\xff" * 26_000)], "25600"),
        ([config(rate=16000)], "sample_rate_hertz"),
        ([config(encoding=speech_v1.RecognitionConfig.AudioEncoding.FLAC)], "encoding"),
    ],
)
async def test_wrong_requests_are_refused(client: Any, requests: list[Any], word: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=word):
        await recognise(client, one_request(*requests))


async def test_audio_must_keep_coming(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_server, "MAX_AUDIO_GAP_S", 0.3)
    with pytest.raises(exceptions.Aborted, match="without audio"):
        await recognise(client, said_nothing_after(config(), audio(b"\xff" * 160)))


async def test_a_stream_has_a_longest_duration(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_server, "MAX_STREAM_S", 0.5)
    with pytest.raises(exceptions.OutOfRange, match="maximum allowed stream duration"):
        await recognise(client, said_nothing_after(config(), audio(b"\xff" * 160)))


async def test_a_recogniser_that_dies_in_mid_stream(client: Any, state: State) -> None:
    state.faults.arm([Fault(on="recognizer", kind="die", at=0.4)])
    start = time.monotonic()
    with pytest.raises(exceptions.ServiceUnavailable):
        await recognise(client, said_nothing_after(config(), audio(b"\xff" * 160)))
    assert 0.39 <= time.monotonic() - start < 5, "long before the client's end"
    speech = say(state, SENTENCE)
    got = await recognise(client, Line(speech.pcm16_8k, config(), speed=8))
    assert [one.text for one in got if one.final] == [SENTENCE], "the next stream works"
