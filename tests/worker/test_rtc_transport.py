"""Audio and messages over a real WebRTC connection; the page's side is aiortc's too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from aioice import stun
from aiortc import RTCConfiguration, RTCPeerConnection
from page_side import CODECS, FRAME, RATE, Ask, Samples, level, page, strength, tone

from worker.audio.g711 import decode, encode
from worker.web.rtc import peers as peers_module
from worker.web.rtc.ice import Ice, IceServer
from worker.web.rtc.offer import read_offer
from worker.web.rtc.peers import PER_PERSON, Peers, Serve
from worker.web.rtc.transport import AudioTransport

LOUD = 3_000


@pytest.fixture
async def peers() -> AsyncIterator[Peers]:
    peers = Peers(Ice())
    yield peers
    await peers.close()
    assert len(peers) == 0


def asking(peers: Peers, serve: Serve, person: str = "me") -> Ask:
    async def ask(sdp: str) -> str:
        return await peers.answer(person, read_offer(sdp), serve)

    return ask


class Ear:
    """Serves a connection by listening to it."""

    def __init__(self) -> None:
        self.frames: list[Samples] = []
        self.loud = 0
        self.ended = asyncio.Event()
        self._more = asyncio.Event()

    async def __call__(self, transport: AudioTransport) -> None:
        await transport.connected()
        async for frame in transport.frames():
            assert len(frame) == FRAME
            self.frames.append(decode(frame))
            self.loud += level(self.frames[-1]) > LOUD
            self._more.set()
        self.ended.set()

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(15):
            while not enough():
                self._more.clear()
                await self._more.wait()

    def speech(self) -> Samples:
        return np.concatenate([frame for frame in self.frames if level(frame) > LOUD])


@pytest.mark.parametrize("codec", ["PCMU", "opus"])
async def test_sound_goes_both_ways(peers: Peers, codec: str) -> None:
    ear = Ear()

    async def serve(transport: AudioTransport) -> None:
        transport.play(encode(tone(1000, 1.0)))
        await ear(transport)

    async with page(asking(peers, serve), codecs=(codec,)) as mine:
        assert mine.codec == codec
        assert mine.microphone is not None
        await mine.hears(lambda samples: level(samples) > LOUD)
        mine.microphone.say(tone(440, 1.0))
        await ear.until(lambda: ear.loud >= 48)
        played = np.concatenate([samples for _, samples in mine.heard if level(samples) > LOUD])
    assert strength(ear.speech()[: RATE // 4], 440) > 5_000
    assert strength(played[: RATE // 4], 1000) > 5_000


async def test_pcmu_arrives_bit_for_bit(peers: Peers) -> None:
    ear = Ear()
    said = decode(encode(np.random.default_rng(3).integers(-20_000, 20_000, RATE).astype(np.int16)))
    async with page(asking(peers, ear), hears=False) as mine:
        assert mine.codec == "PCMU"
        assert mine.microphone is not None
        await ear.until(lambda: len(ear.frames) > 5)
        mine.microphone.say(said)
        await ear.until(lambda: ear.loud >= RATE // FRAME)
    assert np.array_equal(ear.speech(), said)


async def test_a_microphone_that_sends_nothing_is_silence_in_real_time(peers: Peers) -> None:
    ear = Ear()
    clock = asyncio.get_running_loop().time
    async with page(asking(peers, ear), speaks=False):
        await ear.until(lambda: len(ear.frames) >= 1)
        began = clock()
        await ear.until(lambda: len(ear.frames) >= 51)
    assert 0.8 < clock() - began < 2.5
    assert ear.loud == 0


async def test_played_in_real_time_and_cleared(peers: Peers) -> None:
    at: list[tuple[float, int]] = []
    cleared: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    clock = asyncio.get_running_loop().time

    async def serve(transport: AudioTransport) -> None:
        await transport.connected()
        half = asyncio.Event()

        def progress() -> None:
            at.append((clock(), transport.position))
            if transport.position >= RATE // 2:
                half.set()

        transport.on_progress = progress
        transport.play(encode(tone(1000, 10.0)))
        await half.wait()
        cleared.set_result(transport.clear())
        await transport.closed()

    async with page(asking(peers, serve), speaks=False) as mine:
        async with asyncio.timeout(15):
            position = await cleared
        await mine.hears(lambda samples: level(samples) > LOUD)
        heard = len(mine.heard)
        await mine.hears(lambda samples: len(mine.heard) > heard + 20 and level(samples) < 100)
        seconds = sum(level(samples) > LOUD for _, samples in mine.heard) * 0.02
    assert RATE // 2 <= position < RATE // 2 + 5 * FRAME
    assert 0.35 < at[-1][0] - at[0][0] < 1.5
    assert abs(seconds - position / RATE) < 0.1


async def test_messages_go_both_ways(peers: Peers) -> None:
    async def serve(transport: AudioTransport) -> None:
        transport.send({"kind": "early"})
        async for message in transport.messages():
            transport.send({"kind": "echo", "message": message})

    async with page(asking(peers, serve)) as mine:
        assert await mine.message() == {"kind": "early"}
        mine.send({"kind": "say", "text": "ä\u2028"})
        assert await mine.message() == {"kind": "echo", "message": {"kind": "say", "text": "ä\u2028"}}


@pytest.mark.parametrize("message", ["no json", "[1]", b"\x00\x01", '{"kind": "' + "x" * 3_000 + '"}'])
async def test_what_is_no_message_ends_the_connection(peers: Peers, message: str | bytes) -> None:
    ear = Ear()
    async with page(asking(peers, ear)) as mine:
        await mine.can_send()
        mine.send(message)
        async with asyncio.timeout(10):
            await ear.ended.wait()
        await mine.until_ended()


@pytest.mark.parametrize("label", ["events", "other"])
async def test_one_data_channel_is_enough(peers: Peers, label: str) -> None:
    ear = Ear()
    async with page(asking(peers, ear)) as mine:
        await mine.can_send()
        mine.connection.createDataChannel(label)
        async with asyncio.timeout(10):
            await ear.ended.wait()


async def test_too_many_messages_end_the_connection(peers: Peers) -> None:
    ear = Ear()  # which reads none
    async with page(asking(peers, ear)) as mine:
        await mine.can_send()
        for number in range(200):
            mine.send({"kind": "say", "text": str(number)})
        async with asyncio.timeout(10):
            await ear.ended.wait()


async def test_a_page_that_goes_away_is_noticed(peers: Peers) -> None:
    ear = Ear()
    async with page(asking(peers, ear)) as mine:
        async with asyncio.timeout(10):
            await mine.connected.wait()
    async with asyncio.timeout(10):
        await ear.ended.wait()


async def test_when_the_worker_is_done_the_page_is_told(peers: Peers) -> None:
    async def serve(transport: AudioTransport) -> None:
        await transport.connected()

    async with page(asking(peers, serve)) as mine:
        await mine.until_ended()


async def test_all_end_when_the_worker_stops(peers: Peers) -> None:
    ears = [Ear(), Ear()]
    async with page(asking(peers, ears[0])) as one, page(asking(peers, ears[1])) as other:
        for ear in ears:
            await ear.until(lambda ear=ear: len(ear.frames) > 0)
        await peers.close()
        await one.until_ended()
        await other.until_ended()
        with pytest.raises(web.HTTPServiceUnavailable):
            await asking(peers, ears[0])(await offer())


async def test_a_page_that_never_comes_is_forgotten(peers: Peers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers_module, "CONNECT_S", 0.3)
    ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def serve(transport: AudioTransport) -> None:
        await transport.connected()
        ended.set_result(transport.is_closed)

    assert "a=candidate" in await asking(peers, serve)(await offer())
    async with asyncio.timeout(10):
        assert await ended is True


async def test_one_too_many_of_a_person_replaces_their_oldest(peers: Peers) -> None:
    gone: asyncio.Queue[int] = asyncio.Queue()

    def serving(number: int) -> Serve:
        async def serve(transport: AudioTransport) -> None:
            try:
                await transport.closed()
            finally:
                gone.put_nowait(number)

        return serve

    await asking(peers, serving(-1), "somebody else")(await offer())
    for number in range(PER_PERSON + 2):
        await asking(peers, serving(number))(await offer())
    async with asyncio.timeout(10):
        assert [await gone.get(), await gone.get()] == [0, 1]
    assert gone.empty()


async def test_there_is_a_limit_for_all(peers: Peers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers_module, "IN_ALL", 2)
    for person in ("one", "two"):
        await asking(peers, Ear(), person)(await offer())
    with pytest.raises(web.HTTPServiceUnavailable):
        await asking(peers, Ear(), "three")(await offer())


async def test_the_answer_names_only_this_machines_addresses(peers: Peers) -> None:
    answer = await asking(peers, Ear())(await offer())
    candidates = [line for line in answer.splitlines() if line.startswith("a=candidate")]
    assert candidates
    assert all(" typ host" in candidate for candidate in candidates)
    assert any(" 127.0.0.1 " in candidate for candidate in candidates)


class StunServer(asyncio.DatagramProtocol):
    """Tells whoever asks where they come from (RFC 8489, binding)."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asked = stun.parse_message(data)
        answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=asked.transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = ("203.0.113.77", addr[1])
        self.transport.sendto(bytes(answer), addr)


async def test_with_a_stun_server_the_outer_address_is_told_too() -> None:
    loop = asyncio.get_running_loop()
    server, _ = await loop.create_datagram_endpoint(StunServer, local_addr=("127.0.0.1", 0))
    port = server.get_extra_info("sockname")[1]
    peers = Peers(Ice((IceServer([f"stun:127.0.0.1:{port}"]),), host="127.0.0.1"))
    ear = Ear()
    try:
        async with page(asking(peers, ear)) as mine:
            assert mine.microphone is not None
            assert "203.0.113.77" in mine.connection.remoteDescription.sdp
            mine.microphone.say(tone(440, 1.0))
            await ear.until(lambda: ear.loud >= 40)
    finally:
        await peers.close()
        server.close()


async def offer() -> str:
    """Of a page that will not come."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        connection.addTransceiver("audio").setCodecPreferences([CODECS["PCMU"]])
        connection.createDataChannel("events")
        await connection.setLocalDescription(await connection.createOffer())
        return str(connection.localDescription.sdp)
    finally:
        await connection.close()
