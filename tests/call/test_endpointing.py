from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.call.endpointing import (
    AWAITED_S,
    COMPLETE_INTERIM_S,
    COMPLETE_S,
    DIGITS_S,
    HANGING_S,
    LONGEST_WAIT_S,
    NO_FINAL_S,
    NOISY_S,
    OPEN_S,
    OPEN_UNPUNCTUATED_S,
    PAUSE_MARGIN_S,
    Ending,
    Expected,
    Pace,
    View,
    decide,
    ending_of,
    expected_after,
    silence_needed_s,
)


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("Yes.", Ending.COMPLETE),
        ("No.", Ending.COMPLETE),
        ("Which class is she in?", Ending.COMPLETE),
        ("What is that for?", Ending.COMPLETE),
        ('She said "hello."', Ending.COMPLETE),
        ("Class 4.", Ending.COMPLETE),
        ("It is 80 dollars.", Ending.COMPLETE),
        ("Yes please", Ending.OPEN),
        ("Yes, we can.", Ending.OPEN),
        ("I'll tell her.", Ending.OPEN),
        ("She is in the", Ending.HANGING),
        ("She is in the.", Ending.HANGING),
        ("We have roses and", Ending.HANGING),
        ("We can", Ending.DANGLING),
        ("Is there anything we should know about", Ending.DANGLING),
        ("Is there anything we should know about?", Ending.COMPLETE),
        ("Um", Ending.HANGING),
        ("Let me see...", Ending.HANGING),
        ("One moment,", Ending.HANGING),
        ("My number is 415", Ending.DIGITS),
        ("It's four one five.", Ending.DIGITS),
        ("It's four one five, five five five, oh one three four.", Ending.COMPLETE),
        ("", Ending.OPEN),
        ("…", Ending.OPEN),
    ],
)
def test_how_words_end(text: str, ending: Ending) -> None:
    assert ending_of(text) is ending


@pytest.mark.parametrize(
    ("text", "expected", "ending"),
    [
        ("yes", Expected.YES_OR_NO, Ending.COMPLETE),
        ("yeah sure", Expected.YES_OR_NO, Ending.COMPLETE),
        ("yes", Expected.ANYTHING, Ending.OPEN),
        ("yes but", Expected.YES_OR_NO, Ending.HANGING),
        ("no we are closed today", Expected.YES_OR_NO, Ending.OPEN),
        ("It is 42.", Expected.NUMBER, Ending.DIGITS),
        ("It is 42.", Expected.ANYTHING, Ending.COMPLETE),
        ("four one five five five five oh one three four", Expected.NUMBER, Ending.COMPLETE),
        ("four one five five five five oh one three four", Expected.ANYTHING, Ending.OPEN),
        ("Я ей передам.", Expected.ANYTHING, Ending.COMPLETE),
    ],
)
def test_what_was_asked_tells_what_is_complete(text: str, expected: Expected, ending: Ending) -> None:
    assert ending_of(text, expected) is ending


@pytest.mark.parametrize(
    ("floyd", "expected"),
    [
        ("Would Thursday at six work?", Expected.YES_OR_NO),
        ("Thank you. Is there anything else you need?", Expected.YES_OR_NO),
        ("And do you deliver on Sundays?", Expected.YES_OR_NO),
        ("What number can I reach you at?", Expected.NUMBER),
        ("What is the confirmation code?", Expected.NUMBER),
        ("When do you open?", Expected.ANYTHING),
        ("Can I have the number. Thank you.", Expected.ANYTHING),
        ("", Expected.ANYTHING),
    ],
)
def test_what_floyd_asked_for(floyd: str, expected: Expected) -> None:
    assert expected_after(floyd) is expected


def view(text: str = "Which class is she in?", **changes: object) -> View:
    values: dict[str, object] = {"has_interim": False, "silence_s": 0.0, "since_words_s": 0.0}
    return View(text=text, **{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "has_interim", "punctuates", "needed_s"),
    [
        ("Which class is she in?", False, True, COMPLETE_S),
        ("Which class is she in?", True, True, COMPLETE_INTERIM_S),
        ("which class is it", False, True, OPEN_S),
        ("which class is it", False, False, OPEN_UNPUNCTUATED_S),
        ("which class is it", True, False, NO_FINAL_S),
        ("We have roses and", False, True, HANGING_S),
        ("We have roses and", True, True, HANGING_S),
        ("We can", False, True, HANGING_S),
        ("We can", True, False, HANGING_S),
        ("It's four one five", False, True, DIGITS_S),
    ],
)
def test_a_turn_ends_after_the_silence_its_words_ask_for(
    text: str, has_interim: bool, punctuates: bool, needed_s: float
) -> None:
    changes = {"has_interim": has_interim, "punctuates": punctuates}
    assert decide(view(text, silence_s=needed_s, **changes)).over
    early = decide(view(text, silence_s=needed_s - 0.01, **changes))
    assert not early.over
    assert early.look_again_s == pytest.approx(0.01)


def test_words_that_are_awaited_are_waited_for_but_not_for_ever() -> None:
    assert not decide(view(awaited=True, silence_s=AWAITED_S - 0.01)).over
    assert not decide(view(awaited=True, silence_s=0.0, since_words_s=60)).over
    assert decide(view(awaited=True, silence_s=AWAITED_S)).over


@pytest.mark.parametrize("pause_s", [0.7, 1.3])
@pytest.mark.parametrize("text", ["I think the best time would be", "My number is four one five", "Um, so"])
def test_a_pause_in_the_middle_of_a_sentence_ends_no_turn(text: str, pause_s: float) -> None:
    noticed_s = 0.1
    assert not decide(view(text, silence_s=pause_s + noticed_s, since_words_s=pause_s)).over


def test_nobody_is_cut_off_while_they_speak() -> None:
    assert not decide(view(silence_s=0.0, has_interim=True, since_words_s=60)).over
    assert not decide(view(silence_s=0.0, since_words_s=NOISY_S)).over


def test_a_line_that_never_gets_quiet_does_not_hold_the_turn() -> None:
    assert decide(view(silence_s=0.0, since_words_s=NOISY_S + COMPLETE_S)).over


def test_who_pauses_for_long_is_waited_for() -> None:
    pace = Pace()
    pace.paused(Ending.COMPLETE, 0.9)
    assert silence_needed_s(view(pace=pace)) == pytest.approx(0.9 + PAUSE_MARGIN_S)
    assert silence_needed_s(view("We have roses and", pace=pace)) == HANGING_S
    for _ in range(40):
        pace.finished()
    assert silence_needed_s(view(pace=pace)) == COMPLETE_S


@given(st.lists(st.tuples(st.sampled_from(Ending), st.floats(0, 60) | st.none()), max_size=20))
def test_patience_has_an_end(happened: list[tuple[Ending, float | None]]) -> None:
    pace = Pace()
    for ending, pause_s in happened:
        if pause_s is None:
            pace.finished()
        else:
            pace.paused(ending, pause_s)
    for ending in Ending:
        for usual_s in (COMPLETE_S, OPEN_S, HANGING_S):
            assert usual_s <= pace.at_least(ending, usual_s) <= LONGEST_WAIT_S


@given(
    text=st.text(max_size=60) | st.sampled_from(["Yes.", "and", "my number is 415", "which class is it"]),
    has_interim=st.booleans(),
    silence_s=st.floats(0, 100),
    since_words_s=st.floats(0, 100),
    punctuates=st.booleans(),
    expected=st.sampled_from(Expected),
    paused_s=st.floats(0, 5),
)
def test_waiting_never_takes_a_turn_back_and_always_leads_somewhere(
    *,
    text: str,
    has_interim: bool,
    silence_s: float,
    since_words_s: float,
    punctuates: bool,
    expected: Expected,
    paused_s: float,
) -> None:
    pace = Pace()
    pace.paused(ending_of(text, expected), paused_s)

    def after(waited_s: float) -> View:
        return View(text, has_interim, silence_s + waited_s, since_words_s + waited_s, expected, punctuates, pace)

    verdict = decide(after(0))
    if verdict.over:
        assert decide(after(1)).over
    elif verdict.look_again_s is not None:
        assert 0 < verdict.look_again_s + 1e-6 <= LONGEST_WAIT_S + 1e-6
        assert decide(after(verdict.look_again_s + 1e-6)).over
