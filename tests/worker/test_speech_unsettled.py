"""The audio that a recogniser may need again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.speech.unsettled import UnsettledAudio


def test_sending_again_from_what_is_settled() -> None:
    audio = UnsettledAudio(100)
    audio.feed(b"abcdefgh")
    assert audio.take(6) == b"abcdef"
    audio.settle(2)
    assert audio.rewind(2) == 2
    assert audio.take(100) == b"cdefgh"
    assert audio.take(100) == b""
    assert audio.unsent == 0


def test_what_was_not_sent_is_never_settled() -> None:
    audio = UnsettledAudio(100)
    audio.feed(b"abcdef")
    audio.take(2)
    audio.settle(5)
    assert audio.take(10) == b"cdef"


def test_the_oldest_falls_out_and_is_counted_when_it_was_unsent() -> None:
    audio = UnsettledAudio(4)
    audio.feed(b"abcd")
    audio.take(2)
    audio.feed(b"efgh")
    assert audio.skipped == 2
    assert audio.cursor == 4
    assert audio.take(10) == b"efgh"
    assert audio.rewind(0) == 4
    assert audio.skipped == 0


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("feed"), st.integers(0, 30)),
        st.tuples(st.just("take"), st.integers(0, 30)),
        st.tuples(st.just("settle"), st.integers(0, 200)),
        st.tuples(st.just("rewind"), st.integers(0, 200)),
    ),
    max_size=60,
)


@given(OPERATIONS)
def test_positions_stay_true(operations: list[tuple[str, int]]) -> None:
    audio, whole = UnsettledAudio(50), b""
    for name, amount in operations:
        if name == "feed":
            new = bytes(n % 251 for n in range(len(whole), len(whole) + amount))
            whole += new
            audio.feed(new)
        elif name == "take":
            at = audio.cursor
            assert audio.take(amount) == whole[at : at + amount]
        elif name == "settle":
            audio.settle(amount)
        else:
            audio.rewind(amount)
        assert 0 <= audio.cursor <= audio.end == len(whole)
