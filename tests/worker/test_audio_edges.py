"""Trimming the silence around speech, and bringing voices to one level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from worker.audio.edges import FADE, LEAD, Edges
from worker.audio.g711 import SILENCE, decode, encode
from worker.audio.loudness import (
    MOST_GAIN_DB,
    NEAR_DB,
    Level,
    amplified,
    rms_dbfs,
)
from worker.speech.telephone_voice import CLAUSE_PAUSE_S, NO_PAUSE_S, SENTENCE_PAUSE_S, pause_after_s

RATE = 8_000
PAUSE_S = 0.2


def tone(seconds: float, level_dbfs: float = -20.0) -> bytes:
    """A tone that begins and ends in the middle of its swing."""
    t = np.arange(round(seconds * RATE)) / RATE
    wave = 10 ** (level_dbfs / 20) * np.sqrt(2) * np.cos(2 * np.pi * 440 * t)
    return encode(np.round(np.clip(wave, -1, 1) * 32767).astype(np.int16))


def silence(seconds: float, noise: int = 8) -> bytes:
    samples = np.random.default_rng(0).integers(-noise, noise + 1, round(seconds * RATE))
    return encode(samples.astype(np.int16))


def trimmed(*pieces: bytes, pause_s: float = PAUSE_S) -> bytes:
    edges = Edges(pause_s)
    return b"".join([edges.feed(piece) for piece in pieces] + [edges.flush()])


def linear(mulaw: bytes) -> NDArray[np.float64]:
    return decode(mulaw).astype(np.float64) / 32768


@pytest.mark.parametrize("before_s", [0.0, 0.003, 0.02, 0.3, 2.0])
@pytest.mark.parametrize("after_s", [0.0, 0.003, 0.1, 0.2, 0.8])
def test_silence_in_front_is_dropped_and_behind_made_a_pause(before_s: float, after_s: float) -> None:
    heard = trimmed(silence(before_s) + tone(0.5) + silence(after_s))
    lead = min(before_s * RATE, LEAD)
    assert len(heard) == pytest.approx(lead + 0.5 * RATE + PAUSE_S * RATE, abs=80)
    loud = np.flatnonzero(np.abs(linear(heard)) > 0.05)
    assert loud[0] <= LEAD + 40
    assert len(heard) - loud[-1] == pytest.approx(PAUSE_S * RATE, abs=80)


def test_a_pause_inside_stays_however_long_it_is() -> None:
    speech = tone(0.2) + silence(0.9) + tone(0.2)
    assert speech[FADE:-FADE] in trimmed(silence(0.2) + speech + silence(0.4))


def test_sound_is_given_out_at_once() -> None:
    edges = Edges(PAUSE_S)
    assert edges.feed(silence(0.3)) == b""
    given = edges.feed(tone(0.1))
    assert len(given) >= 0.1 * RATE - 80
    assert len(edges.feed(tone(0.1))) >= 0.1 * RATE - 80
    # A pause is given out as well, as far as it may be the last.
    assert len(edges.feed(silence(1.0))) == pytest.approx(PAUSE_S * RATE, abs=80)


def test_an_abrupt_beginning_and_end_make_no_click() -> None:
    heard = linear(trimmed(tone(0.3)))
    own = np.abs(np.diff(linear(tone(0.3)))).max()
    assert np.abs(np.diff(np.concatenate([[0.0], heard, [0.0]]))).max() <= own * 1.01
    assert abs(heard[0]) < 0.01


def test_soft_consonants_are_sound() -> None:
    soft = tone(0.06, -46)
    heard = trimmed(silence(0.2) + soft + tone(0.2) + soft + silence(0.3))
    assert (soft + tone(0.2) + soft)[FADE:-FADE] in heard


@pytest.mark.parametrize("nothing", [b"", silence(0.001), silence(0.5), bytes([SILENCE]) * 4_000])
def test_silence_alone_is_nothing(nothing: bytes) -> None:
    assert trimmed(nothing) == b""


CLIPS = st.lists(
    st.one_of(
        st.integers(0, 1_500).map(lambda size: silence(size / RATE)),
        st.integers(0, 1_500).map(lambda size: tone(size / RATE)),
        st.integers(0, 400).map(lambda size: tone(size / RATE, -46)),
    ),
    max_size=6,
).map(b"".join)


@given(CLIPS, st.lists(st.integers(1, 900), max_size=20), st.sampled_from([0.0, 0.02, 0.2]))
def test_it_is_the_same_in_any_pieces(audio: bytes, sizes: list[int], pause_s: float) -> None:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(audio[at : at + size])
        at += size
    pieces.append(audio[at:])
    assert trimmed(*pieces, pause_s=pause_s) == trimmed(audio, pause_s=pause_s)


@given(CLIPS)
def test_no_sound_is_lost(audio: bytes) -> None:
    def energy(mulaw: bytes) -> float:
        return float((linear(mulaw) ** 2).sum())

    lost = energy(audio) - energy(trimmed(audio))
    assert lost <= 2 * FADE * 0.03 + len(audio) * 4e-6  # the fades, and what is silence


@pytest.mark.parametrize(
    ("text", "pause_s"),
    [
        ("She is ill.", SENTENCE_PAUSE_S),
        ("Really?", SENTENCE_PAUSE_S),
        ('He said "yes."', SENTENCE_PAUSE_S),
        ("Hi there,", CLAUSE_PAUSE_S),
        ("three things:", CLAUSE_PAUSE_S),
        ("whether the prescription", NO_PAUSE_S),
        ("", NO_PAUSE_S),
    ],
)
def test_the_pause_is_what_the_end_of_a_clause_asks_for(text: str, pause_s: float) -> None:
    assert pause_after_s(text) == pause_s


def test_the_gain_is_learnt_and_then_stays() -> None:
    level = Level()
    level.settle()
    assert level.gain_db == 0
    level.note(tone(0.1, -30))
    assert not level.known  # a syllable
    level.note(tone(1.2, -30) + silence(3.0))
    assert level.known
    assert level.gain_db == 0  # not in the middle of a sentence
    level.settle()
    assert level.gain_db == 10
    for louder in (-31, -29, -28):
        level.note(tone(0.5, louder))
        level.settle()
        assert level.gain_db == 10
    for _ in range(30):
        level.note(tone(1.0, -20))
    level.settle()
    assert abs(level.gain_db) <= NEAR_DB


def test_a_gain_is_bounded() -> None:
    level = Level()
    level.note(tone(1.2, -41))
    level.settle()
    assert level.gain_db == MOST_GAIN_DB


@given(st.integers(-12, 12))
def test_louder_is_louder_and_never_clipped(gain_db: int) -> None:
    quiet, loud = tone(0.2, -30), tone(0.2, -4)
    assert rms_dbfs(amplified(quiet, gain_db)) == pytest.approx(-30 + gain_db, abs=0.4)
    peaks = np.abs(linear(amplified(loud, gain_db)))
    assert peaks.max() < 0.99
    order = np.argsort(linear(bytes(range(256))), kind="stable")
    assert np.all(np.diff(linear(amplified(bytes(range(256)), gain_db))[order]) >= 0)
