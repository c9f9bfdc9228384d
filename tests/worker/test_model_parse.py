"""Replies of models, as they come."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.model.parse import (
    Claim,
    NumberChoice,
    WrapUp,
    read_fact_choice,
    read_number_choice,
    read_wrap_up,
)

KNOWN = frozenset({"f1", "f2", "f3"})


@pytest.mark.parametrize(
    ("reply", "chosen"),
    [
        ('{"facts": ["f1", "f3"]}', ("f1", "f3")),
        ('```json\n{"facts": ["f2"]}\n```', ("f2",)),
        ('Sure! Here it is: {"facts": ["f2", "f2", "f9"]} Anything else?', ("f2",)),
        ('{"facts": [{"id": "f1"}]}', ("f1",)),
        ('{"facts": [" f1 "]}', ("f1",)),
        ('{"facts": []}', ()),
        ('{oops} {"facts": ["f1"]}', ("f1",)),
        ('{"facts": ["f9"]}', None),
        ('{"facts": "f1"}', None),
        ('{"fact": ["f1"]}', None),
        ('["f1"]', None),
        ("f1 and f2", None),
        ("", None),
    ],
)
def test_chosen_facts(reply: str, chosen: tuple[str, ...] | None) -> None:
    assert read_fact_choice(reply, KNOWN) == chosen


@pytest.mark.parametrize(
    ("reply", "choice"),
    [
        ('{"contact": "c1"}', NumberChoice(contact_id="c1")),
        ('{"contact": {"id": "c2"}}', NumberChoice(contact_id="c2")),
        ('{"contact": null, "phone": "+14155550134"}', NumberChoice(phone="+14155550134")),
        ('{"contact": null}', NumberChoice()),
        ('{"contact": "none"}', NumberChoice()),
        ('{"phone": 14155550134}', NumberChoice()),
        ('{"number": "+1"}', None),
        ("call them", None),
    ],
)
def test_chosen_number(reply: str, choice: NumberChoice | None) -> None:
    assert read_number_choice(reply) == choice


@pytest.mark.parametrize(
    ("lines", "numbers"),
    [
        ([3, 1, 3], (3, 1)),
        (["3", "[4]", " 5 "], (3, 4, 5)),
        (3, (3,)),
        ("[3]", (3,)),
        ([3.0, 3.5, -1, True, None, {}, "three", float("inf")], (3,)),
        (None, ()),
    ],
)
def test_line_numbers(lines: object, numbers: tuple[int, ...]) -> None:
    reply = json.dumps({"kind": "done", "summary": "s", "reported": [{"text": "t", "lines": lines}]})
    wrap_up = read_wrap_up(reply)
    assert wrap_up is not None
    assert wrap_up.reported == (Claim("t", numbers),)


def test_wrap_up() -> None:
    reply = '<think>hm</think>{"kind": "done", "summary": " All\\n good ", "reported": ["Plain text", 5]}'
    assert read_wrap_up(reply) == WrapUp("done", "All good", (Claim("Plain text", ()),))


@pytest.mark.parametrize(
    "reply", ['{"kind": "done"}', '{"summary": "x"}', '{"kind": 1, "summary": "x"}', "", "{{{{"]
)
def test_no_wrap_up(reply: str) -> None:
    assert read_wrap_up(reply) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=True) | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
replies = st.text() | st.builds(
    lambda before, value, after: before + json.dumps(value) + after,
    st.text(max_size=10),
    st.dictionaries(
        st.sampled_from(["facts", "contact", "phone", "kind", "summary", "reported", "learnt"]), json_values
    ),
    st.text(max_size=10),
)


@given(replies)
def test_nothing_breaks_the_reading(reply: str) -> None:
    chosen = read_fact_choice(reply, KNOWN)
    assert chosen is None or set(chosen) <= KNOWN
    read_number_choice(reply)
    wrap_up = read_wrap_up(reply)
    if wrap_up is not None:
        assert wrap_up.summary
        assert all(line >= 0 for claim in (*wrap_up.reported, *wrap_up.learnt) for line in claim.lines)


def test_a_reply_of_braces_is_read_quickly() -> None:
    assert read_wrap_up("{" * 50_000) is None
    assert read_wrap_up('{"a":' * 5_000) is None
