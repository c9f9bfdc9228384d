"""The voice, and what stands between it and the telephone: rates of sampling and mu-law."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from rehearsal import g711
from rehearsal.resample import resample
from rehearsal.voice import SAMPLE_RATE, Speech, UnknownVoice, Voice


def loud(speech: Speech, start_s: float, end_s: float) -> float:
    part = speech.pcm16_24k[int(start_s * SAMPLE_RATE) : int(end_s * SAMPLE_RATE)].astype(float)
    return float(np.sqrt((part**2).mean()))


def alike(one: Speech, other: Speech) -> bool:
    """The same words in the same time, but for espeak-ng's own small variations."""
    if [word.text for word in one.words] != [word.text for word in other.words]:
        return False
    ends = [abs(mine.end_s - yours.end_s) for mine, yours in zip(one.words, other.words, strict=True)]
    return max(ends) < 0.03 and abs(one.duration_s - other.duration_s) < 0.03


def test_words_have_their_times() -> None:
    speech = Voice().render("Oh, I'm sorry to hear that. Which class is she in?")
    assert [word.text for word in speech.words] == speech.text.split()
    assert all(word.start_s < word.end_s for word in speech.words)
    starts = [word.start_s for word in speech.words]
    assert starts == sorted(starts)
    assert speech.words[-1].end_s <= speech.duration_s
    that, which = speech.words[5], speech.words[6]
    assert which.start_s - that.end_s > 0.2, "the pause between two sentences belongs to no word"
    assert loud(speech, that.end_s + 0.05, which.start_s - 0.05) < 0.05 * loud(speech, 0, that.end_s)


def test_numbers_and_signs_belong_to_words() -> None:
    speech = Voice().render("Call +1 415 555 0134 — it's café number 23.")
    assert " ".join(word.text for word in speech.words) == speech.text


def test_a_pause_is_silence_and_no_word() -> None:
    plain = Voice().render("I would like to check.")
    paused = Voice().render("I would like [pause 0.7] to check.")
    assert paused.text == plain.text
    assert [word.text for word in paused.words] == [word.text for word in plain.words]
    like, to = paused.words[2], paused.words[3]
    assert to.start_s - like.end_s > 0.65
    assert paused.duration_s > plain.duration_s + 0.5


def test_voices_and_rates_differ_and_repeat() -> None:
    voice = Voice()
    one = voice.render("Good morning.")
    assert voice.render("Good morning.") is one
    assert alike(Voice().render("Good morning."), one)
    assert not alike(voice.render("Good morning.", voice="en-us+f3"), one)
    assert voice.render("Good morning.", rate_wpm=300).duration_s < 0.8 * one.duration_s
    assert voice.render("Good morning.", voice="en-gb").words


@pytest.mark.parametrize("name", ["nobody", "en-us+nobody", ""])
def test_an_unknown_voice_is_said_so(name: str) -> None:
    with pytest.raises(UnknownVoice, match="en-us"):
        Voice().render("Hello.", voice=name)


def test_nothing_to_say_is_an_empty_clip() -> None:
    assert not Voice().render("   ").words


def test_threads_do_not_mix_their_words() -> None:
    texts = [f"This is sentence number {number}." for number in range(8)]
    rendered: dict[str, Speech] = {}
    voice = Voice()

    def render(text: str) -> None:
        rendered[text] = voice.render(text)

    threads = [threading.Thread(target=render, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    alone = Voice()
    for text in texts:
        assert alike(rendered[text], alone.render(text))


@pytest.mark.parametrize("frequency", [300, 1000, 3000])
def test_resampling_keeps_tones_and_length(frequency: int) -> None:
    def tone(rate: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return 8000 * np.sin(2 * np.pi * frequency * np.arange(rate) / rate)

    high = resample(tone(22_050).astype(np.int16), 22_050, 24_000)
    low = resample(high, 24_000, 8_000)
    assert (high.size, low.size) == (24_000, 8_000)
    assert np.abs(high - tone(24_000))[500:-500].max() < 40
    assert np.abs(low - tone(8_000))[200:-200].max() < 80


def test_resampling_removes_what_a_telephone_cannot_carry() -> None:
    tone = (8000 * np.sin(2 * np.pi * 5000 * np.arange(24_000) / 24_000)).astype(np.int16)
    assert np.abs(resample(tone, 24_000, 8_000)[200:-200]).max() < 20


def test_mulaw_keeps_samples_within_a_step() -> None:
    samples = np.arange(-32768, 32768).astype(np.int16)
    back = g711.decode(g711.encode(samples)).astype(int)
    error = np.abs(back - samples)
    clipped = np.abs(samples.astype(int)) > 32124
    assert (error[~clipped] <= np.maximum(np.abs(samples[~clipped].astype(int)) / 16, 8)).all()
    codes = bytes(range(256))
    assert g711.encode(g711.decode(codes)) == codes.replace(b"\x7f", b"\xff"), "both codes of zero become one"
    assert g711.encode(np.zeros(1, np.int16))[0] == g711.SILENCE
