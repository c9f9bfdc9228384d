"""Scenario files: the built-in ones are sound, and a broken one says where and how it is broken."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal.__main__ import main
from rehearsal.scenario import E164, Scenario, found
from rehearsal.scenario_files import (
    BUILT_IN_FOLDER,
    ScenarioError,
    load_business,
    load_demo,
    load_folder,
    load_scenario,
)

BUILT_IN = {scenario.name: scenario for scenario in load_folder(BUILT_IN_FOLDER)}
PROMISED = {
    "school",
    "florist-asks-budget",
    "florist-budget-unanswered",
    "no-number",
    "nobody-picks-up",
    "busy",
    "voicemail",
    "interrupts",
    "injection",
    "line-drops",
}

GOOD = """\
name: bakery
summary: A bakery.
request: "Ask the bakery for rye bread"
person:
  name: Alex Rivera
  facts:
    - {text: "Alex likes rye bread", sharing: free}
  contacts:
    - {name: Bakery, phone: "+14155550122"}
calls:
  - number: "+14155550122"
    greeting: "Bakery."
    says:
      - {hears: "rye", say: "Yes, we have it."}
"""


def test_every_promised_scenario_is_there() -> None:
    assert not PROMISED - BUILT_IN.keys()


@pytest.mark.parametrize("scenario", BUILT_IN.values(), ids=BUILT_IN)
def test_a_built_in_scenario_is_consistent(scenario: Scenario) -> None:
    assert (BUILT_IN_FOLDER / f"{scenario.name}.yaml").exists(), "a file is named as its scenario"
    assert scenario.has_words_of(scenario.request.upper() + "!")
    assert scenario.request_like is None or scenario.is_like(scenario.request)
    known = {contact.phone for contact in scenario.person.contacts}
    told = {number for reply in scenario.owner for number in re.findall(r"\+\d+", reply.answer or "")}
    assert set(scenario.numbers()) <= known | told, "somebody must be able to tell the number that is called"
    kept = [fact.text for fact in scenario.person.facts if fact.sharing == "never"]
    for turn in scenario.model.turns:
        assert not any(fact in turn.say for fact in kept), "the rehearsed model tells what must never be told"
    for pattern in scenario.model.facts or []:
        assert any(found(pattern, fact.text) for fact in scenario.person.facts), f"{pattern} is no fact"
    for asked in scenario.expect.asked:
        questions = [str(turn.tool.arguments.get("question")) for turn in scenario.model.turns if turn.tool]
        by_floyd = not scenario.person.contacts and "number" in asked
        assert by_floyd or any(found(asked, question) for question in questions)


@pytest.mark.parametrize("scenario", BUILT_IN.values(), ids=BUILT_IN)
def test_what_a_scenario_expects_can_be_said_in_it(scenario: Scenario) -> None:
    """What a callee is to hear is in the disclosure or in what the rehearsed model says."""
    disclosure = f"This is Floyd, an AI assistant calling for {scenario.person.name}."
    said = [disclosure, scenario.model.message, *(turn.say for turn in scenario.model.turns)]
    for pattern in scenario.expect.heard:
        assert any(found(pattern, text) for text in said), f"nobody says {pattern}"


def test_a_request_finds_its_scenario_and_no_other() -> None:
    from rehearsal.casting import Casting

    casting = Casting(BUILT_IN.values(), load_business())
    for scenario in BUILT_IN.values():
        found_one = casting.for_request(scenario.request.lower())
        assert found_one is not None
        assert found_one.name == scenario.name
    for text, name in {
        "please order Krista flowers for under $60": "flowers",
        "Please get flowers to Krista for Friday": "florist-asks-budget",
        "call school, Mara is ill": "school",
        "Book an oil change for my car": "oil-change",
    }.items():
        like = casting.for_request(text)
        assert like is not None, text
        assert like.name == name
    assert casting.for_request("Ask the moon for cheese") is None


def test_the_demo_person_can_be_called_for() -> None:
    demo = load_demo()
    assert len(demo.facts) >= 12
    assert {fact.sharing for fact in demo.facts} == {"free", "ask", "never"}
    numbers = {contact.phone for contact in demo.contacts}
    assert set(BUILT_IN["school"].numbers()) <= numbers
    assert set(BUILT_IN["flowers"].numbers()) <= numbers
    assert set(BUILT_IN["oil-change"].numbers()) <= numbers
    assert all(E164.fullmatch(number) for number in numbers)


BROKEN = [
    ("name: bakery", "name: The Bakery!", 1, "name", "string should match pattern"),
    ('request: "Ask the bakery for rye bread"', 'request: "  "', 3, "request", "must not be empty"),
    ("  name: Alex Rivera", "  nickname: Al", 5, "person.nickname", "no such field; allowed here: name, facts"),
    ("sharing: free", "sharing: maybe", 7, "person.facts[0].sharing", "allowed: 'free', 'ask' or 'never'"),
    ('phone: "+14155550122"', "phone: +14155550122", 9, "person.contacts[0].phone", "in quotes"),
    ('phone: "+14155550122"', 'phone: "911"', 9, "person.contacts[0].phone", "not an E.164 number"),
    ('number: "+14155550122"', 'number: "0415"', 11, "calls[0].number", "not an E.164 number"),
    ('greeting: "Bakery."', "answer: robot", 12, "calls[0].answer", "allowed: 'person', 'voicemail'"),
    ('greeting: "Bakery."', "answer: busy", 11, "calls[0]", '"says" has no effect with "answer: busy"'),
    ('greeting: "Bakery."', "voice: en-us+nobody", 12, "calls[0].voice", "is not one of espeak-ng's"),
    ('greeting: "Bakery."', "after: soon", 12, "calls[0].after", "valid number"),
    ('greeting: "Bakery."', "after: -1", 12, "calls[0].after", "greater than or equal to 0"),
    ('hears: "rye"', 'hears: "(rye"', 14, "calls[0].says[0].hears", "not a regular expression"),
    (', say: "Yes, we have it."', "", 14, "calls[0].says[0].say", "is missing"),
    ("summary: A bakery.", "summary: [a, b]", 2, "summary", "must be text, not a list"),
    ("summary: A bakery.", "summary: A: bakery", 2, "", "is not YAML"),
    ("summary: A bakery.", "name: again", 2, "", "duplicate key"),
    ("summary: A bakery.", "summary: x\nexpect: {outcome: great}", 3, "expect.outcome", "allowed: 'done'"),
    ("summary: A bakery.", "summary: x\nfaults: die", 3, "faults", "must be a list, not text"),
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken[1])
def test_a_broken_file_names_line_field_and_remedy(tmp_path: Path, broken: tuple[str, str, int, str, str]) -> None:
    good, bad, line, field, message = broken
    assert good in GOOD
    path = tmp_path / "bakery.yaml"
    path.write_text(GOOD.replace(good, bad, 1))
    with pytest.raises(ScenarioError) as raised:
        load_scenario(path)
    found_problems = [(problem.line, problem.field) for problem in raised.value.problems]
    assert (line, field) in found_problems, str(raised.value)
    assert message in str(raised.value)
    assert str(raised.value).startswith(f"{path}:")


def test_all_problems_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bakery.yaml"
    path.write_text(GOOD.replace("sharing: free", "sharing: maybe").replace('hears: "rye"', 'hears: "["'))
    with pytest.raises(ScenarioError) as raised:
        load_scenario(path)
    assert len(raised.value.problems) == 2


@pytest.mark.parametrize("content", [b"", b"just words", b"- a\n- list", b"\xff\xfe", b"a: &x [*x]"])
def test_a_file_that_is_no_scenario_at_all(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.yaml"
    path.write_bytes(content)
    with pytest.raises(ScenarioError):
        load_scenario(path)


def test_a_file_or_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be read: No such file"):
        load_scenario(tmp_path / "none.yaml")
    with pytest.raises(ScenarioError, match="is not a folder"):
        load_folder(tmp_path / "none")


def test_two_files_must_not_have_one_name(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    with pytest.raises(ScenarioError, match=r"b\.yaml:1: name: .*name of another file"):
        load_folder(tmp_path)


def test_check_exits_with_2_and_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(GOOD)
    bad.write_text(GOOD.replace("sharing: free", "sharing: maybe"))
    assert main(["check", str(good)]) == 0
    assert "1 scenario, no problems" in capsys.readouterr().out
    assert main(["check", str(good), str(bad)]) == 2
    assert f"{bad}:7: person.facts[0].sharing:" in capsys.readouterr().err


def test_check_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rehearsal", "check"], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(BUILT_IN)} scenarios" in done.stdout
