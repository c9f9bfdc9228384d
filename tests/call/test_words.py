"""Words of a text, compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.call.words import is_repeated_from, words_of


@pytest.mark.parametrize(
    ("text", "whole", "repeated"),
    [
        ("I'm", "I’m calling about the wheel.", True),
        ("calling about, the", "I'm calling about the wheel.", True),
        ("The wheel", "I'm calling about the wheel.", True),
        ("I'm I'm calling", "I'm calling about the wheel.", True),
        ("I'm calling I'm calling about", "I'm calling about the wheel.", True),
        ("about I'm", "I'm calling about the wheel.", False),
        ("call", "I'm calling about the wheel.", False),
        ("calling the wheel", "I'm calling about the wheel.", False),
        ("the wheel is", "I'm calling about the wheel.", False),
        ("I'm calling about the wheel. Yes", "I'm calling about the wheel.", False),
        ("", "I'm calling about the wheel.", False),
        ("...", "I'm calling about the wheel.", False),
        ("Yes", "", False),
    ],
)
def test_words_that_are_repeated_from_others(text: str, whole: str, repeated: bool) -> None:
    assert is_repeated_from(text, whole) is repeated


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_what_was_put_between_others_is_repeated_from_them(before: str, text: str, after: str) -> None:
    assert is_repeated_from(text, f"{before} {text} {after}") is bool(words_of(text))
