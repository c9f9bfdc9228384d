"""Trying again: tenacity's rules hold from the first failure on, and success needs none of it."""

import asyncio
import gc

import pytest
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_none

from worker.again import again


class Passing(Exception):
    pass


def thrice() -> AsyncRetrying:
    return AsyncRetrying(
        stop=stop_after_attempt(3), wait=wait_none(), retry=retry_if_exception_type(Passing), reraise=True
    )


class Attempts:
    """Raises each of `outcomes` that is an error, and returns one that is none."""

    def __init__(self, *outcomes: Exception | str) -> None:
        self.outcomes = list(outcomes)
        self.made = 0

    async def __call__(self) -> str:
        self.made += 1
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.mark.parametrize("failures", [0, 1, 2])
async def test_is_repeated_until_it_succeeds(failures: int) -> None:
    attempts = Attempts(*[Passing() for _ in range(failures)], "done")
    assert await again(attempts, Passing, thrice) == "done"
    assert attempts.made == failures + 1


async def test_the_last_failure_is_raised_after_as_many_attempts_as_allowed() -> None:
    attempts = Attempts(Passing("1"), Passing("2"), Passing("3"), "too late")
    with pytest.raises(Passing, match="3"):
        await again(attempts, Passing, thrice)
    assert attempts.made == 3


@pytest.mark.parametrize("before", [0, 1])
async def test_another_error_is_raised_at_once(before: int) -> None:
    attempts = Attempts(*[Passing() for _ in range(before)], ValueError("for good"), "never asked")
    with pytest.raises(ValueError, match="for good"):
        await again(attempts, Passing, thrice)
    assert attempts.made == before + 1


async def test_it_can_be_cancelled() -> None:
    async def for_ever() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(again(for_ever, Passing, thrice))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_success_leaves_nothing_for_the_garbage_collector() -> None:
    attempts = Attempts(*["done"] * 11)
    await again(attempts, Passing, thrice)
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            await again(attempts, Passing, thrice)
        assert gc.collect() == 0
    finally:
        gc.enable()
