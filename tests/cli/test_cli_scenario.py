"""What a scenario expects, compared with what came of it."""

from __future__ import annotations

from typing import Any

import pytest
from shows import asking, changed, completed

from worker.cli.scenario_play import differences

EXPECT = {"status": "completed", "outcome": "done", "calls": 1, "heard": [], "not_heard": [], "asked": []}
NOTES = [
    {"sid": "CA1", "heard": [{"text": "Hi, this is Floyd, an AI assistant"}, {"text": "she is in class four B"}]},
    {"sid": "CA-of-another-request", "heard": [{"text": "I live at 12 Elm Street"}]},
]


def told(**expect: Any) -> list[str]:
    return differences({**EXPECT, **expect}, completed(), NOTES)


def test_all_as_expected() -> None:
    assert told(heard=["ai assistant", "four b"], not_heard=["Elm Street"]) == []


@pytest.mark.parametrize(
    ("expect", "problem"),
    [
        ({"status": "failed"}, "status is completed, not failed"),
        ({"outcome": "busy"}, "outcome is done, not busy"),
        ({"calls": 2}, "1 calls, not 2"),
        ({"heard": ["Tuesday"]}, 'the callee did not hear "Tuesday"'),
        ({"not_heard": ["class four"]}, 'the callee heard "class four"'),
        ({"asked": ["budget"]}, 'the owner was not asked "budget"'),
    ],
)
def test_each_difference_is_told(expect: dict[str, Any], problem: str) -> None:
    assert told(**expect) == [problem]


def test_a_request_without_an_outcome() -> None:
    show = changed(asking(in_call=False), status="needsInput")
    expect = {**EXPECT, "status": "needsInput", "outcome": None, "calls": 0, "asked": ["budget"]}
    assert differences(expect, show, NOTES) == []
    assert differences({**expect, "outcome": "needsInput"}, show, NOTES) == ["outcome is missing, not needsInput"]
