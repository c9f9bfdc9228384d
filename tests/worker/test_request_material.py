"""What comes from the deployment is read, and `ask` facts stop there."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from worker.request.material import Claimed, read_material

CONTACT = {
    "_id": "k1",
    "_creationTime": 1.0,
    "userId": "u",
    "name": "School",
    "phone": "+14155550134",
    "aliases": ["s"],
}


def test_material_is_read_and_ask_facts_are_left_behind() -> None:
    material = read_material(
        {
            "facts": [
                {"factId": "a", "text": "free one", "sharing": "free"},
                {"factId": "b", "text": "ask one", "sharing": "ask"},
                {"factId": "c", "text": "never one", "sharing": "never"},
            ],
            "contacts": [CONTACT],
            "earlier": [
                {"attempt": 1.0, "to": "+1", "transcript": [{"speaker": "callee", "text": "Hi", "seq": 0.0}]},
                {"attempt": 2.0, "to": "+1", "outcome": "noAnswer", "transcript": []},
            ],
            "answers": [{"question": "q", "answer": "a"}, {"question": "q", "answer": ""}],
            "user": {},
            "something new": 1,
        }
    )
    assert [fact.text for fact in material.facts] == ["free one"]
    assert material.contacts[0].aliases == ("s",)
    assert material.earlier[0].lines[0].seq == 0
    assert material.earlier[1].outcome == "noAnswer"
    assert len(material.answers) == 1


@pytest.mark.parametrize("value", [None, [], {"facts": [{"text": "x", "sharing": "maybe"}]}, {"contacts": [{}]}])
def test_other_shapes_are_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        read_material(value)


def test_a_claim_is_read() -> None:
    claimed = Claimed.model_validate(
        {
            "request": {
                "_id": "r1",
                "text": "Call",
                "status": "inFlight",
                "attempts": 0.0,
                "toNumber": "+14155550134",
            },
            "user": {"name": "Alex", "timezone": "UTC", "limits": {"maxCallMinutes": 5.0, "recordCalls": True}},
        }
    )
    assert (claimed.request.id, claimed.request.to_number) == ("r1", "+14155550134")
    assert claimed.user.limits.record_calls
