"""How a call's end becomes the end of its request: the whole table."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.call.contract import CallReport, Ending, SpokenLine
from worker.model.parse import Claim, WrapUp
from worker.model.prompts import KIND_MEANINGS
from worker.request.outcome import ENDINGS, STATUS, Kind, learnt, rule_for, settled, without_model

FLOYD = SpokenLine(0, "floyd", "Mara is ill.")
CALLEE = SpokenLine(1, "callee", "Thank you, noted.")
OWNER = SpokenLine(2, "owner", "This is Alex.")
NOT_OURS = {Ending.CANCELLED, Ending.LEASE_LOST}
endings = st.sampled_from([ending for ending in Ending if ending not in NOT_OURS])
lines = st.sampled_from([(), (FLOYD,), (CALLEE,), (FLOYD, CALLEE)])
claims = st.lists(st.builds(Claim, st.text(min_size=1), st.lists(st.integers(0, 5)).map(tuple)), max_size=4).map(
    tuple
)
summaries = st.text(min_size=1).filter(str.strip)  # as `parse` gives them
wrap_ups = st.builds(
    WrapUp, st.sampled_from([*Kind, "", "wrong_number", "All good"]).map(str), summaries, claims, claims
)


def test_every_ending_that_is_ours_has_a_rule() -> None:
    assert set(ENDINGS) == set(itertools.product(set(Ending) - NOT_OURS, (True, False)))
    assert set(STATUS) == set(Kind)
    for ending in NOT_OURS:
        assert rule_for(CallReport(ending, lines=(CALLEE,))) is None


def test_every_kind_a_model_may_choose_is_explained_to_it() -> None:
    for rule in ENDINGS.values():
        if rule.reads:
            assert {kind.value for kind in rule.kinds} <= KIND_MEANINGS.keys()


@pytest.mark.parametrize(
    ("ending", "spoken", "named", "kind", "status"),
    [
        (Ending.GOODBYE, (FLOYD, CALLEE), "done", "done", "completed"),
        (Ending.GOODBYE, (FLOYD, CALLEE), "declined", "declined", "completed"),
        (Ending.GOODBYE, (FLOYD, CALLEE), "wrong_number", "wrongNumber", "failed"),
        (Ending.GOODBYE, (FLOYD, CALLEE), "Refused Automated", "refusedAutomated", "failed"),
        (Ending.GOODBYE, (FLOYD, CALLEE), "voicemailLeft", "interrupted", "failed"),
        (Ending.GOODBYE, (FLOYD,), "done", "noAnswer", "failed"),
        (Ending.CALLEE_HUNG_UP, (FLOYD, CALLEE), "done", "done", "completed"),
        (Ending.CALLEE_HUNG_UP, (FLOYD, CALLEE), "great", "interrupted", "failed"),
        (Ending.CALLEE_HUNG_UP, (FLOYD,), "done", "interrupted", "failed"),
        (Ending.OWNER_HUNG_UP, (FLOYD, CALLEE), "done", "done", "completed"),
        (Ending.OWNER_HUNG_UP, (FLOYD, CALLEE, OWNER), "declined", "declined", "completed"),
        (Ending.OWNER_HUNG_UP, (FLOYD, CALLEE), "?", "interrupted", "failed"),
        (Ending.OWNER_HUNG_UP, (FLOYD, OWNER), "done", "interrupted", "failed"),
        (Ending.OWNER_HUNG_UP, (), "done", "interrupted", "failed"),
        (Ending.CALL_BACK, (FLOYD, CALLEE), "done", "needsInput", "needsInput"),
        (Ending.VOICEMAIL, (CALLEE, FLOYD), "done", "voicemailLeft", "completed"),
        (Ending.VOICEMAIL, (CALLEE, OWNER), "done", "voicemailLeft", "completed"),
        (Ending.VOICEMAIL, (CALLEE,), "done", "noAnswer", "failed"),
        (Ending.NO_ANSWER, (), "done", "noAnswer", "failed"),
        (Ending.BUSY, (), "done", "busy", "failed"),
        (Ending.FAILED, (), "done", "error", "failed"),
        (Ending.POLICY_BLOCKED, (), "done", "policyBlocked", "failed"),
        (Ending.DROPPED, (FLOYD, CALLEE), "done", "interrupted", "failed"),
        (Ending.DROPPED, (), "done", "interrupted", "failed"),
        (Ending.SILENT, (FLOYD,), "done", "noAnswer", "failed"),
        (Ending.SILENT, (FLOYD, CALLEE), "done", "done", "completed"),
        (Ending.TOO_LONG, (FLOYD, CALLEE), "declined", "declined", "completed"),
        (Ending.TOO_LONG, (FLOYD, CALLEE), "?", "interrupted", "failed"),
        (Ending.DRAINED, (FLOYD, CALLEE), "done", "interrupted", "failed"),
        (Ending.ERROR, (FLOYD, CALLEE), "done", "error", "failed"),
    ],
)
def test_endings(ending: Ending, spoken: tuple[SpokenLine, ...], named: str, kind: str, status: str) -> None:
    report = CallReport(ending, lines=spoken)
    rule = rule_for(report)
    assert rule is not None
    outcome = settled(report, rule, WrapUp(named, "A summary.")) if rule.reads else without_model(report, rule)
    assert (outcome.kind.value, outcome.status) == (kind, status)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("done", "done"),
        ("declined", "declined"),
        ("wrong_number", "wrongNumber"),
        ("refused_automated", "refusedAutomated"),
        ("other", "interrupted"),
        ("", "interrupted"),
    ],
)
def test_without_a_model_the_reason_of_the_goodbye_counts(reason: str, kind: str) -> None:
    report = CallReport(Ending.GOODBYE, reason=reason, lines=(FLOYD, CALLEE))
    rule = rule_for(report)
    assert rule is not None
    outcome = without_model(report, rule)
    assert outcome.kind.value == kind
    assert "could not be summed up" in outcome.summary


def test_the_detail_is_told() -> None:
    report = CallReport(Ending.FAILED, detail="The carrier has no route to this number")
    rule = rule_for(report)
    assert rule is not None
    assert without_model(report, rule).summary == (
        "The call could not be connected. The carrier has no route to this number."
    )


def test_floyds_own_words_are_no_evidence() -> None:
    report = CallReport(Ending.GOODBYE, call_id="c", lines=(FLOYD, CALLEE))
    rule = rule_for(report)
    assert rule is not None
    wrap_up = WrapUp("done", "s", (Claim("a", (0,)), Claim("b", (0, 1, 9)), Claim("c", ())), (Claim("d", (0,)),))
    outcome = settled(report, rule, wrap_up)
    assert [(fact.lines, fact.confirmed) for fact in outcome.reported] == [((), False), ((1,), True), ((), False)]
    assert learnt(report, wrap_up) == ()
    assert outcome.row("c")["reported"][1] == {"text": "b", "lines": [1], "confirmed": True, "callId": "c"}


@given(endings, lines, wrap_ups)
def test_what_holds_whatever_the_model_says(
    ending: Ending, spoken: tuple[SpokenLine, ...], wrap_up: WrapUp
) -> None:
    report = CallReport(ending, lines=spoken)
    rule = rule_for(report)
    assert rule is not None
    for outcome in (settled(report, rule, wrap_up), without_model(report, rule)):
        assert outcome.kind in rule.kinds
        assert outcome.summary.strip()
        if outcome.kind is Kind.DONE:
            assert CALLEE in spoken
        for fact in outcome.reported:
            assert fact.confirmed == bool(fact.lines)
            assert set(fact.lines) <= {line.seq for line in spoken if line.speaker == "callee"}
