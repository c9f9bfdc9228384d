from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.call.barge_in import (
    ANSWER_OVERLAP_S,
    ANSWERED_S,
    BACK_CHANNEL_OVER_S,
    LISTEN_AGAIN_S,
    MURMUR_OVER_S,
    NO_WORDS_S,
    REAL_VOICE_S,
    VAIN_VOICE_S,
    VAIN_VOICES,
    VOICE_S,
    Then,
    View,
    decide,
    is_answer,
    is_back_channel,
    is_farewell,
    is_murmur,
    then,
)


@pytest.mark.parametrize(
    "text",
    ["Mm-hm.", "uh huh", "Okay", "Yes, right.", "I see.", "got it thanks", "Thank you.", "Bye bye.", "OK, sure"],
)
def test_listening_sounds(text: str) -> None:
    assert is_back_channel(text)
    assert not decide(View(text=text, speaking=False, voiced_s=0.4, silence_s=0.5)).stop


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No",
        "Wait",
        "Stop.",
        "Okay?",
        "Sorry, who is this?",
        "yes but",
        "so",
        "I",
        "right yes okay sure good fine",
    ],
)
def test_other_words(text: str) -> None:
    assert not is_back_channel(text)


def view(text: str = "", **changes: object) -> View:
    values: dict[str, object] = {"speaking": True, "voiced_s": 0.0, "silence_s": 0.0}
    return View(text=text, **{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["Wait", "No", "Sorry, one second", "Okay but who is this"])
@pytest.mark.parametrize("is_familiar", [True, False])
def test_words_stop_floyd_at_once(text: str, is_familiar: bool) -> None:
    assert decide(view(text, voiced_s=0.01, is_familiar=is_familiar)).stop


@pytest.mark.parametrize(("is_familiar", "longest_s"), [(False, VOICE_S), (True, REAL_VOICE_S)])
def test_a_voice_alone_stops_floyd_when_it_lasts(is_familiar: bool, longest_s: float) -> None:
    short = decide(view(voiced_s=0.03, is_familiar=is_familiar))
    assert not short.stop
    assert short.look_again_s == pytest.approx(LISTEN_AGAIN_S if is_familiar else longest_s - 0.03)
    assert decide(view(voiced_s=longest_s, is_familiar=is_familiar)).stop
    assert not decide(view(voiced_s=longest_s, is_familiar=is_familiar, speaking=False)).stop


@pytest.mark.parametrize(
    ("vain_voices", "longest_s"),
    [(0, VOICE_S), (VAIN_VOICES - 1, VOICE_S), (VAIN_VOICES, VAIN_VOICE_S), (VAIN_VOICES + 1, VAIN_VOICE_S)],
)
def test_voices_that_said_nothing_make_floyd_harder_to_stop(vain_voices: int, longest_s: float) -> None:
    assert decide(view(voiced_s=longest_s, vain_voices=vain_voices)).stop
    assert not decide(view(voiced_s=longest_s - 0.01, vain_voices=vain_voices)).stop
    assert decide(view("Wait", voiced_s=0.3, vain_voices=vain_voices)).stop, "words still do"


@pytest.mark.parametrize(
    ("text", "silence_s", "look_again_s"),
    [("okay", 0.2, MURMUR_OVER_S - 0.2), ("okay", MURMUR_OVER_S, None), ("", 0.2, None)],
)
def test_a_back_channel_that_is_over_is_looked_at_when_it_is_certain(
    text: str, silence_s: float, look_again_s: float | None
) -> None:
    verdict = decide(view(text, speaking=False, voiced_s=0.3, silence_s=silence_s))
    assert not verdict.stop
    assert verdict.look_again_s == (None if look_again_s is None else pytest.approx(look_again_s))


def test_okay_may_be_the_beginning_of_more() -> None:
    assert not decide(view("okay", voiced_s=0.5)).stop
    assert decide(view("okay", voiced_s=REAL_VOICE_S)).stop


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (view(voiced_s=0.1), Then.WAIT),
        (view(voiced_s=0.3, silence_s=NO_WORDS_S - 0.01), Then.WAIT),
        (view(voiced_s=0.3, silence_s=NO_WORDS_S), Then.RESUME),
        (view(voiced_s=REAL_VOICE_S), Then.GIVE_WAY),
        (view("Wait", voiced_s=0.2), Then.GIVE_WAY),
        (view("Okay", voiced_s=0.3), Then.WAIT),
        (view("Okay", voiced_s=0.3, silence_s=BACK_CHANNEL_OVER_S), Then.RESUME),
        (view("Okay, but", voiced_s=0.3, silence_s=BACK_CHANNEL_OVER_S), Then.GIVE_WAY),
        (view("Yes.", voiced_s=0.3, silence_s=BACK_CHANNEL_OVER_S, left_s=ANSWERED_S), Then.GIVE_WAY),
        (view("Yes.", voiced_s=0.3, silence_s=BACK_CHANNEL_OVER_S, left_s=2.0), Then.RESUME),
        (view(voiced_s=0.3, silence_s=NO_WORDS_S, left_s=0.1), Then.RESUME),
    ],
)
def test_what_follows_once_floyd_has_stopped(what: View, expected: Then) -> None:
    assert then(what)[0] is expected


@given(
    text=st.sampled_from(["", "okay", "mm hm", "wait a moment"]),
    voiced_s=st.floats(0, 2),
    silence_s=st.floats(0, 2),
    left_s=st.none() | st.floats(0, 5),
)
def test_floyd_never_stays_silent_without_a_reason(
    text: str, voiced_s: float, silence_s: float, left_s: float | None
) -> None:
    what, look_again_s = then(view(text, voiced_s=voiced_s, silence_s=silence_s, left_s=left_s))
    if what is Then.WAIT:
        assert look_again_s is not None
        assert 0 < look_again_s <= REAL_VOICE_S
        # If nothing changes but the time, it is over soon.
        assert silence_s < NO_WORDS_S
    else:
        assert look_again_s is None


def test_a_murmur_is_set_aside_unless_it_may_be_the_answer() -> None:
    assert is_murmur(view("okay", silence_s=MURMUR_OVER_S))
    assert is_murmur(view("okay", silence_s=MURMUR_OVER_S, left_s=3.0))
    assert not is_murmur(view("okay", silence_s=MURMUR_OVER_S, left_s=0.5))
    assert not is_murmur(view("okay", silence_s=0.1))
    assert not is_murmur(view("who is this", silence_s=2.0))


@pytest.mark.parametrize(
    ("text", "said_until", "answer"),
    [
        ("okay", 10.0 + 0.5, True),
        ("okay", 10.0 - ANSWER_OVERLAP_S, True),
        ("okay", 10.0 - ANSWER_OVERLAP_S - 0.1, False),
        ("no way", 2.0, True),
    ],
)
def test_when_a_short_word_answers(text: str, said_until: float, answer: bool) -> None:
    assert is_answer(text, said_until, floyd_until=10.0) is answer


@pytest.mark.parametrize(
    ("text", "farewell"),
    [
        ("You too, have a nice day.", True),
        ("Goodbye!", True),
        ("Wait, one more thing", False),
        ("Have a nice day, but could you ask her to bring a note on some other day please", False),
        ("Which day?", False),
    ],
)
def test_farewells(text: str, farewell: bool) -> None:
    # "one" alone is no farewell: it needs a word of parting.
    assert is_farewell(text) is farewell
