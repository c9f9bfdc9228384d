from __future__ import annotations

import pytest

from worker.call.barge_in import ANSWER_OVERLAP_S, VOICE_S, View, decide, is_answer, is_back_channel, is_farewell


@pytest.mark.parametrize(
    "text",
    ["Mm-hm.", "uh huh", "Okay", "Yes, right.", "I see.", "got it thanks", "Thank you.", "Bye bye.", "OK, sure"],
)
def test_listening_sounds(text: str) -> None:
    assert is_back_channel(text)
    assert not decide(View(text=text, speaking=False, voiced_s=0.4)).stop


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


@pytest.mark.parametrize("text", ["Wait", "No", "Sorry, one second", "Okay but who is this"])
def test_words_stop_floyd_at_once(text: str) -> None:
    assert decide(View(text=text, speaking=True, voiced_s=0.1)).stop


def test_a_voice_alone_stops_floyd_when_it_lasts() -> None:
    short = decide(View(text="", speaking=True, voiced_s=0.3))
    assert not short.stop
    assert short.look_again_s == pytest.approx(VOICE_S - 0.3)
    assert decide(View(text="", speaking=True, voiced_s=VOICE_S)).stop


def test_a_cough_does_not() -> None:
    verdict = decide(View(text="", speaking=False, voiced_s=0.3))
    assert not verdict.stop
    assert verdict.look_again_s is None


def test_okay_may_be_the_beginning_of_more() -> None:
    assert not decide(View(text="okay", speaking=True, voiced_s=VOICE_S)).stop
    assert decide(View(text="okay", speaking=True, voiced_s=2 * VOICE_S)).stop


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
