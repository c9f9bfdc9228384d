"""Cutting a model's text into clauses, and leaving out what can't be spoken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.speech.clauses import LONG_CHARS, LONGEST_CHARS, ClauseCutter
from worker.speech.speakable import BREAK, Speakable


def speakable(text: str) -> str:
    cleaner = Speakable()
    return (cleaner.feed(text) + cleaner.flush()).replace(BREAK, " ")


def cut(*pieces: str) -> list[str]:
    cutter = ClauseCutter()
    clauses = [clause for piece in pieces for clause in cutter.feed(piece)]
    return clauses + cutter.flush()


def pieces_of(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("**Sure**, I'll *do* that.", "Sure, I'll do that."),
        ("# Plan\n- call\n- ask", "Plan call ask"),
        ("See [the site](https://example.com/a_b) now", "See the site now"),
        ("Great 😀👍🏽 thanks ❤️!", "Great thanks!"),
        ("It is 1️⃣ of 30°", "It is 1 of 30°"),
        ("<speak>Hello <break time='1s'/> there</speak>", "Hello there"),
        ("<think>They seem. Angry!</think>Of course.", "Of course."),
        ("3 < 5 and 5 > 3", "3 < 5 and 5 > 3"),
        ("Press # then * please", "Press # then * please"),
        ("first_last@example.com, _really_", "first_last@example.com, really"),
        ("He said “yes”.", "He said yes."),
        ("Really?! No way!!!", "Really? No way!"),
        ("a\u0000b\u200b c\td", "ab c d"),
        ("  lots \n\n of   space  ", "lots of space"),
        ("2*3 is ~6", "2*3 is ~6"),
        ("`code` and ~~gone~~", "code and gone"),
    ],
)
def test_what_can_not_be_spoken_is_left_out(text: str, spoken: str) -> None:
    assert speakable(text) == spoken
    assert "".join(cut(*text)) == spoken


@pytest.mark.parametrize(
    "inseparable",
    [
        "Dr. Smith",
        "3.50",
        "1,000",
        "e.g. the",
        "mara.rivera@example.com",
        "www.example.com",
        "+1 415 555 0134",
        "4, 1, 5, 5, 5, 5",
        "10:30",
        "No. 5",
        "J. Smith",
        "5 p.m. on",
        "Mar. 5",
        "Sept. 12",
        "Fri. 3/6",
        "Mon., Feb. 3",
        "Mon. Feb. 3",
        "March 5, 2026",
        "415-555-0134 ext. 12",
        "M-A-R-A",
        "$4.50",
        "9:00 a.m. on",
        "U.S.A. mail",
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_these_are_never_torn_apart(inseparable: str, size: int) -> None:
    sentence = f"I would like to tell you this, for the e-mail or letter: {inseparable} and that is all there is"
    assert any(inseparable in clause for clause in cut(*pieces_of(sentence, size)))


def test_a_first_sentence_is_given_out_with_its_last_character() -> None:
    cutter = ClauseCutter()
    assert cutter.feed("Good morning") == []
    assert cutter.feed("!") == ["Good morning!"]


def test_an_ordinary_full_stop_ends_the_first_clause_without_look_ahead() -> None:
    cutter = ClauseCutter()
    assert cutter.feed(" She") == []
    assert cutter.feed(" is ill") == []
    assert cutter.feed(".") == ["She is ill."]


def test_a_full_stop_in_an_address_is_waited_for() -> None:
    cutter = ClauseCutter()
    assert cutter.feed("The mail is mara") + cutter.feed(".") + cutter.feed("r@example.com.") == []
    assert cutter.feed(" And") == ["The mail is mara.r@example.com."]


def test_the_first_clause_is_short_and_later_ones_are_sentences() -> None:
    text = "Hi there Dana, I'm calling about Mara, who is home today. She has a fever, and will be back on Monday."
    assert cut(text) == [
        "Hi there Dana,",
        " I'm calling about Mara, who is home today.",
        " She has a fever, and will be back on Monday.",
    ]


def test_a_first_clause_without_punctuation_does_not_wait_for_the_end() -> None:
    cutter = ClauseCutter()
    words = [f" word{number}x" for number in range(20)]
    heard_after = next(count for count, word in enumerate(words) if cutter.feed(word))
    assert heard_after < 10


def test_without_punctuation_it_is_cut_where_one_breathes_and_not_inside_a_name() -> None:
    sentence = "I'm calling to ask whether the prescription for Krista Rivera is ready."
    assert cut(*pieces_of(sentence, 4)) == [
        "I'm calling to ask whether the prescription",
        " for Krista Rivera is ready.",
    ]


def test_lines_of_a_list_are_separate_clauses() -> None:
    assert cut("I need these things:\n- twelve red roses\n- a birthday card") == [
        "I need these things:",
        " twelve red roses",
        " a birthday card",
    ]


def test_empty_and_unspeakable_texts() -> None:
    assert cut("") == []
    assert cut("😀 **") == []


def test_a_cutter_can_be_used_again() -> None:
    cutter = ClauseCutter()
    cutter.feed("Hello there")
    cutter.flush()
    assert cutter.feed("Good morning!") == ["Good morning!"]


@given(st.text(max_size=400), st.integers(1, 9))
def test_nothing_is_lost_or_added_however_the_text_is_cut(text: str, size: int) -> None:
    clauses = cut(*pieces_of(text, size))
    assert "".join(clauses) == speakable(text)
    assert all(clauses)


MARKED = st.text(alphabet='ab1 .,!?*_#<>/[]()\n-~`😀@:+"', max_size=200)


@given(MARKED, st.integers(1, 7))
def test_nothing_is_lost_among_marks(text: str, size: int) -> None:
    assert "".join(cut(*pieces_of(text, size))) == speakable(text)


@given(st.lists(st.text(alphabet="abcdefghij", min_size=1, max_size=12), max_size=200))
def test_clauses_are_bounded_and_words_whole(words: list[str]) -> None:
    clauses = cut(" ".join(words))
    assert all(len(clause) <= LONGEST_CHARS for clause in clauses)
    assert [word for clause in clauses for word in clause.split()] == words


def test_text_without_any_space_is_bounded_too() -> None:
    clauses = cut("x" * 5000)
    assert "".join(clauses) == "x" * 5000
    assert max(map(len, clauses)) <= LONGEST_CHARS


def test_a_long_sentence_is_cut_at_a_comma() -> None:
    sentence = "It began well enough. " + ", ".join(["and then we went to the shop again"] * 10)
    later = cut(sentence)[1:]
    assert all(len(clause) <= LONG_CHARS for clause in later)
    assert all(clause.endswith(",") for clause in later[:-1])
