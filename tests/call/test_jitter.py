"""The owner's voice, made even."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.audio.g711 import SILENCE
from worker.call.jitter import FILL_FRAMES, LATE_FRAMES, MOST_FRAMES, JitterBuffer

FRAME = 160
QUIET = bytes([SILENCE]) * FRAME


def loud(number: int) -> bytes:
    """A frame of speech that can be told from others: mu-law's first 60 bytes are the loudest."""
    return bytes([number % 60]) * FRAME


def test_it_fills_before_it_begins_and_after_a_gap() -> None:
    buffer = JitterBuffer()
    for frame in (loud(1), loud(2)):
        buffer.put(frame)
        assert buffer.take() is None
    buffer.put(loud(3))
    assert [buffer.take() for _ in range(4)] == [loud(1), loud(2), loud(3), None]
    buffer.put(loud(4))
    assert buffer.take() is None


def test_a_bunch_is_played_evenly_and_no_gap_comes_of_it() -> None:
    buffer = JitterBuffer()
    frames = [loud(number) for number in range(FILL_FRAMES + 3)]
    for frame in frames[:FILL_FRAMES]:
        buffer.put(frame)
    played = [buffer.take() for _ in range(FILL_FRAMES - 1)]  # the network holds the next ones back
    for frame in frames[FILL_FRAMES:]:
        buffer.put(frame)
    played += [buffer.take() for _ in range(4)]
    assert played == frames


def test_after_half_a_second_held_up_no_word_is_lost_and_the_next_pause_is_shorter() -> None:
    buffer = JitterBuffer()
    words = [loud(number) for number in range(60)]
    held_up = 25
    for frame in words[:held_up]:
        buffer.put(frame)
    played = []
    for frame in [*words[held_up:], *[QUIET] * 50]:
        buffer.put(frame)
        played.append(buffer.take())
    assert played[: len(words)] == words
    # 0.5 s late, until the pause; after it as late as it may be.
    assert LATE_FRAMES - 1 <= held_up - buffer.dropped <= LATE_FRAMES
    assert played[len(words) :] == [QUIET] * (len(played) - len(words))


def test_whoever_is_late_without_a_pause_loses_the_oldest_in_the_end() -> None:
    buffer = JitterBuffer()
    for number in range(MOST_FRAMES + 5):
        buffer.put(loud(number))
    assert buffer.dropped == 5
    assert buffer.take() == loud(5)


@given(st.lists(st.sampled_from(["speech", "pause", "take"]), max_size=300))
def test_what_is_played_is_what_came_in_order_and_never_later_than_the_limit(events: list[str]) -> None:
    buffer = JitterBuffer()
    came: list[bytes] = []
    played: list[bytes] = []
    for event in events:
        if event != "take":
            frame = QUIET if event == "pause" else loud(len(came))
            came.append(frame)
            buffer.put(frame)
        elif (taken := buffer.take()) is not None:
            played.append(taken)
        assert 0 <= len(came) - buffer.dropped - len(played) <= MOST_FRAMES
    rest = iter(came)
    assert all(frame in rest for frame in played), "in order, and nothing twice"
    if len(came) <= MOST_FRAMES:
        speech = [frame for frame in came if frame != QUIET]
        heard = [frame for frame in played if frame != QUIET]
        assert heard == speech[: len(heard)], "no word is missing"
