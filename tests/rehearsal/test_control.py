"""The control API, casting and faults."""

from __future__ import annotations

from typing import Any

import pytest
from standin import TO, scenario, stand_in

from rehearsal.faults import Faults
from rehearsal.scenario import Fault
from rehearsal.state import Result


async def test_scenarios_and_the_demo_person_can_be_read() -> None:
    async with stand_in(scenario({"answer": "busy"})) as line:
        assert await line.control("GET", "/healthz") == {"ok": True}
        (listed,) = await line.control("GET", "/scenarios")
        assert (listed["name"], listed["request"]) == ("test", "test")
        assert (await line.control("GET", "/scenarios/test"))["calls"][0]["number"] == TO
        assert (await line.control("GET", "/demo"))["contacts"][0].keys() == {"name", "phone", "aliases", "notes"}


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/scenarios/none/start", {}, 404, "name"),
        ("/scenarios/test/start", {"number": "911"}, 400, "number"),
        ("/scenarios/test/start", {"phone": TO}, 400, ""),
        ("/scenarios/test/start", b"{", 400, ""),
        ("/delays", {"modelFirstTokenMs": -1}, 400, "modelFirstTokenMs"),
        ("/delays", {"patience": 1}, 400, "patience"),
        ("/delays", [], 400, ""),
        ("/faults", {"on": "moon", "kind": "die"}, 400, "0.on"),
    ],
)
async def test_bad_input_names_the_field(path: str, body: Any, status: int, field: str) -> None:
    async with stand_in(scenario({"answer": "busy"})) as line:
        answered, answer = await line.try_control("POST", path, body)
        assert (answered, answer["field"]) == (status, field)
        assert answer["error"]


async def test_delays_are_set_in_place_and_a_bad_one_changes_nothing() -> None:
    async with stand_in() as line:
        held = line.state.delays
        before = await line.control("GET", "/delays")
        await line.try_control("POST", "/delays", {"interimMs": 1, "finalMs": -5})
        assert await line.control("GET", "/delays") == before
        changed = await line.control("POST", "/delays", {"modelFirstTokenMs": 0})
        assert changed == before | {"modelFirstTokenMs": 0}
        assert held.model_first_token_ms == 0


async def test_what_was_recognised_can_be_read_oldest_first() -> None:
    async with stand_in() as line:
        assert await line.control("GET", "/recognised") == []
        line.state.recognised.append(Result("Hello", final=False, at_ms=1.5))
        line.state.recognised.append(Result("Hello there.", final=True, at_ms=2.5))
        assert await line.control("GET", "/recognised") == [
            {"text": "Hello", "final": False, "atMs": 1.5},
            {"text": "Hello there.", "final": True, "atMs": 2.5},
        ]


async def test_starting_a_scenario_arms_its_faults_anew() -> None:
    fault = {"on": "model", "kind": "error", "turn": 2}
    async with stand_in(scenario({"answer": "busy"}, faults=[fault])) as line:
        assert await line.control("GET", "/faults") == []
        for _ in range(2):
            await line.control("POST", "/scenarios/test/start")
            assert len(await line.control("GET", "/faults")) == 1
        assert await line.control("DELETE", "/faults") == []


def test_a_fault_strikes_when_and_where_it_should() -> None:
    faults = Faults()
    second = Fault(on="model", kind="error", turn=2)
    faults.arm([second], scenario="school")
    assert faults.take("speech") is None
    assert faults.take("model", scenario="florist") is None
    assert [faults.take("model", scenario="school") for _ in range(3)] == [None, second, None]
    anywhere = Fault(on="recognizer", kind="die", times=2)
    faults.arm([anywhere])
    assert [faults.take("recognizer") for _ in range(3)] == [anywhere, anywhere, None]
    assert faults.waiting() == []


async def test_a_started_scenario_takes_its_number_back() -> None:
    async with stand_in(scenario({"answer": "busy"}, name="a"), scenario({"answer": "failed"}, name="b")) as line:
        assert line.state.scenarios.scenario_at(TO) == "a", "first come, by name"
        await line.control("POST", "/scenarios/b/start")
        assert line.state.scenarios.scenario_at(TO) == "b"
