"""A vendor fails in the middle of a call: the callee notices little of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from parts import Parts, once, talking

pytestmark = pytest.mark.timeout(150)


async def test_a_recogniser_that_dies_in_mid_call_is_opened_again(tmp_path: Path) -> None:
    async with Parts.standing(tmp_path) as parts:
        await parts.control("POST", "/faults", {"on": "recognizer", "kind": "die", "at": 6.0})
        verdict = await parts.play("school")
        assert not verdict.problems
        assert await parts.control("GET", "/faults") == []


@pytest.mark.parametrize("kind", ["error", "empty", "brokenTool"])
async def test_a_model_that_fails_once_does_not_end_the_call(tmp_path: Path, kind: str) -> None:
    async with Parts.standing(tmp_path) as parts:
        under_way, look = once(lambda show: talking(show, 2))
        playing = asyncio.create_task(parts.play("school", look))
        async with asyncio.timeout(60):
            await under_way.wait()
        await parts.control("POST", "/faults", {"on": "model", "kind": kind})
        verdict = await playing
        show = await parts.show(verdict)
        assert verdict.status == "completed", (verdict, [line["text"] for line in show["transcript"]])
        assert await parts.control("GET", "/faults") == []
