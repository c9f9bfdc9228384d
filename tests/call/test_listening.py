"""What the recogniser is given of a line, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import virtual_time

from worker.call.clock import Clock, Signal
from worker.call.listening import (
    LONG_SILENCE_BYTES,
    LONG_SILENCE_S,
    SILENCE_BYTES,
    SPEECH_BYTES,
    Listening,
)
from worker.call.voice_activity import PAUSE_S, START_FRAMES
from worker.phone.media import FRAME_BYTES, Frame, MediaEvent, Stopped
from worker.speech.recognizer import Recognition
from worker.speech.vad import SILENT, Activity

QUIET, FULL, FADING = 0xFF, 0x10, 0x20
FRAME_S = 0.02
LONG_FRAMES = round(LONG_SILENCE_S / FRAME_S)


class Line:
    """Frames at the pace of a telephone. Their second byte is their number."""

    def __init__(self, frames: list[int]) -> None:
        self._frames = frames
        self.sent = b""
        self.pairs: list[tuple[bool, int]] = []
        """Whether pairs were wanted, and after how many frames."""

    async def events(self) -> AsyncIterator[MediaEvent]:
        for number, sound in enumerate(self._frames):
            await asyncio.sleep(FRAME_S)
            mulaw = bytes([sound, number % 251]) + bytes([sound]) * (FRAME_BYTES - 2)
            self.sent += mulaw
            yield Frame(mulaw, number * 20)
        yield Stopped(clean=True)

    def take_pairs(self, wanted: bool) -> None:
        self.pairs.append((wanted, len(self.sent) // FRAME_BYTES))

    async def send_audio(self, mulaw: bytes) -> None: ...

    async def send_mark(self, name: str) -> None: ...

    async def clear(self) -> None: ...

    async def close(self) -> None: ...


class Recognised:
    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def feed(self, mulaw: bytes) -> None:
        self.pieces.append(mulaw)

    async def results(self) -> AsyncIterator[Recognition]:
        return
        yield

    async def close(self) -> None: ...


class ByItsFirstByte:
    def feed(self, mulaw: bytes) -> Activity:
        if mulaw[0] == QUIET:
            return SILENT
        return Activity(1.0, True, mulaw[0] == FADING)


def pieces_of(frames: list[int], *, owed: str = "") -> list[int]:
    """What the recogniser was given at once, in frames. `owed`: words that have no final yet."""

    async def main() -> list[int]:
        line, recognised = Line(frames), Recognised()
        listening = Listening(line, recognised, ByItsFirstByte(), Clock(), Signal(), on_mark=lambda name: None)
        if owed:
            listening.words.hear(Recognition(owed, is_final=False, stability=0.5, end_s=0.0), 0.0)
        await listening.pump()
        heard = b"".join(recognised.pieces)
        assert line.sent.startswith(heard), "in order, and nothing twice"
        assert listening.fed_bytes == len(heard)
        assert len(line.sent) - len(heard) < LONG_SILENCE_BYTES, "nothing is lost but a silence at the end"
        return [len(piece) // FRAME_BYTES for piece in recognised.pieces]

    return virtual_time.run(main())


def test_speech_is_passed_on_in_small_pieces_and_silence_in_larger_ones() -> None:
    pieces = pieces_of([FULL] * 9 + [QUIET] * 30)
    assert pieces[:3] == [SPEECH_BYTES // FRAME_BYTES] * 3
    assert pieces[-1] == SILENCE_BYTES // FRAME_BYTES


@pytest.mark.parametrize("spoken", range(1, 8))
def test_where_a_voice_may_end_nothing_waits(spoken: int) -> None:
    pieces = pieces_of([FULL] * spoken + [FADING] * 4 + [FULL] * 3)
    assert sum(pieces[:-4]) == spoken + 1, "what is held goes with it"
    assert pieces[-4:] == [1, 1, 1, 3]


def test_after_a_long_silence_pieces_are_larger() -> None:
    pieces = pieces_of([FULL] * 10 + [QUIET] * (2 * LONG_FRAMES))
    small, large = SILENCE_BYTES // FRAME_BYTES, LONG_SILENCE_BYTES // FRAME_BYTES
    assert pieces[-1] == large
    assert sum(pieces[: pieces.index(large)]) >= LONG_FRAMES - small, "not before"


def test_words_that_are_owed_get_their_silence_soon() -> None:
    pieces = pieces_of([FULL] * 10 + [QUIET] * (3 * LONG_FRAMES), owed="my number is")
    assert max(pieces) == SILENCE_BYTES // FRAME_BYTES


def test_a_voice_takes_with_it_what_was_held() -> None:
    frames = [QUIET] * (LONG_FRAMES + 9) + [FULL] * 4
    pieces = pieces_of(frames)
    assert sum(pieces) == len(frames)
    assert pieces[-1] == 3, "so it went with the first frame of the voice"


def woken_with(frames: list[int], *, playing: bytes) -> list[int]:
    """With which frames whoever waits was woken, counted from one."""

    async def main() -> list[int]:
        line, changed, woken = Line(frames), Signal(), []
        listening = Listening(
            line, Recognised(), ByItsFirstByte(), Clock(), changed, on_mark=lambda _: None, playing=lambda: playing
        )

        async def wait() -> None:
            while True:
                await changed.wait(None)
                woken.append(len(line.sent) // FRAME_BYTES)

        waiting = asyncio.create_task(wait())
        await listening.pump()
        waiting.cancel()
        return woken

    return virtual_time.run(main())


VOICE = [QUIET] * 5 + [FULL] * 12 + [QUIET] * 20
BEGINS, ENDS = 5 + START_FRAMES, 5 + 12


def test_who_speaks_over_floyd_is_judged_with_every_frame() -> None:
    woken = woken_with(VOICE, playing=bytes([FULL]) * FRAME_BYTES)
    assert woken[: ENDS - BEGINS + 1] == [*range(BEGINS, ENDS + 1)]


def test_nobody_is_woken_for_each_frame_of_a_turn() -> None:
    begun, ended, *_ = woken_with(VOICE, playing=b"")
    assert begun == BEGINS
    assert ended >= ENDS + round(PAUSE_S / FRAME_S)


def pairs_wanted(
    frames: list[int], *, then_silent_s: float = 0.0, mark_due_from: int = 10**6
) -> list[tuple[bool, int]]:
    """When frames were wanted in pairs, and when one by one. `then_silent_s`: the line's, after its last frame."""

    async def main() -> list[tuple[bool, int]]:
        line = Line(frames)
        listening = Listening(
            line,
            Recognised(),
            ByItsFirstByte(),
            Clock(),
            Signal(),
            on_mark=lambda _: None,
            mark_is_due=lambda: len(line.sent) // FRAME_BYTES >= mark_due_from,
        )
        await listening.pump()
        await asyncio.sleep(then_silent_s)
        listening.fetch_rest()
        return line.pairs

    return virtual_time.run(main())


def test_frames_come_in_pairs_while_nobody_speaks() -> None:
    first_loud = 6
    assert first_loud - 1 + START_FRAMES == BEGINS
    [begun, voice, silence] = pairs_wanted(VOICE)
    assert begun == (True, 1)
    assert voice == (False, first_loud), "with the first loud frame, and the third is where a voice begins"
    assert silence[0]
    assert silence[1] >= ENDS + round(PAUSE_S / FRAME_S), "between words none are wanted"


def test_a_click_is_listened_to_frame_by_frame() -> None:
    assert pairs_wanted([QUIET] * 3 + [FULL] + [QUIET] * 3) == [(True, 1), (False, 4), (True, 5)]


def test_a_frame_that_is_left_alone_is_fetched() -> None:
    assert pairs_wanted([QUIET] * 5, then_silent_s=0.0) == [(True, 1)]
    assert pairs_wanted([QUIET] * 5, then_silent_s=0.3) == [(True, 1), (False, 5)]


def test_no_mark_waits_for_a_frame() -> None:
    assert pairs_wanted([QUIET] * 9, mark_due_from=7) == [(True, 1), (False, 7)]
