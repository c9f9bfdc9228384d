from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.call.endpointing import (
    COMPLETE_S,
    DIGITS_S,
    HANGING_S,
    NO_FINAL_S,
    NOISY_S,
    OPEN_S,
    Ending,
    View,
    decide,
    ending_of,
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
        ("We can", Ending.HANGING),
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


def view(text: str = "Which class is she in?", **changes: object) -> View:
    values: dict[str, object] = {"has_interim": False, "speaking": False, "silence_s": 0.0, "since_words_s": 9.0}
    return View(text=text, **{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "needed_s"),
    [
        ("Which class is she in?", COMPLETE_S),
        ("which class is it", OPEN_S),
        ("We have roses and", HANGING_S),
        ("It's four one five", DIGITS_S),
    ],
)
def test_a_turn_ends_after_the_silence_its_words_ask_for(text: str, needed_s: float) -> None:
    assert decide(view(text, silence_s=needed_s)).over
    early = decide(view(text, silence_s=needed_s - 0.1))
    assert not early.over
    assert early.look_again_s == pytest.approx(0.1)


def test_without_a_final_the_interim_is_taken_in_the_end() -> None:
    assert not decide(view(has_interim=True, silence_s=COMPLETE_S)).over
    assert decide(view(has_interim=True, silence_s=NO_FINAL_S)).over


def test_nobody_is_cut_off_while_they_speak() -> None:
    assert not decide(view(speaking=True, has_interim=True, since_words_s=60)).over
    assert not decide(view(speaking=True, since_words_s=NOISY_S - 0.1)).over


def test_a_line_that_never_gets_quiet_does_not_hold_the_turn() -> None:
    assert decide(view(speaking=True, since_words_s=NOISY_S)).over


@given(
    text=st.text(max_size=60),
    has_interim=st.booleans(),
    speaking=st.booleans(),
    silence_s=st.floats(0, 100),
    since_words_s=st.floats(0, 100),
)
def test_waiting_never_takes_a_turn_back_and_always_leads_somewhere(
    text: str, has_interim: bool, speaking: bool, silence_s: float, since_words_s: float
) -> None:
    before = view(
        text, has_interim=has_interim, speaking=speaking, silence_s=silence_s, since_words_s=since_words_s
    )
    verdict = decide(before)
    if verdict.over:
        later = view(
            text,
            has_interim=has_interim,
            speaking=speaking,
            silence_s=silence_s + 1,
            since_words_s=since_words_s + 1,
        )
        assert decide(later).over
    elif verdict.look_again_s is not None:
        wait = verdict.look_again_s + 1e-6
        assert wait > 0
        then = view(
            text,
            has_interim=has_interim,
            speaking=speaking,
            silence_s=silence_s + wait,
            since_words_s=since_words_s + wait,
        )
        assert decide(then).over
