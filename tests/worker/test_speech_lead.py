"""How long a voice's audio may gather in the socket without anybody hearing it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.speech.lead import ENOUGH_S, GATHER_S, Lead


@pytest.mark.parametrize(
    ("pieces", "now", "wait_s"),
    [
        pytest.param([], 0.0, 0.0, id="nothing came"),
        pytest.param([(0.1, 0.0)], 0.0, 0.0, id="a first piece: the next is wanted at once"),
        pytest.param([(0.1, 0.0), (0.1, 0.03)], 0.06, 0.0, id="little ahead"),
        pytest.param([(0.1, 0.0), (0.1, 0.025), (0.1, 0.05)], 0.05, GATHER_S, id="enough ahead"),
        pytest.param([(0.5, 0.0)], 0.0, GATHER_S, id="much at once"),
        pytest.param([(0.5, 0.0)], 0.4, 0.0, id="nearly played"),
        pytest.param([(0.5, 0.0)], 2.0, 0.0, id="played long ago"),
        pytest.param([(0.3, 0.0), (0.1, 5.0)], 5.0, 0.0, id="a voice that paused begins anew"),
    ],
)
def test_wait(pieces: list[tuple[float, float]], now: float, wait_s: float) -> None:
    lead = Lead()
    for audio_s, at in pieces:
        lead.came(audio_s, at)
    assert lead.may_wait_s(now) == pytest.approx(wait_s)


@given(
    pieces=st.lists(st.tuples(st.floats(0.001, 1.0), st.floats(0.0, 1.0)), min_size=1, max_size=60),
    late_s=st.floats(0.0, ENOUGH_S / 2),
)
def test_waiting_is_never_heard(pieces: list[tuple[float, float]], late_s: float) -> None:
    """Whatever the pace: after a wait, even one that ends late, there is still something left to play."""
    lead, now, plays_out_at = Lead(), 0.0, 0.0
    for audio_s, after_s in pieces:
        now += after_s
        lead.came(audio_s, now)
        plays_out_at = max(plays_out_at, now) + audio_s
        if wait_s := lead.may_wait_s(now):
            now += wait_s
            assert now + late_s <= plays_out_at + 1e-9
