"""A spoken request over WebRTC, by the worker's real Google client and the rehearsed recogniser."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from page_side import RATE, Page, page
from rehearsed_speech import RehearsedSpeech, rehearsed_speech

from worker.speech.detectors import Detectors
from worker.web.rtc.dictate import Hearing, dictate
from worker.web.rtc.ice import Ice
from worker.web.rtc.offer import read_offer
from worker.web.rtc.peers import Peers
from worker.web.rtc.transport import AudioTransport

REQUEST = "Hey Floyd, can you call the school and let them know Mara is sick?"


@pytest.fixture
async def speech() -> AsyncIterator[RehearsedSpeech]:
    async with rehearsed_speech() as speech:
        yield speech


@pytest.fixture
async def peers() -> AsyncIterator[Peers]:
    peers = Peers(Ice())
    yield peers
    await peers.close()


class Dictating:
    def __init__(self, peers: Peers, speech: RehearsedSpeech, *, hold: bool = False) -> None:
        self._hearing = Hearing(speech.recognizer, Detectors(), "en-US", [])
        self._peers, self._hold = peers, hold

    async def __call__(self, sdp: str) -> str:
        async def serve(transport: AudioTransport) -> None:
            await dictate(transport, self._hearing, hold=self._hold)

        return await self._peers.answer("me", read_offer(sdp), serve)


async def until_end(mine: Page) -> list[tuple[float, dict[str, Any]]]:
    """All messages, with their times."""
    messages = []
    while True:
        message = await mine.message()
        messages.append((time.monotonic(), message))
        if message["kind"] in ("end", "error"):
            return messages


def words(text: str) -> list[str]:
    return [word.strip(",.?!").lower() for word in text.split()]


@pytest.mark.parametrize("codec", ["PCMU", "opus"])
async def test_words_while_they_are_spoken(peers: Peers, speech: RehearsedSpeech, codec: str) -> None:
    said = speech.say(REQUEST)
    async with page(Dictating(peers, speech), codecs=(codec,), hears=False) as mine:
        assert mine.microphone is not None
        assert (await mine.message())["kind"] == "listening"
        began = time.monotonic()
        mine.microphone.say(said)
        messages = await until_end(mine)
    spoken_until = began + said.size / RATE
    texts = [(at, message["text"]) for at, message in messages if message["kind"] == "words"]
    print(codec, [(round(at - began, 2), text) for at, text in texts], round(messages[-1][0] - spoken_until, 2))
    assert messages[-1][1]["kind"] == "end"
    assert words(texts[-1][1]) == words(REQUEST)
    assert len(texts) > 5
    assert texts[0][0] < spoken_until - 1.0
