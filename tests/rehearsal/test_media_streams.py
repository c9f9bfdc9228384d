"""The stand-in's Media Streams: what is sent, what is played, and when."""

from __future__ import annotations

import asyncio
import base64
import statistics
import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from application import ACCOUNT_SID, Socket
from hypothesis import given, settings
from hypothesis import strategies as st
from standin import TO, StandIn, scenario, stand_in

from rehearsal import g711
from rehearsal.callee import AUDIBLE_PEAK
from rehearsal.twilio.playback import FRAME_BYTES, SILENCE, PlaybackBuffer
from rehearsal.twilio.turns import AnsweredTurn, TurnNotes

QUIET = {"silence": {"after": 60.0}}
"""Somebody who answers and says nothing."""


async def connected(line: StandIn) -> tuple[str, Socket]:
    call = await line.dial()
    return call.sid, await line.application.socket()


def tone(seconds: float) -> bytes:
    wave = 8000 * np.sin(np.arange(int(seconds * 8000)) * 2 * np.pi * 440 / 8000)
    return g711.encode(wave.astype(np.int16))


# The messages.


async def test_connected_and_start_open_the_stream() -> None:
    async with stand_in(scenario(QUIET)) as line:
        sid, socket = await connected(line)
        assert socket.signed, "the handshake is signed over its exact URL"
        first, second = socket.messages[:2]
        assert first == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
        stream_sid = second["streamSid"]
        assert stream_sid.startswith("MZ")
        assert second == {
            "event": "start",
            "sequenceNumber": "1",
            "streamSid": stream_sid,
            "start": {
                "streamSid": stream_sid,
                "accountSid": ACCOUNT_SID,
                "callSid": sid,
                "tracks": ["inbound"],
                "customParameters": {"token": "secret"},
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            },
        }


async def test_media_counts_up_in_steps_of_20_ms_and_is_silence_when_nobody_speaks() -> None:
    async with stand_in(scenario(QUIET)) as line:
        _, socket = await connected(line)
        await socket.until(lambda s: len(s.events("media")) >= 25)
        media = socket.events("media")[:25]
        assert [int(message["media"]["chunk"]) for message in media] == list(range(1, 26))
        assert [int(message["media"]["timestamp"]) for message in media] == list(range(0, 500, 20))
        assert [int(message["sequenceNumber"]) for message in media] == list(range(2, 27))
        assert {message["media"]["track"] for message in media} == {"inbound"}
        assert socket.audio()[: 25 * FRAME_BYTES] == SILENCE * 25


async def test_the_callees_words_arrive_whole() -> None:
    async with stand_in(scenario({**QUIET, "greeting": "Good morning, bakery."})) as line:
        _, socket = await connected(line)
        spoken = await line.clip("Good morning, bakery.")
        await socket.until(lambda s: len(s.audio()) > len(spoken) + 8000)
        assert spoken in socket.audio()


async def test_keys_come_as_dtmf() -> None:
    says = [{"hears": "press", "say": "There.", "press": "4#"}]
    async with stand_in(scenario({**QUIET, "says": says})) as line:
        _, socket = await connected(line)
        await socket.play(await line.clip("Please press a key."))
        await socket.until(lambda s: len(s.events("dtmf")) == 2)
        digits = [message["dtmf"] for message in socket.events("dtmf")]
        assert digits == [{"track": "inbound_track", "digit": "4"}, {"track": "inbound_track", "digit": "#"}]


async def test_frames_keep_their_pace() -> None:
    """Over two seconds the schedule does not drift, whatever the machine does to single frames."""
    async with stand_in(scenario(QUIET)) as line:
        _, socket = await connected(line)
        await socket.until(lambda s: len(s.events("media")) >= 110)
        times = [
            at for at, message in zip(socket.arrived, socket.messages, strict=True) if message["event"] == "media"
        ]
        gaps = [later - earlier for earlier, later in pairwise(times[:110])]
        assert statistics.median(gaps) == pytest.approx(0.020, abs=0.004)
        late = [at - index * 0.020 for index, at in enumerate(times[:110])]
        assert min(late[-50:]) - min(late[:50]) == pytest.approx(0, abs=0.01)


async def test_many_calls_keep_their_pace_in_one_process() -> None:
    async with stand_in(scenario({**QUIET, "greeting": "Good morning, how can I help you?"})) as line:
        calls = await asyncio.gather(*(line.dial() for _ in range(20)))
        sockets = [await line.application.socket(index) for index in range(len(calls))]
        await asyncio.gather(*(socket.until(lambda s: len(s.events("media")) >= 100) for socket in sockets))
        for socket in sockets:
            times = [at for at, m in zip(socket.arrived, socket.messages, strict=True) if m["event"] == "media"]
            late = [at - index * 0.020 for index, at in enumerate(times)]
            assert min(late[-30:]) - min(late[:30]) == pytest.approx(0, abs=0.03)


# What is played, and marks.


async def test_a_mark_comes_back_when_what_was_sent_before_it_has_been_played() -> None:
    async with stand_in(scenario(QUIET)) as line:
        sid, socket = await connected(line)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await socket.play(tone(0.5))
        await socket.mark("half")
        await socket.play(tone(0.5))
        await socket.mark("whole")
        await socket.until_mark("half")
        half = loop.time() - began
        await socket.until_mark("whole")
        whole = loop.time() - began
        assert 0.45 < half < whole
        assert whole > 0.95
        assert [message["mark"]["name"] for message in socket.events("mark")] == ["half", "whole"]
        marks = socket.events("mark")
        assert marks[0].keys() == {"event", "sequenceNumber", "streamSid", "mark"}
        assert line.account.calls[sid].problems == []


async def test_a_mark_with_nothing_before_it_comes_back_at_once() -> None:
    async with stand_in(scenario(QUIET)) as line:
        _, socket = await connected(line)
        await socket.mark("now")
        await socket.until_mark("now")


async def test_clear_stops_the_playing_and_returns_the_marks() -> None:
    async with stand_in(scenario(QUIET)) as line:
        sid, socket = await connected(line)
        clip = await line.clip("The first words are played, but nobody ever hears the last words of this.")
        await socket.play(clip)
        await socket.mark("end")
        await socket.more(75)
        began = asyncio.get_running_loop().time()
        await socket.clear()
        await socket.until_mark("end")
        assert asyncio.get_running_loop().time() - began < 0.5, "not when the clip would have ended"
        await socket.play(await line.clip("Here is something else."))
        await socket.mark("new")
        await socket.until_mark("new")
        await socket.ws.close()
        heard = " ".join(note["text"] for note in (await line.ended(sid))["heard"])
        assert heard.startswith("The first words")
        assert "last words" not in heard
        assert heard.endswith("Here is something else.")


async def test_audio_is_played_in_order_at_the_speed_of_sound() -> None:
    """Sent faster than real time and in odd pieces; heard whole."""
    async with stand_in(scenario(QUIET)) as line:
        sid, socket = await connected(line)
        clip = await line.clip("One two three four five six seven.")
        for start in range(0, len(clip), 777):
            await socket.play(clip[start : start + 777])
        await socket.mark("end")
        await socket.until_mark("end")
        await socket.ws.close()
        note = await line.ended(sid)
        assert [heard["text"] for heard in note["heard"]] == ["One two three four five six seven."]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"\x00\x01\x02", 31950),
        ("not json", 31951),
        ("[]", 31951),
        ('{"event": "media"}', 31951),
        ('{"event": "media", "streamSid": "MZ0", "media": {"payload": ""}}', 31951),
        ('{"event": "media", "streamSid": "SID", "media": {"payload": "***"}}', 31951),
        ('{"event": "media", "streamSid": "SID", "media": {"payload": 7}}', 31951),
        ('{"event": "media", "streamSid": "SID"}', 31951),
        ('{"event": "mark", "streamSid": "SID", "mark": {"name": 7}}', 31951),
        ('{"event": "dance", "streamSid": "SID"}', 31951),
        ('{"event": "media", "streamSid": "SID", "media": {"payload": "UklGRgAAAAA="}}', 31951),
    ],
)
async def test_a_bad_message_is_a_warning_once_and_the_call_goes_on(message: Any, code: int) -> None:
    async with stand_in(scenario(QUIET)) as line:
        sid, socket = await connected(line)
        for _ in range(2):
            if isinstance(message, bytes):
                await socket.ws.send_bytes(message)
            else:
                await socket.ws.send_str(message.replace("SID", socket.start["streamSid"]))
        await socket.mark("alive")
        await socket.until_mark("alive")
        assert [problem.code for problem in line.account.calls[sid].problems] == [code]


async def test_stream_status_callbacks_tell_of_its_start_and_end() -> None:
    async with stand_in(scenario(QUIET)) as line:
        url = line.application.media_url
        line.application.twiml = (
            '<Response><Connect action="/after">'
            f'<Stream url="{url}" name="talk" statusCallback="/stream"/></Connect></Response>'
        )
        sid, socket = await connected(line)
        started = await line.application.callback("/stream", StreamEvent="stream-started")
        assert started.params["StreamName"] == "talk"
        await socket.ws.close()
        await line.application.callback("/stream", StreamEvent="stream-stopped")
        await line.application.callback("/after", CallSid=sid)


async def test_the_notes_tell_what_was_heard_and_said_and_when() -> None:
    callee = {**QUIET, "greeting": "Bakery.", "says": [{"hears": "bread", "say": "Yes, we have some."}]}
    async with stand_in(scenario(callee)) as line:
        sid, socket = await connected(line)
        await socket.until(lambda s: len(s.events("media")) > 60)
        await socket.play(await line.clip("Do you have bread?"))
        async with asyncio.timeout(20):
            while len((note := await line.notes(sid))["said"]) < 2:
                await socket.more(10)
        assert note["to"] == TO
        greeting, answer = note["said"]
        (question,) = note["heard"]
        assert (greeting["text"], question["text"]) == ("Bakery.", "Do you have bread?")
        assert note["answeredAt"] <= greeting["atMs"] < question["atMs"] < answer["atMs"]


async def test_the_notes_tell_how_long_the_callee_waited_for_an_answer() -> None:
    """Measured against what the application saw and did itself."""
    async with stand_in(scenario({**QUIET, "greeting": "Bakery, good morning."})) as line:
        sid, socket = await connected(line)

        def voiced(s: Socket) -> list[float]:
            media = [(at, m) for at, m in zip(s.arrived, s.messages, strict=True) if m["event"] == "media"]
            frames = [(at, g711.decode(base64.b64decode(m["media"]["payload"]))) for at, m in media]
            return [at for at, samples in frames if np.abs(samples.astype(np.int32)).max() > AUDIBLE_PEAK]

        await socket.until(lambda s: bool(voiced(s)) and s.arrived[-1] - voiced(s)[-1] > 0.4)
        assert (await line.notes(sid))["turns"] == []
        await socket.play(SILENCE * 10)
        await socket.more(3)
        assert (await line.notes(sid))["turns"] == [], "silence is no answer"
        answered = time.monotonic()
        await socket.play(tone(0.2))
        await socket.play(tone(0.2))
        await socket.mark("end")
        await socket.until_mark("end")
        (turn,) = (await line.notes(sid))["turns"]
        waited = (turn["firstAudioAtMs"] - turn["lastVoicedAtMs"]) / 1000
        assert waited == pytest.approx(answered - voiced(socket)[-1], abs=0.015)
        assert 0.02 < (turn["firstHeardAtMs"] - turn["firstAudioAtMs"]) / 1000 < 0.2, "after the silence"


def test_a_voice_over_the_callers_is_no_turn_and_what_is_cleared_is_not_heard() -> None:
    notes, voice = TurnNotes(), tone(0.02)
    notes.callee_sent(voice, 1.0, caller_audible=True)
    notes.caller_sent(voice, 1.1)
    assert notes.turns == []
    notes.callee_sent(voice, 2.0, caller_audible=False)
    notes.callee_sent(SILENCE, 2.02, caller_audible=False)
    notes.caller_sent(SILENCE, 2.5)
    notes.caller_sent(voice, 2.6)
    notes.caller_sent(voice, 2.7)
    notes.caller_cleared()
    notes.caller_played(voice, 2.8)
    assert notes.turns == [AnsweredTurn(last_voiced_at=2.0, first_audio_at=2.6, first_heard_at=None)]


# The buffer itself.


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.integers(0, 1000), st.just("mark"), st.just("tick"), st.just("clear")), max_size=60))
def test_the_buffer_loses_nothing_and_marks_come_once_in_order(steps: list[int | str]) -> None:
    buffer = PlaybackBuffer()
    expected, played, before_marks = bytearray(), bytearray(), []
    returned: list[str] = []
    marks = value = 0
    for step in steps:
        match step:
            case "mark":
                buffer.mark(str(marks))
                before_marks.append(len(expected))
                marks += 1
            case "tick":
                waiting = buffer.waiting_bytes
                frame = buffer.next_frame()
                assert (frame is None) == (waiting == 0)
                if frame is not None:
                    assert len(frame) == FRAME_BYTES
                    played += frame[: min(waiting, FRAME_BYTES)]
                    assert frame[waiting:] == SILENCE[waiting:] or waiting >= FRAME_BYTES
            case "clear":
                buffer.clear()
                del expected[len(played) :]
                played = bytearray(expected)
                before_marks = [min(position, len(played)) for position in before_marks]
            case int(size):
                value = (value + 1) % 250
                buffer.add(bytes([value]) * size)
                expected += bytes([value]) * size
        due = buffer.due_marks()
        returned += due
        assert len(returned) == sum(position <= len(played) for position in before_marks)
    assert expected.startswith(played)
    assert returned == [str(index) for index in range(len(returned))]
