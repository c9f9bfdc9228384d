"""Hypotheses of a recogniser become utterances."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.call.utterance import UtteranceWords
from worker.call.voice_activity import PAUSE_S, SpeechGate
from worker.speech.recognizer import UNKNOWN_WORDS, Recognition
from worker.speech.vad import SILENT, Activity


def interim(text: str) -> Recognition:
    return Recognition(text, is_final=False, stability=0.5, end_s=0)


def final(text: str) -> Recognition:
    return Recognition(text, is_final=True, stability=1, end_s=0)


def test_words_that_are_not_known_yet_are_awaited() -> None:
    words = UtteranceWords()
    words.hear(final("I think so."), 1.0)
    assert not words.awaited
    assert words.hear(interim(UNKNOWN_WORDS), 2.0)
    assert words.awaited
    assert words.text == "I think so."
    assert words.changed_at == 1.0
    assert words.hear(interim(f"{UNKNOWN_WORDS} tomorrow"), 2.1)
    assert words.text == "I think so. tomorrow"
    assert words.take() == "I think so. tomorrow"
    words.hear(final("But call tomorrow."), 2.5)
    assert not words.awaited
    assert words.text == "call tomorrow.", "one word of it had been taken"


def test_interim_words_replace_each_other_and_finals_add_up() -> None:
    words = UtteranceWords()
    assert words.hear(interim("which"), 1.0)
    assert words.hear(interim("witch class"), 1.1)
    assert words.hear(final("Which class?"), 1.2)
    words.hear(interim("is"), 1.3)
    assert words.text == "Which class? is"
    words.hear(final("Is she in it?"), 1.4)
    assert words.take() == "Which class? Is she in it?"
    assert words.text == ""


def test_a_final_that_changes_no_word_does_not_count_as_new_words() -> None:
    words = UtteranceWords()
    words.hear(interim("which class"), 1.0)
    assert words.hear(final("Which class?"), 2.0)
    assert words.changed_at == 1.0
    assert words.settled_at == 2.0


def test_the_late_final_of_an_interim_that_was_taken_is_not_heard_twice() -> None:
    words = UtteranceWords()
    words.hear(interim("class for B"), 1.0)
    assert words.take() == "class for B"
    words.hear(interim("class for B please"), 2.0)
    assert words.text == "please"
    words.hear(final("Class four B, please."), 3.0)
    assert words.take() == "please."
    words.hear(final("Next."), 4.0)
    assert words.take() == "Next."


def test_a_very_late_final_is_not_heard_again_though_two_turns_were_taken_meanwhile() -> None:
    words = UtteranceWords()
    words.hear(interim("What would you"), 1.0)
    assert words.take() == "What would you"
    words.hear(interim("What would you like to"), 3.0)
    assert words.take() == "like to"
    words.hear(interim("What would you like to spend on"), 5.0)
    assert words.text == "spend on"
    words.hear(final("What would you like to spend on it?"), 6.0)
    assert words.take() == "spend on it?"
    words.hear(final("Next."), 8.0)
    assert words.take() == "Next."


@given(st.lists(st.tuples(st.booleans(), st.text("ab ", max_size=12)), max_size=20))
def test_every_final_word_is_taken_once(hypotheses: list[tuple[bool, str]]) -> None:
    words, taken, finals = UtteranceWords(), [], []
    for is_final, text in hypotheses:
        words.hear(final(text) if is_final else interim(text), 0.0)
        if is_final:
            finals += text.split()
            taken += words.take().split()
    assert taken == finals


def feed(gate: SpeechGate, pattern: str, start: float = 0.0) -> float:
    """`x` is a voiced frame, `.` an unvoiced one."""
    now = start
    for frame in pattern:
        now += 0.02
        gate.feed(Activity(1.0, True) if frame == "x" else SILENT, now)
    return now


def test_a_click_is_no_speech() -> None:
    gate = SpeechGate()
    feed(gate, "..x..xx...")
    assert not gate.speaking
    assert gate.last_voiced_at is None


def test_a_run_begins_with_its_first_voiced_frame_and_ends_with_its_last() -> None:
    gate = SpeechGate()
    now = feed(gate, "..." + "x" * 10)
    assert gate.speaking
    assert round(gate.started_at, 3) == 0.06
    assert round(gate.voiced_s(), 3) == 0.2
    end = feed(gate, "." * 20, now)
    assert not gate.speaking
    assert round(gate.last_voiced_at or 0, 3) == 0.26
    assert round(gate.silence_s(end, since=0), 3) == 0.4


@given(st.text("x.", max_size=60))
def test_frames_are_counted_as_time_is(pattern: str) -> None:
    gate = SpeechGate()
    now = feed(gate, pattern)
    if gate.last_voiced_at is not None:
        assert gate.since_start * 0.02 == pytest.approx(now - gate.started_at)
        assert gate.voiced_frames * 0.02 == pytest.approx(gate.last_voiced_at - gate.started_at)


def test_a_short_gap_belongs_to_the_run() -> None:
    gate = SpeechGate()
    gap = "." * round(PAUSE_S / 0.02 - 1)
    feed(gate, "x" * 5 + gap + "x" * 5)
    assert gate.speaking
    assert round(gate.started_at, 3) == 0.0
