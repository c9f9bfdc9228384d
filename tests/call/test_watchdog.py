from __future__ import annotations

import pytest

from worker.call.watchdog import Action, View, decide, is_loop, wrap_up_at


def view(**changes: object) -> View:
    values: dict[str, object] = {
        "elapsed_s": 30.0,
        "limit_s": 600.0,
        "silent_s": 0.0,
        "prompts": 0,
        "on_hold": False,
        "floyds_turn": False,
        "floyds_turn_s": 0.0,
        "since_frame_s": 0.02,
        "wrapping_up": False,
        "saying_goodbye": False,
    }
    return View(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "action"),
    [
        (view(), Action.NONE),
        (view(silent_s=7.9), Action.NONE),
        (view(silent_s=8.0), Action.ASK),
        (view(silent_s=8.0, prompts=1), Action.ASK),
        (view(silent_s=8.0, prompts=2), Action.SAY_GOODBYE_SILENT),
        (view(silent_s=24.0), Action.SAY_GOODBYE_SILENT),
        (view(silent_s=60.0, on_hold=True), Action.NONE),
        (view(silent_s=10.0, floyds_turn=True, floyds_turn_s=10.0), Action.NONE),
        (view(silent_s=20.0, floyds_turn=True, floyds_turn_s=20.0), Action.SAY_GOODBYE_STUCK),
        (view(elapsed_s=540.0), Action.WRAP_UP),
        (view(elapsed_s=541.0, wrapping_up=True), Action.NONE),
        (view(elapsed_s=600.0, wrapping_up=True), Action.SAY_GOODBYE_TOO_LONG),
        (view(elapsed_s=600.0, on_hold=True), Action.SAY_GOODBYE_TOO_LONG),
        (view(elapsed_s=610.0, saying_goodbye=True), Action.NONE),
        (view(elapsed_s=625.0, saying_goodbye=True), Action.HANG_UP_TOO_LONG),
        (view(since_frame_s=10.0), Action.HANG_UP_DEAD_LINE),
        (view(since_frame_s=10.0, saying_goodbye=True), Action.HANG_UP_DEAD_LINE),
    ],
)
def test_what_the_watchdog_does(seen: View, action: Action) -> None:
    assert decide(seen) is action


def test_no_state_outlives_the_limit() -> None:
    for on_hold in (False, True):
        for floyds_turn in (False, True):
            for saying_goodbye in (False, True):
                late = view(
                    elapsed_s=700.0, on_hold=on_hold, floyds_turn=floyds_turn, saying_goodbye=saying_goodbye
                )
                assert decide(late) is Action.HANG_UP_TOO_LONG


def test_short_calls_are_wrapped_up_in_their_last_fifth() -> None:
    assert wrap_up_at(600) == 540
    assert wrap_up_at(60) == 48


@pytest.mark.parametrize(
    ("replies", "loop"),
    [
        ([], False),
        (["a b"] * 2, False),
        (["x", "As you say.", "as you say", "As you say!"], True),
        (["As you say.", "no", "As you say."], False),
        (["", "", ""], False),
    ],
)
def test_loops(replies: list[str], loop: bool) -> None:
    assert is_loop(replies) is loop
