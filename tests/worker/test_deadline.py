"""A deadline that moves on: with virtual time, so that nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from virtual_time import run

from worker.deadline import MovingDeadline


async def after(pauses: list[float]) -> float:
    """When the deadline of 3 s (then 2 s from each item) was missed, or all items had come."""
    began = asyncio.get_running_loop().time()
    try:
        async with MovingDeadline(3) as deadline:
            for pause in pauses:
                await asyncio.sleep(pause)
                deadline.move(2)
    except TimeoutError:
        pass
    return asyncio.get_running_loop().time() - began


@pytest.mark.parametrize(
    ("pauses", "ends"),
    [
        ([], 0),
        ([2.9], 2.9),
        ([3.5], 3),
        ([1, 1.9, 1.9], 4.8),
        ([1, 2.1], 3),
        ([0.1] * 50 + [2.5], 7),
    ],
)
def test_it_is_missed_when_nothing_comes_for_so_long(pauses: list[float], ends: float) -> None:
    assert run(after(pauses)) == pytest.approx(ends)


@given(st.lists(st.floats(0.01, 4), max_size=12))
def test_it_is_missed_exactly_then(pauses: list[float]) -> None:
    expected, allowed = 0.0, 3.0
    for pause in pauses:
        expected += min(pause, allowed)
        if pause >= allowed:
            break
        allowed = 2.0
    assert run(after(pauses)) == pytest.approx(expected, abs=1e-6)


def test_while_it_is_paused_nothing_is_missed() -> None:
    async def items() -> AsyncGenerator[int]:
        async with MovingDeadline(1) as deadline:
            for number in range(3):
                await asyncio.sleep(0.9)
                deadline.pause()
                yield number
                deadline.move(1)

    async def slow_reader() -> list[int]:
        read = []
        async for number in items():
            read.append(number)
            await asyncio.sleep(5)
        return read

    assert run(slow_reader()) == [0, 1, 2]


def test_who_is_cancelled_from_outside_is_cancelled() -> None:
    async def waits() -> None:
        async with MovingDeadline(10):
            await asyncio.sleep(5)

    async def cancels() -> bool:
        task = asyncio.create_task(waits())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert run(cancels())
