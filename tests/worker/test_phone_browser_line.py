"""The browser line: a carrier's rules, and Media Streams' rules, kept by a page."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from browser_line_stage import (
    DEADLINE_S,
    FLORIST,
    OWNER,
    SILENT,
    STRANGER,
    Page,
    Refused,
    SayingVoice,
    Stage,
    order,
    reach,
)
from phone_support import make_settings

from rehearsal.twilio.playback import PlaybackBuffer
from worker.phone import browser_line, browser_line_phone, browser_line_typed
from worker.phone.browser_line import LineHub, NotRinging
from worker.phone.browser_line_marks import Marks
from worker.phone.browser_line_media import BrowserMedia
from worker.phone.browser_line_typed import CannotSay, TypedWords
from worker.phone.carrier import CarrierStatus, CarrierUnavailable, DialRefused
from worker.phone.carrier_of import carrier_of
from worker.phone.media import Digit, Frame, MarkPlayed, MediaEvent, MediaStream, Stopped
from worker.phone.twilio import TwilioCarrier
from worker.settings import SettingsError, Vendor, load_settings, rehearsed_vendors
from worker.web.rtc.transport import AudioTransport


@pytest.fixture(autouse=True)
def nothing_in_the_page_s_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser_line_phone, "LAST_SOUND_S", 0.0)


async def next_event(stream: MediaStream) -> MediaEvent:
    async with asyncio.timeout(DEADLINE_S):
        return await anext(aiter(stream.events()))


async def ended(task: asyncio.Task[None]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        await task


# ---- what becomes of a call


async def _nobody_picks_up(stage: Stage) -> None:
    await stage.hub.place(order(ring_s=0.05))


async def _declined(stage: Stage) -> None:
    await stage.hub.place(order())
    await stage.hub.decline("call1", OWNER)


async def _taken_back_while_it_rings(stage: Stage) -> None:
    await stage.hub.hang_up(await stage.hub.place(order()))


async def _floyd_hangs_up(stage: Stage) -> None:
    await stage.talking(Page())
    stage.directory.over.set()


async def _the_carrier_is_told_to_hang_up(stage: Stage) -> None:
    await stage.talking(Page())
    await stage.hub.hang_up(stage.directory.statuses[0].call_sid)


async def _the_page_hangs_up(stage: Stage) -> None:
    page = Page()
    await stage.talking(page)
    page.message(kind="hangUp")


async def _the_page_vanishes(stage: Stage) -> None:
    page = Page()
    await stage.talking(page)
    page.vanish()


async def _it_lasts_too_long(stage: Stage) -> None:
    await stage.hub.place(order(limit_s=0.05))
    phone = await stage.hub.pick_up("call1", OWNER)
    stage.tasks.append(asyncio.create_task(phone.talk(Page())))


async def _the_worker_ends(stage: Stage) -> None:
    await stage.talking(Page())
    await stage.hub.close()


async def _the_call_was_over_when_it_was_picked_up(stage: Stage) -> None:
    stage.directory.refuses = True
    await stage.hub.place(order())
    phone = await stage.hub.pick_up("call1", OWNER)
    stage.tasks.append(asyncio.create_task(phone.talk(Page())))


RINGING, TALKING = CarrierStatus.RINGING, CarrierStatus.IN_PROGRESS


@pytest.mark.parametrize(
    ("happens", "told"),
    [
        (_nobody_picks_up, [RINGING, CarrierStatus.NO_ANSWER]),
        (_declined, [RINGING, CarrierStatus.BUSY]),
        (_taken_back_while_it_rings, [RINGING, CarrierStatus.CANCELED]),
        (_floyd_hangs_up, [RINGING, TALKING, CarrierStatus.COMPLETED]),
        (_the_carrier_is_told_to_hang_up, [RINGING, TALKING, CarrierStatus.COMPLETED]),
        (_the_page_hangs_up, [RINGING, TALKING, CarrierStatus.COMPLETED]),
        (_the_page_vanishes, [RINGING, TALKING, CarrierStatus.FAILED]),
        (_it_lasts_too_long, [RINGING, TALKING, CarrierStatus.COMPLETED]),
        (_the_worker_ends, [RINGING, TALKING, CarrierStatus.COMPLETED]),
        (_the_call_was_over_when_it_was_picked_up, [RINGING, TALKING, CarrierStatus.FAILED]),
    ],
)
async def test_a_call_s_way_is_told_in_order_and_to_its_end(
    happens: Callable[[Stage], Awaitable[None]], told: list[CarrierStatus]
) -> None:
    async with Stage.standing() as stage:
        await happens(stage)
        await stage.directory.until_told(told[-1])
        assert stage.directory.words == told
        assert await stage.hub.find(FLORIST, 0) == []
        # A call that has ended cannot be picked up, and ending it again is no error.
        with pytest.raises(NotRinging):
            await stage.hub.pick_up("call1", OWNER)
        await stage.hub.hang_up(stage.directory.statuses[0].call_sid)
        assert stage.directory.words == told


async def test_whoever_picks_up_is_a_person() -> None:
    async with Stage.standing() as stage:
        await stage.talking(Page())
        assert [update.answered_by for update in stage.directory.statuses] == [None, "human"]


async def test_a_call_that_rings_is_found_by_number_and_time() -> None:
    async with Stage.standing() as stage:
        sid = await stage.hub.place(order())
        await stage.hub.place(order("call2", to="+14155550143"))
        (found,) = await stage.hub.find(FLORIST, 0)
        assert (found.sid, found.to, found.status) == (sid, FLORIST, RINGING)
        await stage.directory.until_told(RINGING)
        assert await stage.hub.find(FLORIST, stage.directory.statuses[0].at_ms + 60_000) == []


async def test_hanging_up_what_nobody_knows_is_no_error() -> None:
    async with Stage.standing() as stage:
        await stage.hub.hang_up("BL" + "0" * 32)
        assert stage.directory.words == []


async def test_texts_are_refused_with_a_reason() -> None:
    async with Stage.standing() as stage:
        with pytest.raises(DialRefused, match="browser line") as refused:
            await stage.hub.send_text(FLORIST, "Which cat?")
        assert "FLOYD_LINE" in refused.value.message


async def test_nothing_is_placed_before_the_calls_are_served() -> None:
    async with Stage.standing() as stage:
        with pytest.raises(CarrierUnavailable):
            await LineHub(stage.voice, stage.hub._reach).place(order())


async def test_a_directory_that_fails_once_is_told_the_end_all_the_same() -> None:
    async with Stage.standing() as stage:
        stage.directory.fails = 1
        await stage.hub.place(order())
        await stage.hub.decline("call1", OWNER)
        await stage.directory.until_told(CarrierStatus.BUSY)
        assert stage.directory.words == [CarrierStatus.BUSY]


# ---- who may pick up


async def test_of_two_pages_that_pick_up_at_once_one_has_the_call() -> None:
    async with Stage.standing() as stage:
        await stage.hub.place(order())
        results = await asyncio.gather(
            *(stage.hub.pick_up("call1", OWNER) for _ in range(5)), return_exceptions=True
        )
        refused = [result for result in results if isinstance(result, NotRinging)]
        assert len(refused) == 4
        assert {str(one) for one in refused} == {"The call was picked up in another window."}
        with pytest.raises(NotRinging):
            await stage.hub.decline("call1", OWNER)


async def test_a_stranger_is_refused_and_the_call_rings_on() -> None:
    async with Stage.standing() as stage:
        await stage.hub.place(order())
        with pytest.raises(Refused):
            await stage.hub.pick_up("call1", STRANGER)
        with pytest.raises(Refused):
            await stage.hub.decline("call1", STRANGER)
        await stage.hub.pick_up("call1", OWNER)
        assert stage.directory.words in ([], [RINGING])


async def test_a_call_that_rings_with_another_worker_is_sent_there() -> None:
    async with Stage.standing() as stage:
        with pytest.raises(NotRinging) as refused:
            await stage.hub.pick_up("elsewhere", OWNER)
        assert refused.value.code == "ELSEWHERE"


async def test_a_page_that_cannot_be_connected_leaves_the_call_to_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(browser_line_phone, "CONNECT_S", 0.05)
    async with Stage.standing() as stage:
        await stage.hub.place(order())
        first = await stage.hub.pick_up("call1", OWNER)
        await ended(asyncio.create_task(first.talk(Page(connects=False))))
        page = Page()
        second = await stage.hub.pick_up("call1", OWNER)
        stage.tasks.append(asyncio.create_task(second.talk(page)))
        await stage.directory.stream()
        # What the first does late changes nothing.
        first.put_back()
        assert stage.directory.words == [RINGING, TALKING]


async def test_a_page_that_vanishes_while_it_connects_leaves_the_call_to_the_others() -> None:
    async with Stage.standing() as stage:
        await stage.hub.place(order())
        phone = await stage.hub.pick_up("call1", OWNER)
        page = Page(connects=False)
        talk = asyncio.create_task(phone.talk(page))
        page.vanish()
        await ended(talk)
        await stage.hub.pick_up("call1", OWNER)


async def test_after_a_failed_connection_the_ringing_still_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser_line, "RINGS_ON_S", 0.05)
    async with Stage.standing() as stage:
        await stage.hub.place(order(ring_s=0.01))
        phone = await stage.hub.pick_up("call1", OWNER)
        await asyncio.sleep(0.03)  # the ringing's time is over, but somebody is picking up
        assert CarrierStatus.NO_ANSWER not in stage.directory.words
        phone.put_back()
        await stage.directory.until_told(CarrierStatus.NO_ANSWER)


async def test_a_call_taken_back_while_a_page_connects_is_not_talked_on() -> None:
    async with Stage.standing() as stage:
        sid = await stage.hub.place(order())
        phone = await stage.hub.pick_up("call1", OWNER)
        talk = asyncio.create_task(phone.talk(Page(connects=False)))
        await asyncio.sleep(0)
        await stage.hub.hang_up(sid)
        await ended(talk)
        assert stage.directory.streams == {}


# ---- the media stream


async def test_what_the_page_sends_arrives_in_order() -> None:
    async with Stage.standing() as stage:
        page = Page()
        stream, _ = await stage.talking(page)
        page.speak(b"\x11" * 160)
        assert await next_event(stream) == Frame(b"\x11" * 160, 0)
        page.message(kind="digit", key="#")
        assert await next_event(stream) == Digit("#")
        page.speak(b"\x12" * 160)
        assert await next_event(stream) == Frame(b"\x12" * 160, 20)
        page.message(kind="hangUp")
        assert await next_event(stream) == Stopped(clean=True)


async def test_a_page_that_vanishes_is_a_line_that_broke() -> None:
    async with Stage.standing() as stage:
        page = Page()
        stream, talk = await stage.talking(page)
        page.vanish()
        assert await next_event(stream) == Stopped(clean=False)
        stage.directory.over.set()
        await ended(talk)


async def test_a_call_that_closes_its_stream_hears_the_end_of_it_once() -> None:
    async with Stage.standing() as stage:
        page = Page()
        stream, talk = await stage.talking(page)
        await stream.close()
        await stream.close()
        page.speak(b"\x11" * 160)
        await stream.send_audio(b"\x22" * 160)
        await stream.send_mark("late")
        await stream.clear()
        assert [event async for event in stream.events()] == [Stopped(clean=True)]
        assert page.waiting == b""
        stage.directory.over.set()
        await ended(talk)


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ({}, "kind"),
        ({"kind": "sing"}, "kind"),
        ({"kind": "digit"}, "key"),
        ({"kind": "digit", "key": "E"}, "key"),
        ({"kind": "digit", "key": ["1"]}, "key"),
        ({"kind": "say", "text": 7}, "text"),
        ({"kind": "say", "text": " \n\x00 "}, "words"),
        ({"kind": "say", "text": "x" * 501}, "500"),
    ],
)
async def test_what_makes_no_sense_is_told_and_changes_nothing(message: dict[str, object], names: str) -> None:
    async with Stage.standing() as stage:
        page = Page()
        stream, _ = await stage.talking(page)
        page.message(**message)
        page.message(kind="digit", key="1")
        assert await next_event(stream) == Digit("1")
        error = page.told.all[0]
        assert error["kind"] == "error"
        assert names in str(error["message"])


async def test_a_call_that_reads_nothing_keeps_a_bounded_number_of_frames() -> None:
    async with Stage.standing() as stage:
        page = Page()
        media = BrowserMedia(page, TypedWords(stage.voice, on_spoken=print, on_failed=print))
        for _ in range(10_000):
            media.hear(SILENT)
        media.end(clean=False)
        events = [event async for event in media.events()]
        assert len(events) < 300
        assert events[-1] == Stopped(clean=False)


# ---- marks


async def test_marks_come_back_when_played_and_when_cleared() -> None:
    async with Stage.standing() as stage:
        page = Page()
        stream, _ = await stage.talking(page)
        await stream.send_mark("nothing before")
        assert await next_event(stream) == MarkPlayed("nothing before")
        await stream.send_audio(b"\x01" * 320)
        await stream.send_mark("first")
        await stream.send_audio(b"\x02" * 320)
        await stream.send_mark("second")
        page.play_out(319)
        page.play_out(1)
        assert await next_event(stream) == MarkPlayed("first")
        page.play_out(160)
        await stream.clear()
        assert await next_event(stream) == MarkPlayed("second")
        assert page.played == b"\x01" * 320 + b"\x02" * 160
        # After clearing the count begins where playing stopped.
        await stream.send_audio(b"\x03" * 160)
        await stream.send_mark("third")
        page.play_out(160)
        assert await next_event(stream) == MarkPlayed("third")


def test_marks_are_twilio_s() -> None:
    """Whatever is sent, marked, played and cleared: the same marks at the same moments as in Twilio's buffer."""
    for seed in range(200):
        chance = random.Random(seed)
        twilio, marks, line = PlaybackBuffer(), Marks(), bytearray()
        played = 0
        for step in range(300):
            match chance.choice(["send", "send", "mark", "play", "play", "play", "clear"]):
                case "send":
                    audio = bytes(chance.choice([1, 80, 160, 161, 900]))
                    twilio.add(audio)
                    marks.sent(len(audio))
                    line += audio
                    due = []
                case "mark":
                    twilio.mark(str(step))
                    marks.mark(str(step))
                    due = marks.due(played)
                case "play":
                    twilio.next_frame()
                    played += len(line[:160])
                    del line[:160]
                    due = marks.due(played)
                case "clear":
                    twilio.clear()
                    line.clear()
                    due = marks.cleared(played)
            assert due == twilio.due_marks(), (seed, step)


async def test_marks_over_the_page_s_own_connection() -> None:
    """What was sent last may be shorter than a frame, and is played all the same."""
    async with Stage.standing() as stage:
        transport = AudioTransport()
        transport.is_connected()
        await stage.hub.place(order())
        phone = await stage.hub.pick_up("call1", OWNER)
        stage.tasks.append(asyncio.create_task(phone.talk(transport)))
        stream = await stage.directory.stream()
        await stream.send_audio(b"\x01" * 250)
        await stream.send_mark("all")
        frames = [transport.next_frame() for _ in range(4)]
        assert b"".join(frames).count(b"\x01") == 250
        while isinstance(event := await next_event(stream), Frame):
            pass
        assert event == MarkPlayed("all")
        await stream.send_audio(b"\x02" * 800)
        await stream.send_mark("cut")
        transport.next_frame()
        await stream.clear()
        while isinstance(event := await next_event(stream), Frame):
            pass
        assert event == MarkPlayed("cut")
        assert transport.next_frame() == SILENT
        transport.end()
        await stage.directory.until_told(CarrierStatus.FAILED)


# ---- typed words


async def test_typed_words_are_heard_in_place_of_the_microphone() -> None:
    async with Stage.standing() as stage:
        page = Page()
        stream, _ = await stage.talking(page)
        page.message(kind="say", text="  ab \n c ")
        await stage.voice.said.until(lambda said: said == ["ab c"])
        heard = []
        for _ in range(6):
            page.speak(b"\x7e" * 160)
            event = await next_event(stream)
            assert isinstance(event, Frame)
            heard.append(chr(event.mulaw[0]))
        assert heard == ["a", "b", " ", "c", "\x7e", "\x7e"]
        assert page.told.all == [{"kind": "spoken", "text": "ab c"}]


async def test_texts_are_said_one_after_the_other() -> None:
    async with Stage.standing() as stage:
        page = Page()
        stream, _ = await stage.talking(page)
        for text in ("ab", "cd"):
            page.message(kind="say", text=text)
        await stage.voice.said.until(lambda said: said == ["ab", "cd"])
        heard = ""
        for _ in range(4):
            page.speak(SILENT)
            event = await next_event(stream)
            assert isinstance(event, Frame)
            heard += chr(event.mulaw[0])
        assert heard == "abcd"
        assert [told["text"] for told in page.told.all] == ["ab", "cd"]


async def test_a_voice_that_fails_is_told_with_the_words_and_the_next_are_said() -> None:
    async with Stage.standing() as stage:
        page = Page()
        stream, _ = await stage.talking(page)
        stage.voice.fails = True
        page.message(kind="say", text="lost")
        await page.told.until(lambda told: len(told) == 1)
        assert page.told.all[0]["text"] == "lost"
        assert page.told.all[0]["code"] == "NOT_SPOKEN"
        stage.voice.fails = False
        page.message(kind="say", text="x")
        await stage.voice.said.until(lambda said: said == ["x"])
        page.speak(SILENT)
        assert await next_event(stream) == Frame(b"x" * 160, 0)


async def test_a_voice_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser_line_typed, "LONGEST_SPEECH_BYTES", 480)
    async with Stage.standing() as stage:
        typed = TypedWords(stage.voice, on_spoken=print, on_failed=print)
        typed.say("a" * 100)
        await stage.voice.said.until(lambda said: said == ["a" * 3])
        assert [typed.next_frame() is not None for _ in range(5)] == [True] * 3 + [False] * 2
        await typed.close()


async def test_who_types_faster_than_it_is_said_is_told_to_wait() -> None:
    async with Stage.standing() as stage:
        typed = TypedWords(stage.voice, on_spoken=print, on_failed=print)
        for number in range(browser_line_typed.MOST_WAITING):
            typed.say(f"number {number}")
        with pytest.raises(CannotSay, match="wait"):
            typed.say("one more")
        await typed.close()
        assert typed.next_frame() is None


# ---- how it is chosen


def test_the_settings_choose_the_line() -> None:
    voice = SayingVoice()
    assert isinstance(carrier_of(make_settings(), voice, reach), TwilioCarrier)
    assert isinstance(carrier_of(make_settings(floyd_line="browser"), voice, reach), LineHub)


def test_the_browser_line_needs_nothing_of_twilio() -> None:
    half = {"twilio_account_sid": "AC" + "0" * 32}
    with pytest.raises(SettingsError, match="TWILIO_AUTH_TOKEN"):
        load_settings(env_files=(), **half)
    settings = load_settings(env_files=(), floyd_line="browser", **half)
    assert Vendor.TWILIO not in rehearsed_vendors(settings)
    assert Vendor.TWILIO in rehearsed_vendors(load_settings(env_files=()))


def test_a_line_that_nobody_knows_is_refused_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match=r"FLOYD_LINE.*'telephone' or 'browser'"):
        load_settings(env_files=(), floyd_line="pigeon")
