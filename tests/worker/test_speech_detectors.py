"""Voice activity: silence, noise and a voice, and the pool."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from worker.audio import dtmf, g711
from worker.speech.detectors import Detector, Detectors

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
def detector() -> Detector:
    return Detector()


def probabilities(detector: Detector, samples: NDArray[np.int16]) -> list[float]:
    detector.reset()
    return [detector.feed(frame) for frame in frames_of(samples)]


def test_silence_and_line_noise_are_no_voice(detector: Detector) -> None:
    assert max(probabilities(detector, np.zeros(RATE, dtype=np.int16))) < 0.1
    assert max(probabilities(detector, quiet(2))) < 0.3


def test_loud_noise_and_touch_tones_are_no_voice(detector: Detector) -> None:
    noise = (np.random.default_rng(2).normal(size=2 * RATE) * 3_000).astype(np.int16)
    assert np.mean(np.array(probabilities(detector, noise)) > 0.5) < 0.1
    assert np.mean(np.array(probabilities(detector, g711.decode(dtmf.tones("123456")))) > 0.5) < 0.2


def test_a_voice_is_noticed_soon_and_its_end_too(detector: Detector) -> None:
    voiced = np.array(probabilities(detector, np.concatenate((quiet(1), vowels(2), quiet(1)))))
    assert voiced[:50].max() < 0.5
    onset = int(np.argmax(voiced[50:] > 0.5))
    assert voiced[50 + onset] > 0.5
    assert onset <= 15, "a voice must be noticed within 300 ms"
    assert voiced[150 + 20 :].max() < 0.5, "400 ms after the end there is no voice any more"


async def test_a_released_detector_knows_nothing_of_the_last_call() -> None:
    pool = Detectors()
    detector = await pool.acquire()
    fresh = [detector.feed(frame) for frame in frames_of(vowels(1))]
    pool.release(detector)
    assert [detector.feed(frame) for frame in frames_of(vowels(1))] == fresh
    assert max(fresh) > 0.5


async def test_building_does_not_stop_the_loop() -> None:
    """Ten are built in threads; meanwhile the loop keeps turning."""
    pool = Detectors()
    worst = 0.0

    async def beat() -> None:
        nonlocal worst
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            worst = max(worst, time.perf_counter() - before - 0.005)

    beating = asyncio.create_task(beat())
    started = time.perf_counter()
    await pool.prepare(10)
    took = time.perf_counter() - started
    beating.cancel()
    assert pool.idle == 10
    assert worst < took / 3, f"the loop stood still for {worst:.3f} s of {took:.3f}"


async def test_a_spare_is_built_while_a_call_goes_on() -> None:
    pool = Detectors()
    first = await pool.acquire()
    [spare] = [task for task in asyncio.all_tasks() if task.get_name() == "voice-activity-spare"]
    await asyncio.wait_for(spare, 10)
    assert pool.idle == 1
    assert await pool.acquire() is not first


async def test_while_calls_are_expected_there_is_one_for_each() -> None:
    pool = Detectors()
    async with asyncio.timeout(20):
        with pool.expecting(), pool.expecting(), pool.expecting():
            while pool.idle < 3:
                [building] = [task for task in asyncio.all_tasks() if task.get_name() == "voice-activity-spare"]
                await asyncio.wait({building})
    assert pool.idle == 3
    taken = {await pool.acquire() for _ in range(3)}
    assert len(taken) == 3


def test_other_lengths_are_refused(detector: Detector) -> None:
    with pytest.raises(ValueError, match="160"):
        detector.feed(b"\xff" * 80)
