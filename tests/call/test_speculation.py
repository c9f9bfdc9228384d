"""When an answer is begun before the callee has finished, and when it is thrown away."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.call.endpointing import Ending
from worker.call.reply import Reply
from worker.call.speculation import (
    LAST_WORD_S,
    PAUSE_S,
    PER_CALL,
    PER_TURN,
    UNLIKELY_PAUSE_S,
    Speculation,
    Step,
    View,
    decide,
)

SAID = View(
    words=("which", "class"),
    ending=Ending.COMPLETE,
    has_interim=True,
    silence_s=0.0,
    since_words_s=5.0,
    over=False,
    guessed=None,
    dropped_in_turn=0,
    dropped_in_call=0,
    turns=0,
)


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({}, Step.KEEP),
        ({"silence_s": PAUSE_S}, Step.KEEP),  # the last word may be missing
        ({"silence_s": PAUSE_S, "since_words_s": 0.0}, Step.BEGIN),
        ({"silence_s": LAST_WORD_S}, Step.BEGIN),
        ({"has_interim": False}, Step.BEGIN),
        ({"ending": Ending.OPEN, "silence_s": LAST_WORD_S}, Step.BEGIN),
        ({"ending": Ending.DANGLING, "silence_s": PAUSE_S, "since_words_s": 0.0}, Step.KEEP),
        ({"ending": Ending.DANGLING, "silence_s": LAST_WORD_S}, Step.BEGIN),
        ({"ending": Ending.HANGING, "silence_s": LAST_WORD_S}, Step.KEEP),
        ({"ending": Ending.HANGING, "silence_s": UNLIKELY_PAUSE_S}, Step.BEGIN),
        ({"ending": Ending.DIGITS, "has_interim": False, "silence_s": 0.5}, Step.KEEP),
        ({"over": True}, Step.BEGIN),
        # A reply is under way.
        ({"guessed": ("which", "class")}, Step.KEEP),
        ({"guessed": ("which",)}, Step.DROP),
        ({"guessed": ("which",), "silence_s": LAST_WORD_S}, Step.BEGIN),
        ({"guessed": ("which",), "words": ()}, Step.DROP),
        ({"words": ()}, Step.KEEP),
        # Too many were thrown away.
        ({"silence_s": LAST_WORD_S, "dropped_in_turn": PER_TURN}, Step.KEEP),
        ({"silence_s": LAST_WORD_S, "dropped_in_call": PER_CALL}, Step.KEEP),
        ({"silence_s": LAST_WORD_S, "dropped_in_call": PER_CALL, "turns": 2}, Step.BEGIN),
        ({"over": True, "dropped_in_turn": PER_TURN, "dropped_in_call": 100}, Step.BEGIN),
    ],
)
def test_what_becomes_of_the_reply(changes: dict[str, object], step: Step) -> None:
    assert decide(replace(SAID, **changes)).step is step  # type: ignore[arg-type]


words = st.lists(st.sampled_from(["which", "class", "and"]), max_size=3).map(tuple)


@given(
    said=words,
    guessed=st.none() | words,
    ending=st.sampled_from(Ending),
    has_interim=st.booleans(),
    silence_s=st.floats(0, 5),
    since_words_s=st.floats(0, 5),
    over=st.booleans(),
    dropped=st.integers(0, 30),
)
def test_a_turn_that_is_over_always_has_its_answer_under_way(
    *,
    said: tuple[str, ...],
    guessed: tuple[str, ...] | None,
    ending: Ending,
    has_interim: bool,
    silence_s: float,
    since_words_s: float,
    over: bool,
    dropped: int,
) -> None:
    view = View(said, ending, has_interim, silence_s, since_words_s, over, guessed, dropped, dropped, 0)
    verdict = decide(view)
    if verdict.step is Step.KEEP:
        assert guessed in (None, said)
        if over and said:
            assert guessed == said
    if verdict.step is Step.BEGIN:
        assert said
        assert guessed != said
        assert over or dropped < PER_TURN
    if verdict.look_again_s is not None:
        later = verdict.look_again_s + 1e-6
        assert decide(replace(view, silence_s=silence_s + later, since_words_s=since_words_s + later)).step is (
            Step.BEGIN
        )


class Prepared:
    """A reply that notes in `did` what becomes of it; its request is a task of its own, as in earnest."""

    ready = False
    tokens = 3

    def __init__(self, text: str, did: list[str]) -> None:
        self._text = text
        self._did = did
        self._asking = asyncio.create_task(self._ask())

    async def cancel(self) -> None:
        self._did.append(f"cancel {self._text}")

    async def _ask(self) -> None:
        self._did.append(f"ask {self._text}")


async def test_the_next_guess_is_asked_for_before_the_last_is_cleared_away() -> None:
    did: list[str] = []
    speculation = Speculation(lambda text: cast(Reply, Prepared(text, did)))
    speculation.follow(Step.BEGIN, "A table")
    await asyncio.sleep(0)
    speculation.follow(Step.BEGIN, "A table for two")
    assert speculation.guessed == ("a", "table", "for", "two")
    await speculation.close()
    assert did == ["ask A table", "ask A table for two", "cancel A table", "cancel A table for two"]
    assert (speculation.dropped_in_turn, speculation.dropped_tokens) == (2, 6)
