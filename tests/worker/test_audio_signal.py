"""Telephone audio as audio: mu-law, the decimating filter, touch tones, loudness."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.audio import dtmf, g711, loudness
from worker.audio.resample import TAPS, Decimator, PcmToMulaw

RNG_SEED = 7


def sine(hz: float, rate: int, seconds: float, peak: float = 0.5) -> np.ndarray:
    t = np.arange(int(rate * seconds)) / rate
    return (peak * 32767 * np.sin(2 * np.pi * hz * t)).astype(np.int16)


def goertzel(samples: np.ndarray, hz: float, rate: int = 8000) -> float:
    """Power at one frequency, relative to the whole."""
    t = np.arange(len(samples)) / rate
    x = samples.astype(float)
    return float(abs(np.dot(x, np.exp(-2j * np.pi * hz * t))) ** 2 / (len(x) * np.dot(x, x) / 2 + 1e-9))


@pytest.mark.parametrize("peak", [0.9, 0.3, 0.1, 0.03])
def test_mulaw_keeps_speech_levels_35_db_above_its_noise(peak: float) -> None:
    original = sine(1020, 8000, 1.0, peak)
    noise = g711.decode(g711.encode(original)).astype(float) - original
    snr_db = 10 * np.log10(np.mean(original.astype(float) ** 2) / np.mean(noise**2))
    assert snr_db > 35


def test_every_code_survives_a_round_trip() -> None:
    codes = bytes(range(256))
    again = g711.encode(g711.decode(codes))
    # 0x7F is minus zero, which linear samples don't have.
    assert [code for code in codes if again[code] != code] == [0x7F]


def test_known_codes() -> None:
    assert g711.encode(np.array([0, 32767, -32768], dtype=np.int16)) == b"\xff\x80\x00"
    assert list(g711.decode(b"\xff\x80\x00")) == [0, 32124, -32124]
    assert g711.decode(b"").size == 0


def test_encoding_is_monotonic() -> None:
    samples = np.arange(-32768, 32768).astype(np.int16)
    assert np.all(np.diff(g711.decode(g711.encode(samples)).astype(int)) >= 0)


def test_the_filter_passes_speech_and_stops_what_would_fold_back() -> None:
    gain_db = 20 * np.log10(np.abs(np.fft.rfft(TAPS / TAPS.sum(), 24_000)) + 1e-9)
    assert np.max(np.abs(gain_db[:2_700])) < 0.5
    assert np.max(gain_db[4_800:]) < -40


@pytest.mark.parametrize("hz", [300, 1000, 2500])
def test_a_tone_comes_through_as_itself(hz: int) -> None:
    out = Decimator().feed(sine(hz, 24_000, 0.5))[100:]
    assert goertzel(out, hz) > 0.999
    assert np.max(np.abs(out)) == pytest.approx(0.5 * 32767, rel=0.02)


def test_a_tone_above_the_telephone_band_is_gone() -> None:
    out = Decimator().feed(sine(6_000, 24_000, 0.5))[100:]
    assert np.max(np.abs(out)) < 0.01 * 0.5 * 32767


@given(st.lists(st.integers(0, 500), max_size=40), st.integers(0, 2**32 - 1))
def test_chunks_give_sample_for_sample_what_the_whole_gives(cuts: list[int], seed: int) -> None:
    pcm = np.random.default_rng(seed).integers(-32768, 32767, sum(cuts) + 7, dtype=np.int16).tobytes()
    whole = PcmToMulaw()
    expected = whole.feed(pcm) + whole.flush()
    chunked, at, out = PcmToMulaw(), 0, b""
    for size in [*cuts, len(pcm)]:  # sizes in bytes: half of them leave half a sample
        out += chunked.feed(pcm[at : at + size])
        at += size
    assert out + chunked.flush() == expected


def test_no_click_where_chunks_meet() -> None:
    """A click is a jump: the second difference of a slow tone stays small everywhere."""
    pcm = sine(400, 24_000, 1.0).tobytes()
    converter = PcmToMulaw()
    mulaw = b"".join(converter.feed(pcm[at : at + 961]) for at in range(0, len(pcm), 961)) + converter.flush()
    out = g711.decode(mulaw).astype(float)[20:-20]
    smooth = np.max(np.abs(np.diff(g711.decode(g711.encode(sine(400, 8_000, 1.0))).astype(float), 2)))
    assert np.max(np.abs(np.diff(out, 2))) <= smooth * 1.2


def test_the_length_is_a_third_to_the_sample_and_the_delay_is_half_a_millisecond() -> None:
    converter = Decimator()
    out = converter.feed(sine(1000, 24_000, 1.0))
    assert len(out) == 8_000
    click = np.zeros(2_400, dtype=np.int16)
    click[1_200] = 30_000
    converter = Decimator()
    response = np.concatenate((converter.feed(click), converter.flush()))
    assert int(np.argmax(np.abs(response))) == 405  # 1,200 / 3, and 15 samples at 24 kHz


def test_loud_input_is_clipped_and_does_not_wrap() -> None:
    square = np.where(np.arange(24_000) // 60 % 2, 32767, -32768).astype(np.int16)
    out = Decimator().feed(square).astype(int)
    assert np.max(np.abs(np.diff(out))) < 65_536
    middle = out[105:115]  # inside one half-period of 20 output samples
    assert len({bool(v > 0) for v in middle}) == 1


@pytest.mark.parametrize("key", "0123456789*#ABCD")
def test_each_key_is_its_pair_of_tones(key: str) -> None:
    rows, columns = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
    samples = g711.decode(dtmf.tones(key))[: 8 * dtmf.TONE_MS]
    powers = {hz: goertzel(samples, hz) for hz in rows + columns}
    low, high = max(rows, key=powers.__getitem__), max(columns, key=powers.__getitem__)
    assert ("123A", "456B", "789C", "*0#D")[rows.index(low)][columns.index(high)] == key
    others = [power for hz, power in powers.items() if hz not in (low, high)]
    assert max(others) < 0.02 * min(powers[low], powers[high])
    assert 0 <= 10 * np.log10(powers[high] / powers[low]) < 4  # the upper is sent a little louder


def test_keys_are_long_enough_apart_and_do_not_click() -> None:
    audio = g711.decode(dtmf.tones("11"))
    loud = np.abs(audio.reshape(-1, 40)).max(axis=1) > 500  # blocks of 5 ms
    edges = np.flatnonzero(np.diff(loud.astype(int)))
    tone_ms, gap_ms = (edges[0] + 1) * 5, (edges[1] - edges[0]) * 5
    assert tone_ms >= 100
    assert gap_ms >= 70
    assert abs(int(audio[0])) < 200


def test_a_pause_between_keys_is_silence() -> None:
    plain, paused = dtmf.tones("12"), dtmf.tones("1w2")
    assert len(paused) - len(plain) == 8 * dtmf.PAUSE_MS
    assert dtmf.tones("1, 2") == paused


@pytest.mark.parametrize("keys", ["", "ww", "12x", "one", "1" * 65, "１"])
def test_what_is_no_key_is_refused_with_a_reason(keys: str) -> None:
    with pytest.raises(ValueError, match="keys:"):
        dtmf.tones(keys)


def test_loudness() -> None:
    assert loudness.rms_dbfs(g711.encode(sine(1000, 8000, 1.0, 1.0))) == pytest.approx(-3, abs=0.2)
    assert loudness.rms_dbfs(g711.encode(sine(1000, 8000, 1.0, 0.1))) == pytest.approx(-23, abs=0.2)
    assert loudness.rms_dbfs(bytes([g711.SILENCE]) * 160) == loudness.FLOOR_DBFS
    assert loudness.rms_dbfs(b"") == loudness.FLOOR_DBFS
