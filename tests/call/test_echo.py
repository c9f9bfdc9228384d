"""Floyd's own voice coming back, told apart from somebody who speaks."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from worker.audio.g711 import encode
from worker.audio.loudness import rms_dbfs
from worker.call.echo import Echo

FLOYD = "Hi, this is Floyd, an AI assistant. I would like to order a large bouquet of red roses and white lilies."
CALLEE = "Sorry, can you hold on for a moment please? I have to ask my colleague about that."
Wave = NDArray[np.float64]


RENDER = """
import sys
from rehearsal.voice import Voice
sys.stdout.buffer.write(Voice().render(sys.argv[1], voice=sys.argv[2]).pcm16_8k.tobytes())
"""


def rendered(text: str, voice: str) -> Wave:
    """By a process of its own: how espeak-ng says something depends a little on what it said before."""
    command = [sys.executable, "-c", RENDER, text, voice]
    pcm = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    return np.frombuffer(pcm, np.int16).astype(np.float64)


@pytest.fixture(scope="module")
def floyd() -> Wave:
    return np.pad(rendered(FLOYD, "en-us"), (0, 8_000))


@pytest.fixture(scope="module")
def callee() -> Wave:
    return rendered(CALLEE, "en-us+f3")


def levels(wave: Wave) -> list[float]:
    line_noise = np.random.default_rng(1).normal(size=wave.size) * 8
    mulaw = encode((wave + line_noise).clip(-32_768, 32_767).astype(np.int16))
    return [rms_dbfs(mulaw[at : at + 160]) for at in range(0, len(mulaw) - 159, 160)]


def returned(wave: Wave, delay_ms: int, loss_db: float) -> Wave:
    return np.pad(wave, (delay_ms * 8, 0))[: wave.size] * 10 ** (-loss_db / 20)


@pytest.mark.parametrize("delay_ms", [0, 60, 180, 400, 590])
@pytest.mark.parametrize("loss_db", [6, 12, 25])
def test_an_echo_is_known_by_its_ups_and_downs(floyd: Wave, delay_ms: int, loss_db: float) -> None:
    echo = Echo()
    heard = levels(returned(floyd, delay_ms, loss_db))
    is_echo = [echo.hear(one, other) for one, other in zip(heard, levels(floyd), strict=True)]
    assert echo.delay is not None
    assert abs(echo.delay * 20 - delay_ms) <= 20
    assert abs(echo.loss_db - loss_db) < 2
    # Two seconds teach it enough.
    assert all(is_echo[at] for at in range(100, len(heard)) if heard[at] > -45)


def test_who_speaks_over_the_echo_is_heard(floyd: Wave, callee: Wave) -> None:
    echo = Echo()
    own = np.zeros(floyd.size)
    own[24_000 : 24_000 + callee.size] = callee[: floyd.size - 24_000]
    heard = levels(returned(floyd, 180, 15) + own)
    is_echo = [echo.hear(one, other) for one, other in zip(heard, levels(floyd), strict=True)]
    spoken = [at for at, level in enumerate(levels(own)) if level > -35]
    assert np.mean([is_echo[at] for at in spoken]) < 0.3
    # And at once: within the first fifth of a second.
    assert sum(not is_echo[at] for at in spoken[:10]) >= 5


@pytest.mark.parametrize("after_ms", [0, 100, 200, 500, 1_000])
def test_two_who_speak_at_once_are_no_echo(floyd: Wave, callee: Wave, after_ms: int) -> None:
    echo = Echo()
    own = np.zeros(floyd.size)
    start = after_ms * 8
    own[start : start + callee.size] = callee[: floyd.size - start]
    assert not any(echo.hear(one, other) for one, other in zip(levels(own), levels(floyd), strict=True))


def test_on_a_quiet_line_there_is_none(floyd: Wave) -> None:
    echo = Echo()
    assert not any(echo.hear(one, other) for one, other in zip(levels(floyd * 0), levels(floyd), strict=True))


@given(st.lists(st.tuples(st.floats(-96, 0), st.floats(-96, 0)), max_size=300))
def test_any_levels_will_do(both: list[tuple[float, float]]) -> None:
    echo = Echo()
    for heard, played in both:
        echo.hear(heard, played)
    assert echo.loss_db >= 0
