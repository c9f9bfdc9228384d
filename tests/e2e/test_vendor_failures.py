"""A vendor fails in the middle of a call: the callee notices little of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from parts import SCENARIOS, Parts, once, talking

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(150)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def all_parts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Parts]:
    async with Parts.standing(tmp_path_factory.mktemp("failures"), scenarios=SCENARIOS) as parts:
        yield parts


@pytest_asyncio.fixture(loop_scope="module")
async def parts(all_parts: Parts) -> AsyncIterator[Parts]:
    yield all_parts
    await all_parts.control("DELETE", "/faults")


async def test_a_recogniser_that_dies_in_mid_call_is_opened_again(parts: Parts) -> None:
    await parts.control("POST", "/faults", {"on": "recognizer", "kind": "die", "at": 6.0})
    verdict = await parts.play("absence")
    assert not verdict.problems
    assert await parts.control("GET", "/faults") == []


@pytest.mark.parametrize("kind", ["error", "empty", "brokenTool"])
async def test_a_model_that_fails_once_does_not_end_the_call(parts: Parts, kind: str) -> None:
    under_way, look = once(lambda show: talking(show, 2))
    playing = asyncio.create_task(parts.play("absence", look))
    async with asyncio.timeout(60):
        await under_way.wait()
    await parts.control("POST", "/faults", {"on": "model", "kind": kind})
    verdict = await playing
    show = await parts.show(verdict)
    assert verdict.status == "completed", (verdict, [line["text"] for line in show["transcript"]])
    assert await parts.control("GET", "/faults") == []
