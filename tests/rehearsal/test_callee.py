"""The callee: what they do with what they really hear. Played without a clock, with the real voice and ear."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rehearsal import g711
from rehearsal.callee import FRAME_BYTES, FRAME_S, SILENCE, Callee
from rehearsal.ear import Ear, PhraseBook
from rehearsal.lines import render_lines
from rehearsal.scenario import CalleeCall
from rehearsal.scenario_files import load_business
from rehearsal.voice import Voice

VOICE = Voice()
LIMIT_S = 90.0


class Conversation:
    """A callee, and a caller who is played what to say."""

    def __init__(self, **call: Any) -> None:
        self._book = PhraseBook()
        described = CalleeCall.model_validate({"number": "+14155550122", **call})
        lines = asyncio.run(
            render_lines(VOICE, self._book, described.spoken(), name=described.voice, rate_wpm=described.rate_wpm)
        )
        self.callee = Callee(described, lines, Ear(self._book))
        self.sent = b""
        """What the callee sent."""

    def clip(self, text: str) -> bytes:
        speech = VOICE.render(text, voice="en-us+m3")
        self._book.add(speech)
        return g711.encode(speech.pcm16_8k)

    def play(self, audio: bytes) -> None:
        for start in range(0, len(audio), FRAME_BYTES):
            frame = audio[start : start + FRAME_BYTES]
            self.sent += self.callee.tick(frame + SILENCE[len(frame) :])

    def say(self, text: str, *, until_s: float | None = None) -> None:
        audio = self.clip(text)
        self.play(audio if until_s is None else audio[: int(until_s * 8000)])

    def wait(self, seconds: float) -> None:
        self.play(SILENCE * round(seconds / FRAME_S))

    def until(self, ready: Callable[[Callee], bool]) -> None:
        while not ready(self.callee):
            assert self.callee.now_s < LIMIT_S, (self.callee.said, self.callee.heard)
            self.play(SILENCE)

    def until_said(self, count: int) -> None:
        """Until the callee has said that many things, the last of them to its end."""
        self.until(lambda callee: len(callee.said) >= count and not callee.speaking)

    @property
    def said(self) -> list[str]:
        return [note.text for note in self.callee.said]

    @property
    def heard(self) -> list[str]:
        return [note.text for note in self.callee.heard]


def is_loud(audio: bytes) -> bool:
    return int(np.abs(g711.decode(audio).astype(np.int32)).max()) > 1000


def test_greets_first_and_answers_what_was_understood() -> None:
    talk = Conversation(
        greeting="Bakery, good morning.", says=[{"hears": "rye bread", "say": "Yes, we have some."}]
    )
    talk.until_said(1)
    talk.say("Do you have rye bread today?")
    talk.until_said(2)
    assert talk.said == ["Bakery, good morning.", "Yes, we have some."]
    assert talk.heard == ["Do you have rye bread today?"]
    assert is_loud(talk.sent)


def test_each_line_is_used_once_in_order() -> None:
    lines = [{"hears": "bread", "say": "First."}, {"hears": "bread", "say": "Second."}]
    talk = Conversation(says=lines, otherwise="Pardon?")
    for index in range(3):
        talk.say("Some bread, please.")
        talk.until_said(index + 1)
    assert talk.said == ["First.", "Second.", "Pardon?"]


def test_the_reply_comes_after_its_wait() -> None:
    def reply_time(wait: float) -> float:
        talk = Conversation(says=[{"hears": "bread", "say": "Yes.", "wait": wait}])
        talk.say("Some bread, please.")
        talk.until_said(1)
        return talk.callee.said[0].at_s

    assert reply_time(1.2) - reply_time(0.2) == pytest.approx(1.0, abs=0.05)


def test_who_goes_on_speaking_is_listened_to_and_answered_once() -> None:
    says = [
        {"hears": "two of them", "say": "Two, good.", "wait": 0.8},
        {"hears": "bread", "say": "How many?", "wait": 0.8},
    ]
    talk = Conversation(says=says)
    talk.say("I would like some rye bread.")
    talk.wait(0.6)
    talk.say("Please give me two of them.")
    talk.until_said(1)
    talk.wait(4)
    assert talk.said == ["Two, good."]


def test_what_is_said_during_the_greeting_is_answered_after_it() -> None:
    talk = Conversation(
        greeting="Good morning, this is the bakery around the corner, how can I help you?",
        says=[{"hears": "bread", "say": "Sure."}],
    )
    talk.wait(0.5)
    talk.say("Some bread, please.")
    talk.until_said(2)
    assert talk.said[1] == "Sure."


def test_an_interruption_comes_while_the_caller_still_speaks() -> None:
    talk = Conversation(
        says=[{"hears": "this is", "say": "Ah, hello."}, {"hears": "ladder", "say": "Yes."}],
        interrupts=[{"when": "step ladder", "say": "Sorry, who is this?"}],
        otherwise="Pardon?",
    )
    sentence = "Do you have a step ladder that is six feet long and made of light wood or aluminum?"
    talk.say(sentence)
    assert talk.said == ["Sorry, who is this?"]
    assert talk.callee.said[0].at_s < len(talk.clip(sentence)) / 8000 / 2
    talk.wait(4)
    talk.say("Hello, this is Floyd.")
    talk.until_said(2)
    assert talk.said[1] == "Ah, hello.", "and the rest of the interrupted sentence is not answered"


def test_only_what_was_played_is_heard() -> None:
    talk = Conversation(otherwise="Pardon?")
    talk.say("The first words are played, but nobody ever hears the last ones.", until_s=1.5)
    talk.until_said(1)
    assert talk.heard[0].startswith("The first words")
    assert "last ones" not in talk.heard[0]


def test_hangs_up_when_the_goodbye_was_spoken_to_its_end() -> None:
    goodbye = "Thank you very much for calling us today. Goodbye."
    talk = Conversation(says=[{"hears": "bye", "say": goodbye, "then": "hangUp"}])
    talk.say("Bye.")
    talk.until(lambda callee: callee.hung_up)
    spoken_s = talk.callee.now_s - talk.callee.said[0].at_s
    rendered_s = VOICE.render(goodbye).duration_s
    assert rendered_s < spoken_s < rendered_s + 0.6


def test_prompts_into_silence_and_gives_up() -> None:
    talk = Conversation(greeting="Hello?", silence={"after": 2.0, "say": "Anybody there?", "times": 2})
    talk.until(lambda callee: callee.hung_up)
    assert talk.said == ["Hello?", "Anybody there?", "Anybody there?"]
    assert 6.0 < talk.callee.now_s < 12.0


def test_unknown_speech_is_not_silence() -> None:
    talk = Conversation(silence={"after": 2.0, "say": "Anybody there?"})
    wave = np.sin(np.arange(8000 * 6) / 8000 * 2 * np.pi * 300) * np.random.default_rng(1).uniform(0, 9000, 48_000)
    talk.play(g711.encode(wave.astype(np.int16)))
    assert talk.said == []


def test_a_voicemail_beeps_records_and_ends() -> None:
    talk = Conversation(
        answer="voicemail",
        greeting="Please leave a message after the tone.",
        silence={"after": 3.0},
        otherwise="Never.",
    )
    talk.until(lambda callee: callee.beeped_at_s is not None)
    assert is_loud(talk.sent[-2000:-160]), "the beep"
    talk.say("This is Floyd. Mara can't come to her lesson.")
    talk.until(lambda callee: callee.hung_up)
    assert talk.said == ["Please leave a message after the tone."]
    assert " ".join(talk.heard) == "This is Floyd. Mara can't come to her lesson."
    assert talk.callee.recording is not None
    assert is_loud(bytes(talk.callee.recording))
    assert len(talk.callee.recording) / 8000 == pytest.approx(talk.callee.now_s - talk.callee.beeped_at_s, abs=0.1)


def test_noise_is_heard_behind_the_words_and_does_not_confuse_them() -> None:
    talk = Conversation(greeting="Bakery.", noise_db=-50, says=[{"hears": "bread", "say": "Yes."}])
    talk.wait(3)
    tail = g711.decode(talk.sent[-8000:]).astype(np.float64)
    level_db = 20 * np.log10(np.sqrt(np.mean(tail**2)) / 32768)
    assert level_db == pytest.approx(-50, abs=2)
    talk.say("Some bread, please.")
    talk.until_said(2)
    assert talk.said == ["Bakery.", "Yes."]


def test_the_end_of_the_line_notes_the_words_that_were_still_going_on() -> None:
    talk = Conversation()
    talk.say("This sentence will never be finished because the line breaks.", until_s=1.2)
    assert talk.heard == []
    talk.callee.line_closed()
    assert len(talk.heard) == 1
    assert talk.heard[0].startswith("This sentence")


def test_keys_are_pressed_after_the_words() -> None:
    talk = Conversation(says=[{"hears": "press", "say": "There.", "press": "12#"}])
    talk.say("Please press a key.")
    talk.until(lambda callee: bool(callee.pressed))
    assert talk.callee.pressed == ["1", "2", "#"]


DISCLOSURE = "Hi, this is Floyd, an AI assistant calling for Alex Rivera."


@pytest.mark.parametrize("pause_s", [None, 0.8, 4.0])
def test_the_generic_business_takes_a_request_a_name_and_leave(pause_s: float | None) -> None:
    """With the request right after the introduction, or after a pause in which the callee may ask for it."""
    talk = Conversation(**load_business().calls[0].model_dump())
    talk.until_said(1)
    request = "I would like to reserve a table for two people tomorrow at eight."
    if pause_s is None:
        talk.say(f"{DISCLOSURE} {request}")
    else:
        talk.say(DISCLOSURE)
        talk.wait(pause_s)
        talk.until(lambda callee: not callee.speaking)
        talk.say(request)
    talk.until(lambda callee: "a name" in callee.said[-1].text and not callee.speaking)
    talk.say("The name is Alex Rivera.")
    talk.until(lambda callee: "all set" in callee.said[-1].text and not callee.speaking)
    talk.say("No, that is all. Thank you, goodbye.")
    talk.until(lambda callee: callee.hung_up)
    assert "Goodbye" in talk.said[-1]
    assert len(talk.said) <= 5
