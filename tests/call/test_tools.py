"""Tool calls are text from outside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.call.tools import (
    CONVERSATION_TOOLS,
    Action,
    AskOwner,
    CallBackLater,
    EndCall,
    PressKeys,
    Problem,
    parse,
)
from worker.model.language_model import ToolCall


@pytest.mark.parametrize(
    ("name", "arguments", "action"),
    [
        ("end_call", '{"reason": "done"}', EndCall("done")),
        ("end_call", "", EndCall("other")),
        ("ask_owner", '{"question": " How\\n much? "}', AskOwner("How much?")),
        ("call_back_later", '{"question": "How much?", "more": 1}', CallBackLater("How much?")),
        ("press_keys", '{"keys": "1w2#"}', PressKeys("1w2#")),
        ("press_keys", '{"keys": "1 2 3"}', PressKeys("123")),
        ("press_keys", '{"keys": 3}', PressKeys("3")),
    ],
)
def test_good_calls(name: str, arguments: str, action: Action) -> None:
    assert parse(ToolCall(name, arguments)) == action


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("end_call", '{"reason": "done"', "not valid JSON"),
        ("end_call", "[]", "must be a JSON object"),
        ("end_call", '{"reason": "whatever"}', "reason must be one of"),
        ("end_call", '{"reason": ["done"]}', "reason must be one of"),
        ("ask_owner", "{}", "question must be"),
        ("ask_owner", '{"question": "  "}', "question must be"),
        ("call_back_later", '{"question": {"a": 1}}', "question must be"),
        ("press_keys", '{"keys": true}', "keys must be"),
        ("press_keys", '{"keys": "hello"}', "keys must be"),
        ("press_keys", '{"keys": "www"}', "keys must be"),
        ("press_keys", '{"keys": "' + "1" * 33 + '"}', "at most 32"),
        ("transfer_money", "{}", "no tool"),
        ("end_call", "[" * 100_000, "not valid JSON"),
    ],
)
def test_bad_calls_are_explained(name: str, arguments: str, says: str) -> None:
    problem = parse(ToolCall(name, arguments))
    assert isinstance(problem, Problem)
    assert says in problem.message


@given(st.sampled_from([tool.name for tool in CONVERSATION_TOOLS]) | st.text(max_size=60), st.text(max_size=200))
def test_nothing_a_model_sends_raises(name: str, arguments: str) -> None:
    parse(ToolCall(name, arguments))


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_arguments_of_any_type_are_checked(value: object) -> None:
    import json

    for tool in CONVERSATION_TOOLS:
        key = next(iter(tool.parameters["properties"]))
        parse(ToolCall(tool.name, json.dumps({key: value})))
