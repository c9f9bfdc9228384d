"""How often one address may ask, over a time that the test makes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.web.allowance import Allowance
from worker.web.device import device_of


def allowance(most: int = 100) -> Allowance:
    return Allowance(burst=5, per_second=2.0, most_addresses=most)


def test_a_burst_then_a_rate() -> None:
    bucket = allowance()
    assert [bucket.wait_s("a", 0.0) for _ in range(5)] == [0.0] * 5
    assert bucket.wait_s("a", 0.0) == 0.5
    assert bucket.wait_s("a", 0.5) == 0.0
    assert bucket.wait_s("a", 0.5) == 0.5
    assert [bucket.wait_s("a", 60.0) for _ in range(5)] == [0.0] * 5
    assert bucket.wait_s("a", 60.0) > 0


def test_one_address_does_not_use_up_anothers() -> None:
    bucket = allowance()
    for _ in range(20):
        bucket.wait_s("a", 0.0)
    assert bucket.wait_s("b", 0.0) == 0.0


def test_a_flood_of_addresses_is_not_remembered_for_ever() -> None:
    bucket = allowance(most=3)
    for number in range(1000):
        bucket.wait_s(f"address {number}", 0.0)
    assert len(bucket._buckets) == 3


@given(st.lists(st.floats(0, 3), max_size=200))
def test_never_more_than_the_burst_and_the_rate_allow(pauses: list[float]) -> None:
    bucket, now, allowed = allowance(), 0.0, 0
    for pause in pauses:
        now += pause
        allowed += bucket.wait_s("a", now) == 0.0
    assert allowed <= 5 + 2.0 * now + 1e-6


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = allowance()
    for _ in range(5):
        bucket.wait_s("a", 100.0)
    assert bucket.wait_s("a", 50.0) > 0


def test_browsers_are_named_in_words_of_our_own() -> None:
    chrome = (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
    )
    assert device_of(chrome) == "Chrome on Linux"
    assert device_of(chrome + " Edg/142.0.0.0") == "Edge on Linux"
    iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1 Version/26.0 Safari/604.1"
    assert device_of(iphone) == "Safari on iPhone"
    assert device_of("curl/8.0") is None
    assert device_of(None) is None


@given(st.text())
def test_nothing_of_a_header_comes_through(header: str) -> None:
    named = device_of(header)
    assert named is None or len(named) < 40
