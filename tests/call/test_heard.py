"""What was heard, from marks and positions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.call.heard import BYTES_PER_S, ClauseSpan, Timeline, heard_text

ONE_SECOND = BYTES_PER_S


def clause(text: str, start: float, seconds: float, *, complete: bool = True) -> ClauseSpan:
    return ClauseSpan(
        text, start=round(start * ONE_SECOND), received=round(seconds * ONE_SECOND), complete=complete
    )


CLAUSES = [clause("Mara is home sick today.", 0, 2), clause(" She has a fever.", 2, 1)]


@pytest.mark.parametrize(
    ("played_s", "heard"),
    [
        (0.0, ""),
        (0.2, ""),
        (1.0, "Mara is home"),
        (1.9, "Mara is home sick"),
        (2.0, "Mara is home sick today."),
        (2.5, "Mara is home sick today. She has"),
        (3.0, "Mara is home sick today. She has a fever."),
        (9.0, "Mara is home sick today. She has a fever."),
    ],
)
def test_words_are_cut_where_playback_stopped(played_s: float, heard: str) -> None:
    assert heard_text(CLAUSES, played_s * ONE_SECOND) == heard


def test_a_clause_whose_audio_still_comes_is_judged_by_its_likely_length() -> None:
    # 45 characters are about three seconds; one second of audio has come and was played.
    coming = clause("I would like to order a dozen red roses today", 0, 1, complete=False)
    assert heard_text([coming], ONE_SECOND) == "I would like to"


@given(
    texts=st.lists(st.text("ab ,.", max_size=30), max_size=4),
    seconds=st.lists(st.floats(0, 5), min_size=4, max_size=4),
    one=st.floats(0, 30),
    other=st.floats(0, 30),
)
def test_more_playback_never_means_fewer_words(
    texts: list[str], seconds: list[float], one: float, other: float
) -> None:
    start, clauses = 0.0, []
    for text, length in zip(texts, seconds, strict=False):
        clauses.append(clause(text, start, length))
        start += length
    early, late = (heard_text(clauses, at * ONE_SECOND) for at in sorted((one, other)))
    whole = " ".join(part.text.strip() for part in clauses if part.text.strip())
    assert late.startswith(early)
    assert whole.startswith(late)


def test_playback_is_estimated_by_the_clock_but_not_past_a_mark() -> None:
    line = Timeline()
    line.on_sent(2 * ONE_SECOND, now=100.0)
    line.on_mark_sent("a")
    line.on_sent(2 * ONE_SECOND, now=100.1)
    assert line.position(101.0) == ONE_SECOND
    # The mark should have been back by now: the carrier is late, and nothing after it has been played.
    assert line.position(103.0) == 2 * ONE_SECOND
    assert line.on_mark_played("a", now=103.0)
    assert line.position(103.5) == 2.5 * ONE_SECOND
    assert line.remaining_s(103.5) == pytest.approx(1.5)
    assert line.position(110.0) == 4 * ONE_SECOND


def test_the_way_of_an_echo_is_no_time_of_playing() -> None:
    """The carrier is 50 ms away: what is counted is what will have been heard when a `clear` arrives there."""
    line = Timeline()
    line.on_sent(2 * ONE_SECOND, now=100.0)
    line.on_mark_sent("a")
    line.on_sent(2 * ONE_SECOND, now=100.1)
    line.on_mark_sent("b")
    assert line.on_mark_played("a", now=102.1)
    assert line.position(102.1) == pytest.approx(2.1 * ONE_SECOND)
    # The next one is late: nothing more is played than it may be on its way with.
    assert line.position(104.5) == 4 * ONE_SECOND
    assert not line.played_out(104.5)


def test_when_a_mark_is_due() -> None:
    timeline = Timeline()
    assert timeline.mark_due_s(0.0) is None
    timeline.on_sent(BYTES_PER_S, 10.0)
    timeline.on_mark_sent("a")
    timeline.on_sent(BYTES_PER_S, 10.1)
    timeline.on_mark_sent("b")
    assert timeline.mark_due_s(10.25) == pytest.approx(0.75)
    assert timeline.mark_due_s(11.5) == pytest.approx(-0.5), "late"
    timeline.on_mark_played("a", 11.0)
    assert timeline.mark_due_s(11.5) == pytest.approx(0.5)
    timeline.on_mark_played("b", 12.0)
    assert timeline.mark_due_s(12.0) is None


def test_audio_after_a_gap_plays_from_when_it_was_sent() -> None:
    line = Timeline()
    line.on_sent(ONE_SECOND, now=100.0)
    line.on_sent(ONE_SECOND, now=105.0)
    assert line.position(105.5) == 1.5 * ONE_SECOND


def test_an_echo_that_is_not_ours_changes_nothing() -> None:
    line = Timeline()
    line.on_sent(ONE_SECOND, now=100.0)
    line.on_mark_sent("1.1")
    assert not line.on_mark_played("0.9", now=100.2)
    assert not line.played_out(now=101.0)
    assert line.on_mark_played("1.1", now=101.0)
    assert line.played_out(now=101.0)


@given(st.lists(st.tuples(st.sampled_from(["send", "mark", "echo"]), st.floats(0, 2)), max_size=30))
def test_the_position_stays_within_what_was_sent_and_never_goes_back_by_more_than_an_echo(
    steps: list[tuple[str, float]],
) -> None:
    line, now, names = Timeline(), 100.0, []
    for index, (step, wait) in enumerate(steps):
        now += wait
        match step:
            case "send":
                line.on_sent(1600, now)
            case "mark":
                line.on_mark_sent(str(index))
                names.append(str(index))
            case "echo" if names:
                assert line.on_mark_played(names.pop(0), now)
        assert 0 <= line.position(now) <= line.sent
        assert line.remaining_s(now) >= 0
