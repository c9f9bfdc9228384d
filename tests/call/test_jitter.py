"""The owner's voice, made even."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.call.jitter import FILL_FRAMES, MOST_FRAMES, JitterBuffer


def frames(*numbers: int) -> list[bytes]:
    return [bytes([number]) for number in numbers]


def test_it_fills_before_it_begins_and_after_a_gap() -> None:
    buffer = JitterBuffer()
    for frame in frames(1, 2):
        buffer.put(frame)
        assert buffer.take() is None
    buffer.put(b"\x03")
    assert [buffer.take() for _ in range(4)] == [*frames(1, 2, 3), None]
    buffer.put(b"\x04")
    assert buffer.take() is None


def test_a_bunch_is_played_evenly_and_no_gap_comes_of_it() -> None:
    buffer = JitterBuffer()
    for frame in frames(*range(FILL_FRAMES)):
        buffer.put(frame)
    played = [buffer.take() for _ in range(FILL_FRAMES - 1)]  # the network holds the next ones back
    for frame in frames(*range(FILL_FRAMES, FILL_FRAMES + 3)):
        buffer.put(frame)
    played += [buffer.take() for _ in range(4)]
    assert played == frames(*range(FILL_FRAMES + 3))


@given(st.lists(st.booleans(), max_size=200))
def test_what_is_played_is_what_came_in_order_and_never_late(puts: list[bool]) -> None:
    buffer = JitterBuffer()
    came, played = 0, []
    for put in puts:
        if put:
            buffer.put(bytes([came % 256]))
            came += 1
        elif (frame := buffer.take()) is not None:
            played.append(frame[0])
        waiting = came - buffer.dropped - len(played)
        assert 0 <= waiting <= MOST_FRAMES
    assert played == sorted(played)
    assert len(played) + buffer.dropped <= came
