"""What gives way to an answer, and for how long."""

from __future__ import annotations

import asyncio

import pytest

from worker import precedence
from worker.precedence import ROUNDS, Precedence


@pytest.fixture(autouse=True)
def _no_claim_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "CLAIM_S", 60.0)


async def _in_rounds(count: int, done: list[str]) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
    done.append("answer")


async def _frame(answers: Precedence, done: list[str]) -> None:
    await answers.give_way()
    done.append("frame")


@pytest.mark.parametrize("rounds", range(ROUNDS))
async def test_a_step_that_is_claimed_comes_before_a_frame_that_was_there_first(rounds: int) -> None:
    answers, done = Precedence(), list[str]()
    answers.claim()
    await asyncio.gather(_frame(answers, done), _in_rounds(rounds, done))
    assert done == ["answer", "frame"]


async def test_without_a_claim_nothing_waits() -> None:
    answers, done = Precedence(), list[str]()
    await asyncio.gather(_frame(answers, done), _in_rounds(0, done))
    assert done == ["frame", "answer"]


async def test_a_claim_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "CLAIM_S", 0.0)
    answers, done = Precedence(), list[str]()
    answers.claim()
    await asyncio.gather(_frame(answers, done), _in_rounds(0, done))
    assert done == ["frame", "answer"]


async def test_claims_one_after_the_other_hold_a_frame_up_for_no_longer_than_one() -> None:
    answers, done = Precedence(), list[str]()

    async def claiming() -> None:
        for _ in range(10 * ROUNDS):
            answers.claim()
            await asyncio.sleep(0)
        done.append("claims")

    answers.claim()
    await asyncio.gather(_frame(answers, done), claiming())
    assert done == ["frame", "claims"]
