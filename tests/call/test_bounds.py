from __future__ import annotations

import pytest

from worker.call.bounds import bounds_of, committed_usd, refuses
from worker.call.contract import Answer, Fact
from worker.call.numbers import amounts_usd, value_of, with_figures
from worker.call.told import fact_words, told


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("That is $80.", [80]),
        ("$1,200.50 in all", [1200.5]),
        ("eighty-five dollars", [85]),
        ("two hundred and five dollars", [205]),
        ("a hundred dollars", [100]),
        ("80 bucks or 90 dollars", [80, 90]),
        ("USD 45", [45]),
        ("$2k", [2000]),
        ("sixteen dollars", [16]),
        ("class 4B at 9", []),
        ("one of the dollars", []),
    ],
)
def test_amounts(text: str, amounts: list[float]) -> None:
    assert amounts_usd(text) == amounts


@pytest.mark.parametrize(
    ("text", "value"), [("12", 12), ("twelve", 12), ("one thousand two hundred", 1200), ("x", None)]
)
def test_values(text: str, value: float | None) -> None:
    assert value_of(text) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("class four B", ["class", "4b"]),
        ("class 4B", ["class", "4b"]),
        ("twelve Elm Street", ["12", "elm", "street"]),
        ("four one five", ["4", "1", "5"]),
        ("sixty-five", ["65"]),
        ("five a day", ["5", "a", "day"]),
    ],
)
def test_spoken_figures(text: str, words: list[str]) -> None:
    assert with_figures(text) == words


@pytest.mark.parametrize(
    ("clause", "callee_said", "amount"),
    [
        ("Yes, eighty-five dollars is fine.", "", 85),
        ("Great, please book it.", "That would be $90.", 90),
        ("That works.", "That's ninety dollars, is that okay?", 90),
        ("We'll take it for $70.", "", 70),
        ("Eighty-five dollars is too much.", "", None),
        ("I can't go above $60.", "It's $90.", None),
        ("Is eighty-five dollars the final price?", "", None),
        ("Let me check with Alex whether $90 is okay.", "", None),
        ("Yes, she is in class four B.", "Which class?", None),
        ("No, $90 is over our limit.", "It's $90, okay?", None),
    ],
)
def test_what_a_clause_agrees_to(clause: str, callee_said: str, amount: float | None) -> None:
    assert committed_usd(clause, callee_said) == amount


def limit(max_spend: float | None, request: str = "", answers: tuple[Answer, ...] = ()) -> float | None:
    return bounds_of(max_spend_usd=max_spend, request_text=request, facts=(), asked=(), answers=answers).limit_usd


def test_the_owners_own_words_set_the_limit() -> None:
    assert limit(None) is None
    assert limit(60) == 60
    assert limit(60, "Order flowers for up to $75") == 75
    assert limit(60, answers=(Answer("Is $90 okay?", "Up to one hundred dollars"),)) == 100
    assert limit(60, answers=(Answer("How much may it cost?", "80"),)) == 80
    assert limit(60, answers=(Answer("Which class?", "80"),)) == 60
    assert limit(60, answers=(Answer("Is $90 okay?", "No, $90 is too much"),)) == 60


def test_a_breach_asks_the_owner() -> None:
    bounds = bounds_of(max_spend_usd=60, request_text="", facts=(), asked=(), answers=())
    assert bounds.breach("Yes, sixty dollars is fine.", "") is None
    breach = bounds.breach("Yes, sixty-five dollars is fine.", "")
    assert breach is not None
    assert "$65" in breach.question
    assert "$60" in breach.question


@pytest.mark.parametrize(("answer", "no"), [("No.", True), ("please don't", True), ("Yes, tell them", False)])
def test_refusals(answer: str, no: bool) -> None:
    assert refuses(answer) is no


HOME = Fact("The Riveras live at 12 Elm Street", "ask")
CLASS = Fact(
    "Mara Rivera, Alex's daughter, is in class 4B at Lincoln Elementary School; her teacher is Ms. Ortiz", "free"
)
FEVER = Fact("Mara has had a fever since last night", "free", "f2")
PLAIN = ("Call the school and let them know Mara is home sick today", "Lincoln Elementary School", "Alex Rivera")


def test_a_fact_to_be_asked_about_is_withheld_until_allowed() -> None:
    facts = fact_words([HOME, CLASS], PLAIN)

    def withheld(*answers: Answer) -> bool:
        bounds = bounds_of(max_spend_usd=None, request_text="", facts=facts, asked=[HOME], answers=answers)
        assert bounds.breach("She is in class four B.", "") is None
        return bounds.breach("They live at twelve Elm Street.", "") is not None

    assert withheld()
    assert withheld(Answer('May I say: "The Riveras live at 12 Elm Street"?', "No, don't"))
    assert withheld(Answer("Which class?", "4B"))
    assert not withheld(Answer('May I say: "The Riveras live at 12 Elm Street"?', "Yes"))


@pytest.mark.parametrize(
    ("line", "which"),
    [
        ("She is in class four B, with Ms. Ortiz.", [CLASS]),
        ("Mara Rivera is home sick today and won't be coming in.", []),
        ("She has had a fever since last night.", [FEVER]),
        ("Her teacher is Ms. Ortiz, and she has a fever.", [CLASS, FEVER]),
        ("Thank you for your help. Goodbye.", []),
        ("", []),
    ],
)
def test_which_facts_a_line_tells(line: str, which: list[Fact]) -> None:
    assert [fact.text for fact in told(line, fact_words([CLASS, FEVER], PLAIN))] == [fact.text for fact in which]
