"""Voice activity: silence, noises and a voice, and what calls share."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rehearsal.voice import Voice
from worker.audio import dtmf, g711
from worker.call.voice_activity import SpeechGate
from worker.speech.detectors import CONTEXT, WINDOW, Detector, Detectors, Network
from worker.speech.vad import Activity

RATE = 8_000


def frames_of(samples: NDArray[np.int16]) -> list[bytes]:
    mulaw = g711.encode(samples)
    return [mulaw[at : at + 160] for at in range(0, len(mulaw) - 159, 160)]


def vowels(seconds: float) -> NDArray[np.int16]:
    """Something like a voice: pulses of a wavering pitch through three resonances, with pauses for syllables."""
    rng = np.random.default_rng(5)
    n = int(RATE * seconds)
    t = np.arange(n) / RATE
    phase = np.cumsum((120 + 15 * np.sin(2 * np.pi * 2.1 * t)) / RATE)
    source = (np.diff(np.floor(phase), prepend=0) > 0) * 1.0 + rng.normal(size=n) * 0.01
    out = source
    for hz, width in ((600, 80), (1_300, 100), (2_500, 150)):
        r = np.exp(-np.pi * width / RATE)
        a1, a2 = 2 * r * np.cos(2 * np.pi * hz / RATE), -r * r
        y = np.zeros(n)
        for i in range(2, n):
            y[i] = out[i] + a1 * y[i - 1] + a2 * y[i - 2]
        out = y
    syllables = np.clip(np.sin(2 * np.pi * 3 * t) + 0.6, 0, 1)
    return (12_000 * out / np.abs(out).max() * syllables).astype(np.int16)


def quiet(seconds: float) -> NDArray[np.int16]:
    return (np.random.default_rng(1).normal(size=int(RATE * seconds)) * 15).astype(np.int16)


@pytest.fixture(scope="module")
def network() -> Network:
    return Network()


def hear(network: Network, samples: NDArray[np.int16]) -> list[Activity]:
    detector = Detector(network)
    return [detector.feed(frame) for frame in frames_of(samples)]


def runs(network: Network, samples: NDArray[np.int16]) -> list[tuple[float, float]]:
    """From and until when somebody speaks, in seconds."""
    gate, found = SpeechGate(), []
    for number, activity in enumerate(hear(network, samples), start=1):
        if gate.feed(activity, number * 0.02) and not gate.speaking:
            found.append((gate.started_at, gate.last_voiced_at or 0.0))
    return found


def burst(seconds: float, loudness: float) -> NDArray[np.int16]:
    """A noise that begins at once and dies away: a cough, a door."""
    n = int(RATE * seconds)
    noise = np.random.default_rng(3).normal(size=n) * loudness * np.exp(-4 * np.arange(n) / n)
    return noise.clip(-32_000, 32_000).astype(np.int16)


def test_silence_and_line_noise_are_no_voice(network: Network) -> None:
    assert all(activity.voice < 0.1 for activity in hear(network, np.zeros(RATE, dtype=np.int16)))
    assert runs(network, quiet(2)) == []


def test_loud_noise_and_touch_tones_are_no_voice(network: Network) -> None:
    noise = (np.random.default_rng(2).normal(size=2 * RATE) * 3_000).astype(np.int16)
    assert np.mean([activity.voice > 0.5 for activity in hear(network, noise)]) < 0.1
    assert np.mean([activity.voice > 0.5 for activity in hear(network, g711.decode(dtmf.tones("123456")))]) < 0.2


@pytest.mark.parametrize(("seconds", "loudness"), [(0.08, 20_000), (0.25, 9_000), (0.25, 3_000), (0.4, 12_000)])
def test_a_bang_and_a_cough_are_no_voice(network: Network, seconds: float, loudness: float) -> None:
    assert runs(network, np.concatenate((quiet(1), burst(seconds, loudness), quiet(1)))) == []


def test_the_beginning_and_the_end_of_a_voice_are_dated_to_the_frame(network: Network) -> None:
    found = runs(network, np.concatenate((quiet(1), vowels(2), quiet(1))))
    assert abs(found[0][0] - 1.0) <= 0.06
    assert abs(found[-1][1] - 3.0) <= 0.08


def test_a_voice_is_noticed_while_it_begins(network: Network) -> None:
    gate = SpeechGate()
    for number, activity in enumerate(hear(network, np.concatenate((quiet(1), vowels(1)))), start=1):
        if gate.feed(activity, number * 0.02):
            assert number * 0.02 - 1.0 <= 0.2
            return
    raise AssertionError("no voice was noticed")


def test_in_steady_noise_the_end_of_a_voice_is_still_found(network: Network) -> None:
    noise = np.random.default_rng(4).normal(size=8 * RATE) * 300
    speech = np.concatenate((np.zeros(5 * RATE), vowels(2), np.zeros(RATE)))
    found = runs(network, (noise + speech).clip(-32_768, 32_767).astype(np.int16))
    assert abs(found[-1][1] - 7.0) <= 0.15


SENTENCES = (
    "How many people will be coming?",
    "Which name should I put it under?",
    "Do you want me to bring a high chair?",
    "Have you been here before?",
    "No, not today.",
    "My number is four one five.",
)


def test_a_voice_fades_before_it_ends_and_for_half_of_the_time(network: Network) -> None:
    ends, fades = [], []
    for name in ("en-us", "en-us+f3", "en-gb+m3", "en-gb+f4"):
        detector = Detector(network)
        for text in SENTENCES:
            samples = np.concatenate((Voice().render(text, voice=name).pcm16_8k, quiet(0.5)))
            activities = [detector.feed(frame) for frame in frames_of(samples)]
            loud = [activity for activity in activities if activity.is_loud]
            ends.append(loud[-1].is_fading)
            fades += [activity.is_fading for activity in loud]
    assert sum(ends) >= len(ends) - 1
    assert 0.3 < np.mean(fades) < 0.7


async def test_two_calls_share_the_network_and_nothing_else() -> None:
    pool = Detectors()
    noisy, detector, gate = await pool.acquire(), await pool.acquire(), SpeechGate()
    samples = np.concatenate((vowels(1), quiet(0.5)))
    for number, (frame, noise) in enumerate(
        zip(frames_of(samples), frames_of(burst(1.5, 9_000)), strict=True), start=1
    ):
        noisy.feed(noise)
        gate.feed(detector.feed(frame), number * 0.02)
    alone = runs(Network(), samples)
    assert [(gate.started_at, gate.last_voiced_at)] == alone


def test_what_is_surely_a_voice_is_heard_half(monkeypatch: pytest.MonkeyPatch) -> None:
    network, judged = Network(), 0
    judge = network.judge

    def counted(windows: NDArray[np.float32], states: NDArray[np.float32]) -> tuple[Any, Any]:
        nonlocal judged
        judged += len(windows)
        return judge(windows, states)

    monkeypatch.setattr(network, "judge", counted)
    samples = Voice().render(" ".join(SENTENCES), voice="en-us").pcm16_8k
    hear(network, samples)
    windows = len(samples) / WINDOW
    assert windows * 0.4 < judged < windows * 0.7


@pytest.mark.parametrize("noise", ["white", "chord"])
def test_a_noise_after_a_voice_ends_it(network: Network, noise: str) -> None:
    time_s = np.arange(3 * RATE) / RATE
    loud = {
        "white": np.random.default_rng(5).normal(size=len(time_s)) * 2_000,
        "chord": sum(1_500 * np.sin(2 * np.pi * hz * time_s) for hz in (262, 330, 392, 523)),
    }[noise].astype(np.int16)
    found = runs(network, np.concatenate((quiet(1), vowels(2), loud)))
    assert len(found) == 1
    assert found[0][1] - 3.0 < 1.0


def test_windows_of_many_calls_are_judged_as_one_by_one(network: Network) -> None:
    chance = np.random.default_rng(6)
    windows = chance.normal(scale=0.1, size=(8, CONTEXT + WINDOW)).astype(np.float32)
    states = chance.normal(scale=0.1, size=(2, 8, 128)).astype(np.float32)
    voices, after = network.judge(windows, states)
    for row in range(8):
        voice, state = network.judge(windows[row : row + 1], states[:, row : row + 1])
        np.testing.assert_allclose(voice[0], voices[row], rtol=1e-4)
        np.testing.assert_allclose(state, after[:, row : row + 1], rtol=1e-3, atol=1e-5)


def test_voices_of_many_calls_are_judged_together(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network()
    at_once: list[int] = []
    judge = network.judge

    def counted(windows: NDArray[np.float32], states: NDArray[np.float32]) -> tuple[Any, Any]:
        at_once.append(len(windows))
        return judge(windows, states)

    monkeypatch.setattr(network, "judge", counted)
    spoken = [np.concatenate((quiet(1), np.roll(vowels(2), 400 * number), quiet(1))) for number in range(8)]
    detectors, gates = [Detector(network) for _ in spoken], [SpeechGate() for _ in spoken]
    for number, frames in enumerate(zip(*(frames_of(samples) for samples in spoken), strict=True), start=1):
        for detector, gate, frame in zip(detectors, gates, frames, strict=True):
            gate.feed(detector.feed(frame), number * 0.02)
    assert max(at_once) == 8
    assert len(at_once) < sum(at_once) / 2
    for gate, samples in zip(gates, spoken, strict=True):
        found = runs(Network(), samples)
        assert abs((gate.first_voiced_at or 0.0) - found[0][0]) <= 0.04
        assert abs((gate.last_voiced_at or 0.0) - found[-1][1]) <= 0.04


def test_a_voice_alone_is_judged_with_its_next_window(monkeypatch: pytest.MonkeyPatch) -> None:
    network, judged = Network(), []
    judge = network.judge

    def noticed(windows: NDArray[np.float32], states: NDArray[np.float32]) -> tuple[Any, Any]:
        judged.append(windows[0, 0])
        return judge(windows, states)

    monkeypatch.setattr(network, "judge", noticed)
    detector = Detector(network)
    for number in range(3):
        network.judge_soon(detector, np.full(288, number, dtype=np.float32))
        assert judged == list(range(number)), "in order, and all but the last"


async def test_loading_does_not_stop_the_loop() -> None:
    pool = Detectors()
    worst = 0.0

    async def beat() -> None:
        nonlocal worst
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.002)
            worst = max(worst, time.perf_counter() - before - 0.002)

    beating = asyncio.create_task(beat())
    started = time.perf_counter()
    await asyncio.gather(*(pool.acquire() for _ in range(10)))
    took = time.perf_counter() - started
    beating.cancel()
    assert worst < took * 0.7, f"the loop stood still for {worst:.3f} s of {took:.3f}"


def test_other_lengths_are_refused(network: Network) -> None:
    with pytest.raises(ValueError, match="160"):
        Detector(network).feed(b"\xff" * 80)
