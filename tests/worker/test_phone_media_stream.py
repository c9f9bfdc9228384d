"""The Media Streams protocol on a real socket."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import pytest
import uvloop
from phone_support import CALL_SID, DEADLINE_S, STREAM_SID, Line, running_line, start_message

from worker.phone import media_stream
from worker.phone.media import Digit, Frame, MarkPlayed, Stopped

CONNECTED = {"event": "connected", "protocol": "Call", "version": "1.0.0"}


def media(audio: bytes, timestamp: Any = "20", **changes: Any) -> dict[str, Any]:
    payload = base64.b64encode(audio).decode()
    inner = {"track": "inbound", "chunk": "1", "timestamp": timestamp, "payload": payload} | changes
    return {"event": "media", "sequenceNumber": "2", "streamSid": STREAM_SID, "media": inner}


STOP = {"event": "stop", "streamSid": STREAM_SID, "stop": {"callSid": CALL_SID}}


async def started(line: Line) -> aiohttp.ClientWebSocketResponse:
    socket = await line.connect()
    await socket.send_json(CONNECTED)
    await socket.send_json(start_message())
    await asyncio.wait_for(line.directory.serving.wait(), DEADLINE_S)
    return socket


async def served(line: Line) -> list[Any]:
    await asyncio.wait_for(line.directory.served.wait(), DEADLINE_S)
    return line.directory.events


async def test_events_arrive_in_order_and_end_with_stopped() -> None:
    async with running_line() as line:
        socket = await started(line)
        await socket.send_json(media(b"\x11" * 160, "40"))
        await socket.send_json({"event": "dtmf", "streamSid": STREAM_SID, "dtmf": {"digit": "#"}})
        await socket.send_json({"event": "mark", "streamSid": STREAM_SID, "mark": {"name": "x"}})
        await socket.send_json({"event": "weather", "streamSid": STREAM_SID})
        await socket.send_json(media(b"\x12" * 160, 60))
        await socket.send_json(STOP)
        assert await served(line) == [
            Frame(b"\x11" * 160, 40),
            Digit("#"),
            MarkPlayed("x"),
            Frame(b"\x12" * 160, 60),
            Stopped(clean=True),
        ]


async def test_what_is_sent_is_what_twilio_takes() -> None:
    async with running_line() as line:
        socket = await started(line)
        await socket.send_json(media(b"\x01" * 160))
        sent = [await socket.receive_json(timeout=DEADLINE_S) for _ in range(3)]
        assert sent == [
            {
                "event": "media",
                "streamSid": STREAM_SID,
                "media": {"payload": base64.b64encode(b"\x02" * 320).decode()},
            },
            {"event": "mark", "streamSid": STREAM_SID, "mark": {"name": "m1"}},
            {"event": "clear", "streamSid": STREAM_SID},
        ]
        await socket.close()


async def test_long_audio_is_sent_whole_in_several_messages() -> None:
    async with running_line() as line:
        socket = await started(line)
        audio = bytes(range(256)) * 64
        assert line.directory.stream is not None
        await line.directory.stream.send_audio(audio)
        await line.directory.stream.send_mark('a "quoted" näme')
        got = b""
        while (message := await socket.receive_json(timeout=DEADLINE_S))["event"] == "media":
            got += base64.b64decode(message["media"]["payload"])
        assert got == audio
        assert message["mark"]["name"] == 'a "quoted" näme'
        await socket.close()


async def test_a_broken_socket_ends_unclean_and_sending_to_it_is_no_error() -> None:
    async with running_line() as line:
        socket = await started(line)
        await socket.close()
        assert await served(line) == [Stopped(clean=False)]
        stream = line.directory.stream
        assert stream is not None
        await stream.send_audio(b"\x00" * 160)
        await stream.send_mark("m")
        await stream.clear()
        await stream.close()


async def test_other_lengths_are_cut_into_frames_with_their_times() -> None:
    async with running_line() as line:
        socket = await started(line)
        audio = bytes(n % 256 for n in range(480))
        await socket.send_json(media(audio[:100], 0))
        await socket.send_json(media(audio[100:400], 12))
        await socket.send_json(media(audio[400:], 50))
        await socket.send_json(STOP)
        *frames, _ = await served(line)
        assert b"".join(frame.mulaw for frame in frames) == audio
        assert [len(frame.mulaw) for frame in frames] == [160] * 3
        assert [frame.timestamp_ms for frame in frames] == [0, 20, 40]


MALFORMED: list[Any] = [
    "not json",
    "[]",
    '"text"',
    "{}",
    {"event": 5},
    {"event": "media", "streamSid": STREAM_SID},
    media(b"x") | {"streamSid": "MZother"},
    media(b"x", payload="***"),
    media(b"x", payload=7),
    media(b"x", payload="ü"),
    media(b"x", timestamp="-1"),
    media(b"x", timestamp="1.5"),
    media(b"x", timestamp=True),
    media(b"x", timestamp="9" * 40),
    {"event": "dtmf", "streamSid": STREAM_SID, "dtmf": {"digit": "12"}},
    {"event": "mark", "streamSid": STREAM_SID, "mark": {}},
    b"\x00\x01binary",
    "[" * 5000,
]


@pytest.mark.parametrize("broken", MALFORMED, ids=range(len(MALFORMED)))
async def test_a_malformed_message_is_dropped_and_the_call_goes_on(broken: Any) -> None:
    async with running_line() as line:
        socket = await started(line)
        await send(socket, broken)
        await socket.send_json(media(b"\x21" * 160, "60"))
        await socket.send_json(STOP)
        assert await served(line) == [Frame(b"\x21" * 160, 60), Stopped(clean=True)]
        stream = line.directory.stream
        assert isinstance(stream, media_stream.TwilioMediaStream)
        assert stream.malformed == 1


async def send(socket: aiohttp.ClientWebSocketResponse, message: Any) -> None:
    if isinstance(message, bytes):
        await socket.send_bytes(message)
    else:
        await socket.send_str(message if isinstance(message, str) else json.dumps(message))


LONE_S = 0.1
"""Far longer than a message takes on loopback."""


async def test_frames_in_pairs() -> None:
    async with running_line() as line, asyncio.timeout(DEADLINE_S):
        socket = await started(line)
        news, events = line.directory.news, line.directory.events
        stream = line.directory.stream
        assert stream is not None
        await socket.send_json(media(b"\x10" * 160, "20"))
        await news.wait()

        stream.take_pairs(True)
        for at, is_second in (("40", False), ("60", True), ("80", False)):
            before = len(events)
            news.clear()
            await socket.send_json(media(b"\x11" * 160, at))
            if is_second:
                while len(events) < before + 2:
                    news.clear()
                    await news.wait()
            else:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(news.wait(), LONE_S)

        stream.take_pairs(False)
        await news.wait()
        assert events[-1] == Frame(b"\x11" * 160, 80), "what waited is there at once"
        await socket.close()


async def test_an_end_that_waits_for_a_frame_is_found_when_pairs_are_no_longer_wanted() -> None:
    async with running_line() as line, asyncio.timeout(DEADLINE_S):
        socket = await started(line)
        stream = line.directory.stream
        assert stream is not None
        await socket.send_json(media(b"\x10" * 160, "20"))
        await line.directory.news.wait()
        stream.take_pairs(True)
        await socket.send_json(STOP)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(line.directory.served.wait(), LONE_S)
        stream.take_pairs(False)
        assert (await served(line))[-1] == Stopped(clean=True)


@pytest.mark.parametrize("who", ["worker", "carrier", "lost"])
async def test_closing_waits_for_no_pair(who: str) -> None:
    async with running_line() as line, asyncio.timeout(media_stream.CLOSE_DEADLINE_S / 2):
        socket = await started(line)
        stream = line.directory.stream
        assert stream is not None
        await socket.send_json(media(b"\x10" * 160, "20"))
        await line.directory.news.wait()
        stream.take_pairs(True)
        if who == "worker":
            closing = asyncio.create_task(stream.close())
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
            await closing
        elif who == "carrier":
            closing = asyncio.create_task(socket.close())
            await asyncio.sleep(LONE_S)
            stream.take_pairs(False)  # as the call does when no frame comes
            await closing
        else:
            assert socket._response.connection is not None
            assert socket._response.connection.transport is not None
            socket._response.connection.transport.abort()
        assert await served(line)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_connection_that_is_gone_has_no_pairs(run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
    """On the worker's own event loop too, whose sockets differ."""

    async def main() -> None:
        async with running_line() as line, asyncio.timeout(DEADLINE_S):
            socket = await started(line)
            stream = line.directory.stream
            assert stream is not None
            await socket.send_json(media(b"\x10" * 160, "20"))
            await line.directory.news.wait()
            for wanted in (True, False):
                stream.take_pairs(wanted)
            await socket.close()
            await served(line)
            for wanted in (True, False):
                stream.take_pairs(wanted)
            await stream.close()

    run(main())


async def test_a_frame_of_any_length_leaves_the_stream_readable() -> None:
    """How much is waited for is the carrier's to say, within bounds."""
    async with running_line() as line, asyncio.timeout(DEADLINE_S):
        socket = await started(line)
        stream = line.directory.stream
        assert stream is not None
        await socket.send_json(media(b"\x10" * 160, "20") | {"padding": "x" * 40_000})
        await line.directory.news.wait()
        stream.take_pairs(True)
        line.directory.news.clear()
        await socket.send_json(media(b"\x12" * 160, "40") | {"padding": "x" * 2_000})
        await line.directory.news.wait()
        stream.take_pairs(False)
        await socket.close()


async def test_too_many_malformed_messages_close_the_socket() -> None:
    async with running_line() as line:
        socket = await started(line)
        for _ in range(media_stream.MAX_MALFORMED + 1):
            await socket.send_str("{")
        message = await socket.receive(timeout=DEADLINE_S)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == aiohttp.WSCloseCode.PROTOCOL_ERROR
        assert await served(line) == [Stopped(clean=False)]


async def test_a_huge_message_closes_the_socket() -> None:
    async with running_line() as line:
        socket = await started(line)
        await socket.send_str("x" * (media_stream.MAX_MESSAGE_BYTES + 1))
        assert (await socket.receive(timeout=DEADLINE_S)).type is aiohttp.WSMsgType.CLOSE
        assert await served(line) == [Stopped(clean=False)]


NO_START: list[Any] = [
    media(b"x"),
    STOP,
    "nonsense",
    b"binary",
    {"event": "start", "start": None},
    start_message(mediaFormat={"encoding": "audio/opus", "sampleRate": 8000, "channels": 1}),
    start_message(mediaFormat={"encoding": "audio/x-mulaw", "sampleRate": 16000, "channels": 1}),
    start_message(callSid=""),
    start_message(customParameters=["token"]),
]


@pytest.mark.parametrize("message", NO_START, ids=range(len(NO_START)))
async def test_without_a_proper_start_the_socket_is_closed(message: Any) -> None:
    async with running_line() as line:
        socket = await line.connect()
        await socket.send_json(CONNECTED)
        await send(socket, message)
        answer = await socket.receive(timeout=DEADLINE_S)
        assert answer.type is aiohttp.WSMsgType.CLOSE
        assert answer.data == aiohttp.WSCloseCode.PROTOCOL_ERROR
        assert not line.directory.serving.is_set()


async def test_a_socket_that_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_stream, "START_DEADLINE_S", 0.05)
    async with running_line() as line:
        socket = await line.connect()
        answer = await socket.receive(timeout=DEADLINE_S)
        assert answer.data == aiohttp.WSCloseCode.PROTOCOL_ERROR


async def test_a_carrier_that_does_not_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_stream, "SEND_DEADLINE_S", 0.1)
    monkeypatch.setattr(media_stream, "CLOSE_DEADLINE_S", 0.1)
    async with running_line() as line:
        socket = await started(line)
        stream = line.directory.stream
        assert stream is not None
        # More than any socket buffers hold; the client reads nothing meanwhile.
        connection = socket._conn
        assert connection is not None
        assert connection.transport is not None
        connection.transport.pause_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(DEADLINE_S):
            for _ in range(2_000):
                if line.directory.served.is_set():
                    break
                await stream.send_audio(b"\x00" * 16_000)
        assert await served(line) == [Stopped(clean=False)]
        connection.transport.abort()  # type: ignore[attr-defined]


async def test_a_sentence_cancelled_before_a_full_socket_does_not_cancel_what_follows() -> None:
    async with running_line() as line:
        socket = await started(line)
        stream = line.directory.stream
        assert stream is not None
        connection = socket._conn
        assert connection is not None
        transport = connection.transport
        assert transport is not None
        transport.pause_reading()  # type: ignore[attr-defined]

        sent = 0

        async def talk() -> None:
            nonlocal sent
            while True:
                await stream.send_audio(b"\x00" * 4_000)
                sent += 1

        talking = asyncio.create_task(talk())
        async with asyncio.timeout(DEADLINE_S):
            before = -1
            while sent != before:  # until every buffer on the way is full, and the talker stands still
                before = sent
                await asyncio.sleep(0.1)
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
        await stream.clear()
        transport.resume_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(DEADLINE_S):
            while (await socket.receive_json())["event"] != "clear":
                pass
        await socket.close()
