"""Every built-in scenario, played through the whole of Floyd: deployment, worker, rehearsed line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from deployment_process import ROOT
from parts import Parts, Show, assert_whole, words

from worker.cli.scenario_play import Verdict

SCENARIOS = sorted(path.stem for path in (ROOT / "rehearsal" / "scenarios").glob("*.yaml"))
AT_ONCE = 3
"""Two cores: the callees' voices are made while others talk."""

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(420),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, tuple[Verdict, Show]]]:
    """All scenarios, some at a time, each with a person of its own."""
    folder: Path = tmp_path_factory.mktemp("scenarios")
    async with Parts.standing(folder) as parts:
        slots = asyncio.Semaphore(AT_ONCE)
        results: dict[str, tuple[Verdict, Show]] = {}

        async def one(name: str) -> None:
            async with slots:
                verdict = await parts.play(name)
                results[name] = (verdict, await parts.show(verdict))

        async with asyncio.TaskGroup() as group:
            for name in SCENARIOS:
                group.create_task(one(name))
        yield results


@pytest.mark.parametrize("name", SCENARIOS)
async def test_scenario(played: dict[str, tuple[Verdict, Show]], name: str) -> None:
    verdict, show = played[name]
    assert not verdict.problems, (verdict.problems, [line["text"] for line in show["transcript"]])
    assert_whole(show)


async def test_every_call_begins_with_the_disclosure(played: dict[str, tuple[Verdict, Show]]) -> None:
    for name, (_, show) in played.items():
        for call in show["calls"]:
            spoken = [
                line for line in show["transcript"] if line["callId"] == call["_id"] and line["speaker"] == "floyd"
            ]
            if spoken:
                assert "AI assistant" in spoken[0]["text"], name


async def test_reported_facts_rest_on_lines_of_the_callee(played: dict[str, tuple[Verdict, Show]]) -> None:
    _, show = played["school"]
    reported = show["request"]["outcome"]["reported"]
    assert reported
    lines = {(line["callId"], int(line["seq"])): line for line in show["transcript"]}
    for fact in reported:
        assert fact["confirmed"]
        for seq in fact["lines"]:
            assert lines[fact["callId"], int(seq)]["speaker"] == "callee"


async def test_an_interrupted_line_holds_only_what_was_heard(played: dict[str, tuple[Verdict, Show]]) -> None:
    _, show = played["interrupts"]
    cut = [line for line in show["transcript"] if line["interrupted"]]
    assert cut
    for line in cut:
        heard, intended = words(line["text"]), words(line["intended"])
        assert len(heard) < len(intended)
        assert intended[: len(heard) - 1] == heard[:-1]


async def test_what_may_never_be_told_is_not_in_the_context(played: dict[str, tuple[Verdict, Show]]) -> None:
    for name, (_, show) in played.items():
        everything = str(show["request"].get("context")) + str(show["request"].get("plan"))
        assert "Elm Street" not in everything, name


async def test_turns_are_timed(played: dict[str, tuple[Verdict, Show]]) -> None:
    _, show = played["school"]
    assert len(show["turns"]) >= 2
    for turn in show["turns"]:
        if turn.get("totalMs") is not None:
            assert 0 <= turn["totalMs"] < 20_000
    # The answer that follows the disclosure was prepared while that played: it may take no time at all.
    assert any(turn.get("totalMs", 0) > 0 for turn in show["turns"])
