"""Which numbers may be called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.phone.numbers import Reason, judge


@pytest.mark.parametrize(
    ("number", "canonical"),
    [
        ("+14155550134", "+14155550134"),
        ("+1 (415) 555-0134", "+14155550134"),
        ("+44 20 7946 0018", "+442079460018"),
        ("+49\u00a030\u20111234567", "+49301234567"),
        ("+18005550100", "+18005550100"),
    ],
)
def test_ordinary_numbers_are_allowed(number: str, canonical: str) -> None:
    verdict = judge(number)
    assert (verdict.allowed, verdict.reason, verdict.number) == (True, Reason.ALLOWED, canonical)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("", Reason.EMPTY),
        ("  ", Reason.EMPTY),
        ("911", Reason.EMERGENCY),
        ("+1911", Reason.EMERGENCY),
        ("+1 911", Reason.EMERGENCY),
        ("112", Reason.EMERGENCY),
        ("+44999", Reason.EMERGENCY),
        ("+49112", Reason.EMERGENCY),
        ("+61000", Reason.EMERGENCY),
        ("411", Reason.SERVICE),
        ("+1611", Reason.SERVICE),
        ("1811", Reason.SERVICE),
        ("12345", Reason.SHORT),
        ("4155550134", Reason.NOT_E164),
        ("0049301234567", Reason.NOT_E164),
        ("+04155550134", Reason.NOT_E164),
        ("+1415555013x", Reason.NOT_E164),
        ("+1-800-FLOWERS", Reason.NOT_E164),
        ("sip:a@b", Reason.NOT_E164),
        ("++14155550134", Reason.NOT_E164),
        ("+14155550134,,123", Reason.NOT_E164),
        ("+1234567890123456", Reason.NOT_E164),
        ("＋１４１５５５５０１３４", Reason.NOT_E164),
        ("+1٤155550134", Reason.NOT_E164),
        ("+19005550100", Reason.PREMIUM),
        ("+14159765555", Reason.PREMIUM),
        ("+449098790000", Reason.PREMIUM),
        ("+499001234567", Reason.PREMIUM),
        ("+97912345678", Reason.PREMIUM),
        ("+870773111632", Reason.SATELLITE),
        ("+881612345678", Reason.SATELLITE),
        ("+8821612345678", Reason.SATELLITE),
        ("+99912345678", Reason.INVALID),
        ("+11155550134", Reason.INVALID),
        ("+1415555013", Reason.INVALID),
        ("+141555501345", Reason.INVALID),
    ],
)
def test_others_are_refused_with_the_reason_and_a_sentence(number: str, reason: Reason) -> None:
    verdict = judge(number)
    assert (verdict.allowed, verdict.reason) == (False, reason)
    assert verdict.message.endswith(".")
    assert verdict.number == number


def test_own_numbers_are_refused_however_they_are_written() -> None:
    own = ["+1 415-555-0100"]
    assert judge("+14155550100", own=own).reason is Reason.OWN
    assert judge("+1 (415) 555 0100", own=own).reason is Reason.OWN
    assert judge("+14155550101", own=own).allowed


@given(st.text(max_size=40))
def test_any_text_gets_a_verdict(text: str) -> None:
    verdict = judge(text)
    assert verdict.allowed == (verdict.reason is Reason.ALLOWED)
    if verdict.allowed:
        assert verdict.number.startswith("+")
        assert verdict.number[1:].isascii()
        assert verdict.number[1:].isdigit()


@given(st.from_regex(r"\+[0-9]{3,16}", fullmatch=True))
def test_any_number_gets_a_verdict(number: str) -> None:
    assert judge(number).message or judge(number).allowed
