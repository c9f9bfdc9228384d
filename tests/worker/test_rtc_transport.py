"""Audio and messages over a real WebRTC connection, with a page's side of aiortc."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from page_side import RATE, level, page, strength, tone

from worker.audio.g711 import decode, encode
from worker.web.rtc.ice import Ice
from worker.web.rtc.offer import read_offer
from worker.web.rtc.peers import Peers
from worker.web.rtc.transport import AudioTransport


@pytest.fixture
async def peers() -> AsyncIterator[Peers]:
    peers = Peers(Ice())
    yield peers
    await peers.close()


@pytest.mark.parametrize("codec", ["PCMU", "opus"])
async def test_both_directions(peers: Peers, codec: str) -> None:
    heard: list[bytes] = []

    async def serve(transport: AudioTransport) -> None:
        transport.play(encode(tone(1000, 1.0)))
        async for frame in transport.frames():
            assert len(frame) == 160
            heard.append(frame)

    async def ask(sdp: str) -> str:
        return await peers.answer("me", read_offer(sdp), serve)

    async with page(ask, codecs=(codec,)) as mine:
        assert mine.codec == codec
        assert mine.microphone is not None
        await mine.hears(lambda samples: level(samples) > 3_000)
        mine.microphone.say(tone(440, 1.0))
        async with asyncio.timeout(10):
            while sum(level(decode(frame)) > 3_000 for frame in heard) < 48:
                await asyncio.sleep(0.05)
        loud = np.concatenate([decode(frame) for frame in heard if level(decode(frame)) > 3_000])
        assert strength(loud[: RATE // 2], 440) > 4_000
        played = np.concatenate([samples for _, samples in mine.heard if level(samples) > 3_000])
        assert strength(played[: RATE // 2], 1000) > 4_000
    async with asyncio.timeout(10):
        while len(peers):
            await asyncio.sleep(0.02)
