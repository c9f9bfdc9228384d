"""Back-channels that are known again, tried on the rehearsed voice at other paces, pitches and loudnesses."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal import g711
from rehearsal.voice import Voice
from worker.audio.loudness import rms_dbfs
from worker.call.murmurs import (
    APART_FRAMES,
    APART_SHARE,
    FEWEST_FRAMES,
    LONGEST_FRAMES,
    REMEMBERED,
    Murmurs,
)
from worker.phone.media import FRAME_BYTES

VOICE = "en-us+f3"
KNOWN_BY_FRAMES = 10
"""200 ms: by then another word is told apart."""
SPEECH = "We have a table near the window. Which name should I put it under?"

voice = Voice()


@cache
def said(text: str, pace: float = 1.0, pitch: float = 1.0, gain_db: float = 0.0, late: int = 0) -> list[bytes]:
    """Frames of the voiced part. `late`: samples cut off the beginning, so that frames fall elsewhere."""
    samples = voice.render(text, voice=VOICE, rate_wpm=round(180 * pace)).pcm16_8k.astype(np.float64)
    at = np.arange(int(len(samples) / pitch)) * pitch
    samples = np.interp(at, np.arange(len(samples)), samples) * 10 ** (gain_db / 20)
    mulaw = g711.encode(samples[late:].clip(-32000, 32000).astype(np.int16))
    frames = [mulaw[start : start + FRAME_BYTES] for start in range(0, len(mulaw) - FRAME_BYTES, FRAME_BYTES)]
    loud = [index for index, frame in enumerate(frames) if rms_dbfs(frame) > -45]
    return frames[loud[0] : loud[-1] + 1]


def knowing(*texts: str) -> Murmurs:
    murmurs = Murmurs()
    for frame in said(SPEECH):
        murmurs.note(frame)
    for text in texts:
        murmurs.learn(said(text))
    return murmurs


def resembles(murmurs: Murmurs, frames: list[bytes]) -> bool:
    """Heard at once."""
    return murmurs.compare().resembles(frames)


def known_throughout(murmurs: Murmurs, frames: list[bytes]) -> bool:
    """Heard frame by frame, and alike all the time."""
    comparison = murmurs.compare()
    return all(comparison.resembles(beginning) for beginning in prefixes(frames))


def prefixes(frames: list[bytes]) -> list[list[bytes]]:
    return [frames[:count] for count in range(FEWEST_FRAMES, len(frames) + 1)]


BACK_CHANNELS = ("Mm-hm.", "Okay.", "Right.", "Yeah.", "Uh-huh.")
TAKES = [
    {"gain_db": -6.0},
    {"gain_db": 4.0, "late": 80},
    {"pace": 1.08},
    {"pace": 0.93, "gain_db": -3.0},
    {"pitch": 1.03, "late": 40},
    {"pitch": 0.97, "pace": 1.05},
]


@pytest.mark.parametrize("text", BACK_CHANNELS)
def test_nothing_is_known_at_first(text: str) -> None:
    comparison = Murmurs().compare()
    assert not any(comparison.resembles(beginning) for beginning in prefixes(said(text)))


@pytest.mark.parametrize("text", BACK_CHANNELS)
def test_the_same_sound_is_known_from_beginning_to_end(text: str) -> None:
    assert known_throughout(knowing(text), said(text))


@pytest.mark.parametrize("take", TAKES, ids=str)
def test_the_same_word_said_otherwise_is_nearly_always_known(take: dict[str, float]) -> None:
    """It may take one stop to learn another way of saying it."""
    known = [
        known_throughout(knowing(text), said(text, **take))  # type: ignore[arg-type]
        for text in BACK_CHANNELS
    ]
    assert sum(known) >= len(BACK_CHANNELS) - 1


@pytest.mark.parametrize(
    "text",
    [
        "Wait, can you tell me the name first?",
        "Sorry, that day we are closed.",
        "Hold on, I have to find a pen.",
        "No, that is not possible at all.",
        "Excuse me, how many people did you say?",
        "Stop, you have the wrong number here.",
    ],
)
def test_other_words_are_told_apart_by_their_beginning(text: str) -> None:
    assert not resembles(knowing(*BACK_CHANNELS), said(text)[:KNOWN_BY_FRAMES])


@pytest.mark.parametrize("text", ["Okay.", "Right.", "Yeah."])
def test_what_goes_on_after_the_word_is_none(text: str) -> None:
    """Though it begins alike to the sample."""
    murmur = said(text)
    comparison = knowing(text).compare()
    assert comparison.resembles(murmur)
    longest = int((len(murmur) + APART_FRAMES) / (1 - APART_SHARE))
    going_on = murmur + said("But wait, that is not possible at all.")
    assert not comparison.resembles(going_on[: longest + 1])
    drawn_out = [frame for frame in murmur for _ in range(2)]
    assert not resembles(knowing(text), drawn_out)


def test_however_it_is_heard_it_is_judged_the_same() -> None:
    for text in (*BACK_CHANNELS, "Wait, can you tell me the name first?"):
        murmurs = knowing("Okay.", "Yeah.")
        bit_by_bit = murmurs.compare()
        for beginning in prefixes(said(text, pace=1.05))[::3]:
            assert bit_by_bit.resembles(beginning) == resembles(murmurs, beginning)


def test_what_lasts_long_is_not_learnt() -> None:
    long = said(SPEECH)[: LONGEST_FRAMES + 1]
    murmurs = Murmurs()
    murmurs.learn(long)
    assert not resembles(murmurs, long[:KNOWN_BY_FRAMES])
    murmurs.learn(long[:LONGEST_FRAMES])
    assert resembles(murmurs, long[:KNOWN_BY_FRAMES])


def test_a_voice_whose_sounds_differ_little_is_told_apart_by_less() -> None:
    """The same two sounds, of somebody who otherwise hardly changes the mouth, and of an ordinary voice."""
    first, other = said("Yeah."), said("Yeah.", pitch=0.9)
    assert resembles(knowing("Yeah."), other[:KNOWN_BY_FRAMES])
    monotonous = Murmurs()
    for _ in range(30):
        for frame in first[2:6]:
            monotonous.note(frame)
    monotonous.learn(first)
    assert not resembles(monotonous, other[:KNOWN_BY_FRAMES])
    assert resembles(monotonous, first)


def test_the_oldest_is_forgotten() -> None:
    murmurs = knowing("Okay.", *["Right."] * (REMEMBERED - 1))
    assert resembles(murmurs, said("Okay.")[:KNOWN_BY_FRAMES])
    murmurs.learn(said("Right."))
    assert not resembles(murmurs, said("Okay.")[:KNOWN_BY_FRAMES])


FRAMES = st.lists(st.binary(min_size=FRAME_BYTES, max_size=FRAME_BYTES), max_size=20)


@given(FRAMES, FRAMES, FRAMES)
def test_any_sound_may_come(spoken: list[bytes], learnt: list[bytes], heard: list[bytes]) -> None:
    murmurs = Murmurs()
    for frame in spoken * 8:
        murmurs.note(frame)
    murmurs.learn(learnt)
    assert resembles(murmurs, learnt) == (len(learnt) >= FEWEST_FRAMES)
    assert resembles(murmurs, heard) in (True, False)
