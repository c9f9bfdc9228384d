from __future__ import annotations

import pytest

from worker.call import opening
from worker.call.answered_by import Answerer, from_carrier, from_greeting, settle
from worker.call.opening import View


def view(**changes: object) -> View:
    values: dict[str, object] = {
        "since_answer_s": 1.0,
        "speaking": False,
        "voiced_s": 0.0,
        "silence_s": 1.0,
        "has_words": False,
        "since_words_s": 1.0,
    }
    return View(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "speak"),
    [
        (view(since_answer_s=1.0, silence_s=1.0), False),
        (view(since_answer_s=1.8, silence_s=1.8), True),
        (view(since_answer_s=2.5, speaking=True, voiced_s=1.0, silence_s=0.0), False),
        (view(since_answer_s=2.5, voiced_s=1.2, silence_s=0.3), False),
        (view(since_answer_s=2.5, voiced_s=1.2, silence_s=0.5), True),
        # Its words are not known yet.
        (view(since_answer_s=2.5, voiced_s=1.2, silence_s=1.2, awaited=True), False),
        (view(since_answer_s=2.5, voiced_s=1.2, silence_s=1.3, awaited=True), True),
        (view(since_answer_s=9.0, voiced_s=7.0, silence_s=0.9), False),
        (view(since_answer_s=9.0, voiced_s=7.0, silence_s=1.5), True),
        (view(since_answer_s=30.0, speaking=True, voiced_s=29.0, silence_s=0.0), True),
        # A noise that does not end.
        (view(since_answer_s=6.0, speaking=True, has_words=True, since_words_s=2.4), False),
        (view(since_answer_s=6.0, speaking=True, has_words=True, since_words_s=2.5), True),
        (view(since_answer_s=7.9, speaking=True, since_words_s=7.9), False),
        (view(since_answer_s=8.0, speaking=True, since_words_s=8.0), True),
        # A click on the line is no greeting.
        (view(since_answer_s=1.0, voiced_s=0.1, silence_s=0.6), False),
    ],
)
def test_when_to_introduce_oneself(seen: View, speak: bool) -> None:
    verdict = opening.decide(seen)
    assert verdict.speak is speak
    assert speak or (verdict.look_again_s is not None and verdict.look_again_s > 0)


@pytest.mark.parametrize(
    "greeting",
    [
        "Hi, this is Dana. Please leave a message after the tone.",
        "You've reached the voicemail of Dana Reed.",
        "I can't come to the phone right now, leave your name and number",
        "The mailbox is full and cannot accept messages.",
        "Leave a message and I will get back to you.",
        "At the beep, record your message.",
    ],
)
def test_a_machine_is_known_by_its_words(greeting: str) -> None:
    assert from_greeting(greeting) is Answerer.VOICEMAIL


@pytest.mark.parametrize(
    "greeting",
    [
        "Lincoln Elementary, this is Dana speaking.",
        "She is not here, can I take a message?",
        "Hello?",
        "Sorry, I can't talk right now.",
        "Do you want to leave a message for her?",
    ],
)
def test_a_person_is_not(greeting: str) -> None:
    assert from_greeting(greeting) is Answerer.UNKNOWN


@pytest.mark.parametrize(
    ("value", "answerer"),
    [
        ("human", Answerer.PERSON),
        ("machine_start", Answerer.VOICEMAIL),
        ("machine_end_beep", Answerer.VOICEMAIL_LISTENING),
        ("machine_end_silence", Answerer.VOICEMAIL_LISTENING),
        ("machine_end_other", Answerer.VOICEMAIL_LISTENING),
        ("fax", Answerer.FAX),
        ("unknown", Answerer.UNKNOWN),
        ("something new", Answerer.UNKNOWN),
    ],
)
def test_the_carriers_words(value: str, answerer: Answerer) -> None:
    assert from_carrier(value) is answerer


def test_a_verdict_settles() -> None:
    assert settle(Answerer.UNKNOWN, Answerer.PERSON) is Answerer.PERSON
    assert settle(Answerer.VOICEMAIL, Answerer.VOICEMAIL_LISTENING) is Answerer.VOICEMAIL_LISTENING
    assert settle(Answerer.VOICEMAIL_LISTENING, Answerer.VOICEMAIL) is Answerer.VOICEMAIL_LISTENING
    assert settle(Answerer.VOICEMAIL, Answerer.PERSON) is Answerer.VOICEMAIL
    assert settle(Answerer.PERSON, Answerer.VOICEMAIL) is Answerer.VOICEMAIL
    for known in Answerer:
        assert settle(known, Answerer.UNKNOWN) is known
