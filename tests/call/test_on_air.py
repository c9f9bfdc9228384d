"""Listening in: both sides of a call as they are heard, and nothing at all while nobody listens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from stage import VOICED, PhoneLine, Theatre, letters, now
from test_conversation import DISCLOSURE, GOODBYE, replies, school
from virtual_time import run

from worker.call.clock import Clock
from worker.call.contract import CallReport
from worker.call.on_air import WAITING_FRAMES, Heard, Listener, OnAir

LINES = ("Mara Rivera is home sick today.",), ("She is in class four B.",), GOODBYE
SILENCE = b"\xff"


class ListenedLine(PhoneLine):
    """Keeps what was really played, 20 ms at a time, as the callee's frames are sent."""

    def __init__(self) -> None:
        super().__init__()
        self.played: list[bytes] = []
        self._now = bytearray()

    async def _hear(self, audio: bytes) -> None:
        self._now += audio
        await super()._hear(audio)

    async def _play(self) -> None:
        await super()._play()
        self.played.append(bytes(self._now))
        self._now.clear()


def theatre(tmp_path: Path) -> tuple[Theatre, ListenedLine]:
    stage = Theatre(tmp_path, replies(*LINES), school)
    stage.line.hang_up()
    line = ListenedLine()
    stage.line = line
    return stage, line


async def all_of(listener: Listener) -> list[Heard]:
    return [heard async for heard in listener]


def audio_of(heard: list[Heard]) -> bytes:
    return b"".join(frame.floyd for frame in heard).replace(SILENCE, b"")


@pytest.mark.parametrize("from_s", [0.1, 4.0, 6.3])
def test_a_listener_hears_what_the_callee_hears_when_they_hear_it(tmp_path: Path, from_s: float) -> None:
    async def main() -> tuple[list[Heard], list[bytes]]:
        stage, line = theatre(tmp_path)
        calling = asyncio.create_task(stage.call())
        await stage.recognition_open.wait()
        await asyncio.sleep(from_s)
        on_air = stage.calls.on_air("call1")
        assert on_air is not None
        listening = asyncio.create_task(all_of(on_air.listen()))
        begun = len(line.played)
        await calling
        return await listening, line.played[begun:]

    heard, played = run(main())
    assert len(heard) == pytest.approx(len(played), abs=2)
    wanted = b"".join(frame.ljust(160, SILENCE) for frame in played)
    got = b"".join(frame.floyd for frame in heard)
    # To within a frame: what it says, and when.
    assert letters(audio_of(heard)[-4000:]) == letters(wanted.replace(SILENCE, b"")[-4000:])
    starts = [next(at for at in range(len(audio)) if audio[at] != 0xFF) for audio in (wanted, got)]
    assert abs(starts[0] - starts[1]) <= 320
    voiced = [index for index, frame in enumerate(heard) if frame.callee == VOICED]
    assert len(voiced) > 20
    assert all(len(frame.callee) == len(frame.floyd) == 160 for frame in heard)


def test_what_is_cut_off_is_not_heard(tmp_path: Path) -> None:
    async def callee(line: PhoneLine) -> None:
        await line.say("Hello?")
        await line.hears("home")
        await line.say("Sorry, who is it that you are calling about today?")
        await line.hears("four B.")
        await line.say("I have noted that.")
        await line.hears("goodbye.")

    async def main() -> tuple[str, str]:
        stage = Theatre(tmp_path, replies(*LINES), callee)
        calling = asyncio.create_task(stage.call())
        await stage.recognition_open.wait()
        on_air = stage.calls.on_air("call1")
        assert on_air is not None
        listening = asyncio.create_task(all_of(on_air.listen()))
        await calling
        return letters(audio_of(await listening)), stage.line.all_heard

    listened, played = run(main())
    assert "sick today" not in played
    assert "sick today" not in listened
    assert "four B." in listened


def test_a_listener_before_anybody_has_picked_up_hears_the_call_from_its_beginning(tmp_path: Path) -> None:
    async def main() -> str:
        stage, _ = theatre(tmp_path)
        calling = asyncio.create_task(stage.call())
        await asyncio.sleep(0.5)  # it rings for a second
        on_air = stage.calls.on_air("call1")
        assert on_air is not None
        assert not stage.recognition_open.is_set()
        listening = asyncio.create_task(all_of(on_air.listen()))
        await calling
        assert stage.calls.on_air("call1") is None
        assert await asyncio.wait_for(all_of(on_air.listen()), 1) == []
        return letters(audio_of(await listening))

    assert run(main()).startswith(DISCLOSURE)


def test_the_frames_are_asked_for_only_while_somebody_listens(tmp_path: Path) -> None:
    async def main() -> CallReport:
        stage, _ = theatre(tmp_path)
        calling = asyncio.create_task(stage.call())
        await stage.recognition_open.wait()
        await asyncio.sleep(1)
        on_air = stage.calls.on_air("call1")
        assert on_air is not None
        assert on_air._inbound is not None
        inbound = on_air._inbound
        assert inbound.on_frame is None
        first, second = on_air.listen(), on_air.listen()
        assert inbound.on_frame is not None
        first.close()
        first.close()
        assert inbound.on_frame is not None
        second.close()
        assert inbound.on_frame is None
        assert await asyncio.wait_for(all_of(first), 1) == []
        return await calling

    run(main())


def test_recording_and_listening_go_together(tmp_path: Path) -> None:
    async def main() -> int:
        stage, _ = theatre(tmp_path)
        calling = asyncio.create_task(stage.call(record=True))
        await stage.recognition_open.wait()
        on_air = stage.calls.on_air("call1")
        assert on_air is not None
        listener = on_air.listen()
        assert (await anext(listener)).floyd
        listener.close()
        await calling
        return (tmp_path / "recordings" / "call1.wav").stat().st_size

    assert run(main()) > 100_000


def test_a_listener_who_does_not_fetch_loses_the_oldest() -> None:
    async def main() -> None:
        on_air = OnAir(Clock())
        listener = on_air.listen()
        for number in range(WAITING_FRAMES + 5):
            on_air._callee_says(bytes([number]) * 160)
        assert listener.dropped == 5
        assert (await anext(listener)).callee[0] == 5

    run(main())


@pytest.mark.parametrize(("lost", "extra"), [(30, 0), (0, 30)])
def test_lost_or_doubled_frames_do_not_part_the_two_sides_for_long(lost: int, extra: int) -> None:
    async def main() -> float:
        on_air = OnAir(Clock())
        listener = on_air.listen()

        async def frames(count: int, every_s: float = 0.02) -> list[Heard]:
            heard = []
            for _ in range(count):
                await asyncio.sleep(every_s)
                on_air._callee_says(VOICED)
                heard.append(await anext(listener))
            return heard

        await frames(60)
        await asyncio.sleep(lost * 0.02)
        await frames(extra, 0.0)
        await frames(110)
        on_air.floyd_says(b"\x20" * 800, now() + 0.2)
        started = now() + 0.2
        for _ in range(40):
            (heard,) = await frames(1)
            if heard.floyd.strip(SILENCE):
                return now() - started
        raise AssertionError("it was never heard")

    assert abs(run(main())) <= 0.06


def test_a_burst_after_a_stall_parts_nothing() -> None:
    """Networks hold back frames and send them at once."""

    async def main() -> list[bytes]:
        on_air = OnAir(Clock())
        listener = on_air.listen()
        on_air._callee_says(VOICED)
        on_air.floyd_says(bytes(range(1, 101)) * 16, now())
        await asyncio.sleep(0.2)
        for _ in range(10):
            on_air._callee_says(VOICED)
        return [(await anext(listener)).floyd for _ in range(11)]

    sound = b"".join(run(main())).strip(SILENCE)
    assert bytes(range(1, 101)) * 16 == sound[:1600] or sound in bytes(range(1, 101)) * 16


def test_the_owners_voice_goes_nowhere_unless_they_have_taken_over() -> None:
    async def main() -> list[bytes]:
        on_air, spoken = OnAir(Clock()), list[bytes]()
        on_air.speak(VOICED)
        on_air.on_speech = spoken.append
        on_air.speak(VOICED)
        on_air.taken_over = True
        on_air.speak(VOICED)
        on_air.close()
        on_air.speak(VOICED)
        return spoken

    assert run(main()) == [VOICED]


def test_nobody_listening_costs_nothing() -> None:
    """Per frame: looking whether there is somebody. A thousandth of the time that a frame lasts would be 20 us."""

    async def main() -> float:
        on_air = OnAir(Clock())

        class Way:
            on_frame: Callable[[bytes], None] | None = None

            def ahead(self) -> tuple[bytes, float]:
                return b"", now()

        way = Way()
        on_air.open(way, way)
        began = time.perf_counter()
        for _ in range(10_000):
            if way.on_frame is not None:
                way.on_frame(VOICED)
        return (time.perf_counter() - began) / 10_000

    assert run(main()) < 2e-6
