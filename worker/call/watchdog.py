"""What ends a call that does not end by itself. Pure decisions; the watching task is `line.Line`'s.

The watching is done outside the conversation's own task, so that a conversation that hangs or fails is ended too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from worker.call.words import words_of

TICK_S = 0.25
"""How often the watchdog looks."""

SILENCE_S = 8.0
"""Both silent for so long: ask whether someone is there."""

SILENCE_PROMPTS = 2
"""Asked so often in a row without a word, Floyd says goodbye."""

WRAP_UP_S = 60.0
"""So long before the limit the model is told to come to an end (or in the last fifth of a short call)."""

OVERTIME_S = 25.0
"""After the limit's goodbye was due, the line is closed whatever goes on."""

NO_FRAMES_S = 10.0
"""The carrier sends a frame every 20 ms, silence included: without any for so long the line is dead."""

NO_PROGRESS_S = 20.0
"""Floyd's turn, and nothing was heard of it for so long: something hangs."""

LOOP_LENGTH = 3
"""The same reply so many times in a row is a loop."""


class Action(StrEnum):
    NONE = "none"
    ASK = "ask"
    SAY_GOODBYE_SILENT = "sayGoodbyeSilent"
    WRAP_UP = "wrapUp"
    SAY_GOODBYE_TOO_LONG = "sayGoodbyeTooLong"
    SAY_GOODBYE_STUCK = "sayGoodbyeStuck"
    HANG_UP_TOO_LONG = "hangUpTooLong"
    HANG_UP_DEAD_LINE = "hangUpDeadLine"


@dataclass(frozen=True, slots=True)
class View:
    elapsed_s: float
    """Since the line was opened."""
    limit_s: float
    silent_s: float
    """Since either was last heard, or something last happened that excuses silence (a turn being prepared)."""
    prompts: int
    """"Are you still there?" asked since the callee's last word."""
    on_hold: bool
    """The callee waits for the owner's answer: silence is expected."""
    floyds_turn: bool
    """The model or the voice is at work, and nothing is audible yet."""
    floyds_turn_s: float
    since_frame_s: float
    wrapping_up: bool
    saying_goodbye: bool


def decide(view: View) -> Action:
    if view.since_frame_s >= NO_FRAMES_S:
        return Action.HANG_UP_DEAD_LINE
    if view.elapsed_s >= view.limit_s + OVERTIME_S:
        return Action.HANG_UP_TOO_LONG
    if view.saying_goodbye:
        return Action.NONE
    if view.elapsed_s >= view.limit_s:
        return Action.SAY_GOODBYE_TOO_LONG
    if view.floyds_turn and view.floyds_turn_s >= NO_PROGRESS_S:
        return Action.SAY_GOODBYE_STUCK
    if not view.on_hold and not view.floyds_turn and view.silent_s >= SILENCE_S:
        # A conversation that does not even ask any more hangs.
        given_up = view.prompts >= SILENCE_PROMPTS or view.silent_s >= SILENCE_S * (SILENCE_PROMPTS + 1)
        return Action.SAY_GOODBYE_SILENT if given_up else Action.ASK
    if not view.wrapping_up and view.elapsed_s >= wrap_up_at(view.limit_s):
        return Action.WRAP_UP
    return Action.NONE


def wrap_up_at(limit_s: float) -> float:
    """Seconds into the call at which the model is told that time runs out."""
    return max(limit_s - WRAP_UP_S, limit_s * 0.8)


def is_loop(replies: Sequence[str]) -> bool:
    """Whether the model's last replies are all the same words."""
    last = [words_of(reply) for reply in replies[-LOOP_LENGTH:]]
    return len(last) == LOOP_LENGTH and bool(last[0]) and all(words == last[0] for words in last)
