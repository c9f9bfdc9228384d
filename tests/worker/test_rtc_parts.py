"""The parts of browser audio that need no connection."""

from __future__ import annotations

import asyncio
import random

import numpy as np
import pytest
from call_on_air import CallOnAir
from page_side import tone

from worker.audio.g711 import decode, encode
from worker.call.endpointing import View
from worker.settings import SettingsError, load_settings
from worker.web.rtc import dictation_end
from worker.web.rtc.flood import BURST, DATAGRAMS_PER_S, Flood
from worker.web.rtc.ice import LOOPBACK, Ice, IceServer, listening_addresses, read_servers
from worker.web.rtc.jitter import Jitter
from worker.web.rtc.listen import listen_in
from worker.web.rtc.mixing import mixed
from worker.web.rtc.routes import ice_of
from worker.web.rtc.transport import FRAME_BYTES, SILENT_FRAME, AudioTransport


def numbered(*numbers: int) -> list[bytes | None]:
    jitter, out = Jitter(), []
    for number in numbers:
        out += jitter.add(number % 65536, str(number % 65536).encode())
    return out


def named(*numbers: int | None) -> list[bytes | None]:
    return [None if number is None else str(number).encode() for number in numbers]


def test_packets_in_order_are_not_held_back() -> None:
    jitter = Jitter()
    for number in range(65_530, 65_560):
        assert jitter.add(number % 65536, b"x") == [b"x"]


def test_packets_out_of_order_twice_or_lost() -> None:
    assert numbered(7, 9, 8, 10) == named(7, 8, 9, 10)
    assert numbered(7, 8, 8, 7, 9) == named(7, 8, 9)
    assert numbered(7, 9, 10, 11, 12) == named(7, None, 9, 10, 11, 12)
    assert numbered(7, 9, 10, 11, 8, 12) == named(7, None, 9, 10, 11, 12)
    assert numbered(65_534, 65_535, 65_537, 65_538, 65_539) == named(65_534, 65_535, None, 1, 2, 3)


def test_a_jump_is_a_new_beginning() -> None:
    assert numbered(7, 8, 30_000, 30_001) == named(7, 8, 30_000, 30_001)
    assert numbered(30_000, 5, 6) == named(30_000, 5, 6)


def test_any_small_disorder_keeps_all_packets_in_order() -> None:
    dice = random.Random(5)
    for _ in range(200):
        numbers = sorted(range(200), key=lambda number: number + dice.uniform(0, 1.9))
        first = numbers.index(0)
        given = numbered(*numbers[first:], 200, 201, 202)
        heard = [int(piece) for piece in given if piece is not None]
        assert heard == sorted(heard)
        assert len(heard) >= 198 - first


def test_a_flood_is_stopped_and_audio_is_not() -> None:
    flood = Flood()
    assert all(flood.may_pass(frame * 0.02) for frame in range(50 * 60))
    at_once = sum(flood.may_pass(60.0) for _ in range(5_000))
    assert at_once <= BURST
    assert not flood.may_pass(60.0)
    assert sum(flood.may_pass(61.0) for _ in range(5_000)) <= DATAGRAMS_PER_S + 1


def test_two_voices_are_mixed_and_one_is_left_as_it_is() -> None:
    one, other = (encode(tone(hz, 0.02)) for hz in (500, 750))
    assert mixed(one, SILENT_FRAME) == one
    assert mixed(SILENT_FRAME, other) == other
    together = decode(mixed(one, other)).astype(int)
    assert np.abs(together - (decode(one).astype(int) + decode(other))).max() < 600
    loud = encode(np.full(FRAME_BYTES, 32_000, np.int16))
    assert decode(mixed(loud, loud)).min() > 31_000


def test_playing_is_counted_and_can_be_cleared() -> None:
    transport, progress = AudioTransport(), []
    transport.on_progress = lambda: progress.append(transport.position)
    transport.play(bytes(range(160)) * 3)
    assert transport.next_frame() == bytes(range(160))
    assert (transport.position, progress) == (160, [160])
    assert transport.clear() == 160
    assert transport.next_frame() == SILENT_FRAME
    assert transport.position == 160


def test_a_frame_that_is_not_whole_yet_is_waited_for_once() -> None:
    transport = AudioTransport()
    transport.play(b"\x01" * 100)
    assert transport.next_frame() == SILENT_FRAME
    transport.play(b"\x02" * 60)
    assert transport.next_frame() == b"\x01" * 100 + b"\x02" * 60
    transport.play(b"\x03" * 100)
    assert transport.next_frame() == SILENT_FRAME
    assert transport.next_frame() == b"\x03" * 100 + SILENT_FRAME[:60]
    assert transport.position == 260


def test_live_audio_does_not_fall_behind() -> None:
    transport = AudioTransport()
    for number in range(20):
        transport.play(bytes([number]) * 160)
        transport.keep_latest(480)
    assert transport.next_frame() == bytes([17]) * 160


async def test_a_bunch_of_frames_is_no_delay_for_good() -> None:
    transport = AudioTransport()
    transport.is_connected()
    call = CallOnAir()
    call.stop_time()
    listening = asyncio.create_task(listen_in(transport, call.on_air))

    async def frame_comes() -> None:
        assert call.on_frame is not None
        call.on_frame(SILENT_FRAME)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    await asyncio.sleep(0)
    for _ in range(5):
        await frame_comes()
    waited = [transport.unplayed]
    for _ in range(120):
        await frame_comes()
        transport.next_frame()
        waited.append(transport.unplayed)
    call.end()
    transport.end()
    await listening
    assert waited[0] == 5 * FRAME_BYTES
    assert waited[-1] <= 2 * FRAME_BYTES


def view(text: str, silence_s: float, *, has_interim: bool = False, since_words_s: float = 0.5) -> View:
    return View(text=text, has_interim=has_interim, silence_s=silence_s, since_words_s=since_words_s)


@pytest.mark.parametrize(
    ("text", "silence_s", "over"),
    [
        ("", 30.0, False),
        ("Call the school.", 0.1, False),
        ("Call the school.", 1.2, False),
        ("Call the school.", 1.4, True),
        ("Call the school and", 1.4, False),
        ("Call the school and", 1.9, True),
        ("Call 415 555", 1.5, False),
        ("Call the school", 1.4, False),
        ("Call the school", 1.6, True),
    ],
)
def test_when_a_dictation_is_over(text: str, silence_s: float, over: bool) -> None:
    verdict = dictation_end.decide(view(text, silence_s))
    assert verdict.over is over
    if text and not over:
        assert verdict.look_again_s is not None
        assert dictation_end.decide(view(text, silence_s + verdict.look_again_s + 0.001)).over


def test_a_steady_noise_does_not_keep_a_dictation_open() -> None:
    assert dictation_end.decide(view("Call the school.", 0.0, since_words_s=4.0)).over
    assert not dictation_end.decide(view("Call the school.", 0.0, since_words_s=2.0)).over


def test_where_pages_are_waited_for() -> None:
    found = ["192.168.0.7", "fd00::7"]
    assert listening_addresses(found, None) == [*found, LOOPBACK]
    assert listening_addresses(found, LOOPBACK) == [LOOPBACK]
    assert listening_addresses(found, "192.168.0.7") == ["192.168.0.7"]
    assert listening_addresses(found, "203.0.113.7") == [*found, LOOPBACK]


def test_behind_a_nat_the_outer_address_is_told() -> None:
    lines = [
        "a=candidate:1 1 udp 2130706431 192.168.0.7 5000 typ host",
        "a=candidate:2 1 udp 2130706431 fd00::7 5001 typ host",
        "a=candidate:3 1 udp 1694498815 198.51.100.2 5000 typ srflx raddr 192.168.0.7 rport 5000",
    ]
    told = Ice(host="203.0.113.7").announced("\r\n".join(lines)).split("\r\n")
    assert told == [lines[0].replace("192.168.0.7", "203.0.113.7"), *lines[1:]]
    assert Ice().announced("\r\n".join(lines)).split("\r\n") == lines


def test_ice_servers_are_read() -> None:
    turn = '{"urls": ["turn:t.example.com"], "username": "u", "credential": "c"}'
    text = f'[{{"urls": "stun:stun.example.com:3478"}}, {turn}]'
    servers = read_servers(text)
    assert servers == (IceServer(["stun:stun.example.com:3478"]), IceServer(["turn:t.example.com"], "u", "c"))
    assert Ice(servers).as_json()[1] == {"urls": ["turn:t.example.com"], "username": "u", "credential": "c"}
    settings = load_settings((), floyd_ice_servers=text, floyd_rtc_host="203.0.113.7")
    assert ice_of(settings) == Ice(servers, "203.0.113.7")
    assert "turn" not in repr(settings)


@pytest.mark.parametrize(
    "text",
    ["no", "{}", "[1]", "[{}]", '[{"urls": "http://a"}]', '[{"urls": "turn:a", "credential": 1}]', str([{}] * 9)],
)
def test_ice_servers_that_are_wrong(text: str) -> None:
    with pytest.raises(SettingsError, match="FLOYD_ICE_SERVERS"):
        load_settings((), floyd_ice_servers=text)


def test_a_host_that_is_no_address_is_wrong() -> None:
    with pytest.raises(SettingsError, match="FLOYD_RTC_HOST"):
        load_settings((), floyd_rtc_host="floyd.example.com")
