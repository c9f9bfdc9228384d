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
from worker.call.murmurs import FEWEST_FRAMES, LONGER, LONGER_FRAMES, REMEMBERED, Murmurs
from worker.phone.media import FRAME_BYTES

VOICE = "en-us+f3"
KNOWN_BY_FRAMES = 10
"""200 ms: by then another word is told apart."""

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
    for text in texts:
        murmurs.learn(said(text))
    return murmurs


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
    assert not any(Murmurs().resembles(beginning) for beginning in prefixes(said(text)))


@pytest.mark.parametrize("text", BACK_CHANNELS)
def test_the_same_sound_is_known_from_beginning_to_end(text: str) -> None:
    assert all(knowing(text).resembles(beginning) for beginning in prefixes(said(text)))


@pytest.mark.parametrize("take", TAKES, ids=str)
def test_the_same_word_said_otherwise_is_nearly_always_known(take: dict[str, float]) -> None:
    """It may take one stop to learn another way of saying it."""
    known = [
        all(knowing(text).resembles(beginning) for beginning in prefixes(said(text, **take)))  # type: ignore[arg-type]
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
    assert not knowing(*BACK_CHANNELS).resembles(said(text)[:KNOWN_BY_FRAMES])


@pytest.mark.parametrize("text", ["Okay.", "Right.", "Yeah."])
def test_what_goes_on_after_the_word_is_none(text: str) -> None:
    """Though it begins alike to the sample."""
    murmur = said(text)
    longest = int(len(murmur) * LONGER + LONGER_FRAMES)
    going_on = murmur + said("But wait, that is not possible at all.")
    murmurs = knowing(text)
    assert murmurs.resembles(going_on[:longest])
    assert not murmurs.resembles(going_on[: longest + 1])


def test_the_oldest_is_forgotten() -> None:
    murmurs = knowing("Okay.", *["Right."] * (REMEMBERED - 1))
    assert murmurs.resembles(said("Okay.")[:KNOWN_BY_FRAMES])
    murmurs.learn(said("Right."))
    assert not murmurs.resembles(said("Okay.")[:KNOWN_BY_FRAMES])


FRAMES = st.lists(st.binary(min_size=FRAME_BYTES, max_size=FRAME_BYTES), max_size=20)


@given(FRAMES, FRAMES)
def test_any_sound_may_come(learnt: list[bytes], heard: list[bytes]) -> None:
    murmurs = Murmurs()
    murmurs.learn(learnt)
    assert murmurs.resembles(learnt) == (len(learnt) >= FEWEST_FRAMES)
    assert murmurs.resembles(heard) in (True, False)
