"""The views are functions of what `requests:show` returns."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console
from shows import CALL_ID, REQUEST_ID, START, asking, changed, completed, line, pending, planning, talking

from worker.cli.view import words
from worker.cli.view.plain import PlainView
from worker.cli.view.screen import screen
from worker.cli.view.timings import timing_lines, timing_rows


def drawn(show: dict[str, Any], *, height: int | None = None, **options: Any) -> str:
    console = Console(file=io.StringIO(), width=100, color_system=None, force_terminal=False)
    console.print(screen(show, height=height, **options))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def fed(*shows: dict[str, Any]) -> list[list[str]]:
    view = PlainView()
    return [[" ".join(line.split()) for line in view.update(show)] for show in shows]


def positions(text: str, *parts: str) -> list[int]:
    found = [text.find(part) for part in parts]
    assert -1 not in found, (
        f"missing: {[part for part, at in zip(parts, found, strict=True) if at < 0]} in\n{text}"
    )
    return found


class TestPlain:
    def test_the_same_state_says_nothing_new(self) -> None:
        for show in (pending(), planning("One.\n"), talking("Hi, this is Floyd, an AI"), completed()):
            first, second = fed(show, show)
            assert first
            assert second == []

    def test_each_stage_is_a_line(self) -> None:
        gathering = changed(pending(), status="inFlight", stage="gatheringContext")
        first, second, third = fed(pending(), gathering, changed(gathering, stage="planning"))
        assert any("Mara is home sick" in line for line in first)
        assert any(line.endswith("pending") for line in first)
        assert len(second) == len(third) == 1
        assert second[0].endswith("inFlight gathering what Floyd must know")
        assert third[0].endswith("inFlight planning")

    def test_what_waits_for_call_hours_says_so(self) -> None:
        waiting = changed(pending(), movedFrom=START, notBefore=START + 9 * 3_600_000)
        (lines,) = fed(waiting)
        assert any("call hours" in line and line.count(":") > 2 for line in lines)
        assert "call hours" in drawn(waiting)

    def test_whoever_has_taken_over_is_told_from_the_one_who_is_called(self) -> None:
        show = talking("It is about Mara, she", speaker="owner")
        show["transcript"] = [line(0, "callee", "Hello?"), line(1, "owner", "Hi, it is me.")]
        told = "\n".join(fed(show)[0])
        positions(told, "Callee Hello?", "You Hi, it is me.", "You It is about Mara")
        positions(drawn(show), "Callee", "Hello?", "You", "Hi, it is me.")

    def test_the_plan_grows_line_by_line(self) -> None:
        _, *states = fed(
            pending(),
            planning("Say that"),
            planning("Say that Mara is sick.\nThank"),
            planning("Say that Mara is sick.\nThank them.", done=True),
        )
        plans = [[line for line in lines if line.startswith("plan")] for lines in states]
        assert plans == [[], ["plan Say that Mara is sick."], ["plan Thank them."]]

    def test_a_new_plan_is_told_whole(self) -> None:
        _, again = fed(planning("First plan.", done=True), planning("Second one.", done=True))
        assert again == ["plan Second one."]

    def test_words_are_told_while_they_are_spoken_then_the_whole_line(self) -> None:
        final = talking()
        final["transcript"] = [line(0, "floyd", "Hi, this is Floyd, an AI assistant.", at_s=1)]
        _, a, b, c, d = fed(
            talking(),
            talking("Hi, this"),
            talking("Hi, this is Floyd,"),
            talking("Hi, this is Floyd, an AI assistant."),
            final,
        )
        assert a == []
        assert b == ["0:02 … Floyd Hi, this is Floyd,"]
        assert c == []
        assert d == ["[0] 0:01 Floyd Hi, this is Floyd, an AI assistant."]

    def test_words_of_a_line_that_stands_already_are_not_told_again(self) -> None:
        show = talking("Hi, this is Floyd, an AI assistant.")
        show["transcript"] = [line(0, "floyd", "Hi, this is Floyd, an AI assistant.")]
        (lines,) = fed(show)
        assert [text for text in lines if "AI assistant" in text] == [
            "[0] 0:00 Floyd Hi, this is Floyd, an AI assistant."
        ]

    def test_the_next_utterance_is_told_from_its_start(self) -> None:
        _, second = fed(talking("Hi, this is Floyd, an AI assistant"), talking("I'm calling about Mara"))
        assert second == ["0:02 … Floyd I'm calling about Mara"]

    def test_a_recogniser_that_changes_its_mind_is_told_from_there(self) -> None:
        _, second = fed(
            talking("which class is sheet", speaker="callee"),
            talking("which class is she in this year then", speaker="callee"),
        )
        assert second == ["0:02 … Callee she in this year then"]

    def test_a_question_says_how_to_answer(self) -> None:
        (lines,) = fed(asking(in_call=False))
        assert any("question What is your budget?" in line for line in lines)
        assert lines[-1] == f'answer with floyd answer {REQUEST_ID} "..."'

    def test_a_question_in_mid_call_says_that_somebody_waits(self) -> None:
        (lines,) = fed(asking(in_call=True))
        assert any("What is your budget? (somebody holds the line; answer by" in line for line in lines)

    def test_the_whole_story_in_its_order(self) -> None:
        (lines,) = fed(completed())
        positions_found = positions(
            "\n".join(lines),
            "Mara is home sick",
            "completed",
            "plan Say that Mara is sick.",
            "number Lincoln Elementary School, +14155550134 (from your contacts)",
            "call 1 to +14155550134",
            "answered",
            "[0] 0:00 Floyd Hi, this is Floyd, an AI assistant",
            "[1] 0:05 Callee Which class",
            "[2] 0:08 Floyd She is in —",
            "[3] 1:04 Callee Noted.",
            "ended goodbye",
            "outcome done: The school has noted that Mara is absent.",
            "- The absence is noted [1, 3]",
            "- She may come back on Monday (unconfirmed)",
            "told +14155550134 at [2]: Mara is in class 4B",
            "timings",
        )
        assert positions_found == sorted(positions_found)

    def test_what_others_say_cannot_steer_the_terminal(self) -> None:
        show = talking()
        show["transcript"] = [line(0, "callee", "\x1b[2Jgone\x07")]
        (lines,) = fed(show)
        assert all(char.isprintable() for text in lines for char in text)


class TestScreen:
    def test_the_whole_story(self) -> None:
        text = drawn(completed())
        found = positions(
            text,
            "Mara is home sick",
            "Lincoln Elementary School, +14155550134",
            "Say that Mara is sick.",
            "call 1 to +14155550134",
            "Hi, this is Floyd, an AI assistant",
            "Which class is she in?",
            "She is in — class four B.",
            "completed: done",
            "The absence is noted  [1, 3]",
            "(unconfirmed)",
            "endpointing",
        )
        assert found == sorted(found)

    def test_a_rehearsal_says_so(self) -> None:
        assert "rehearsal of openai, twilio" in drawn(pending(), rehearsed=("openai", "twilio"))
        assert "rehears" not in drawn(pending())

    def test_the_plan_shows_that_it_is_being_written(self) -> None:
        assert "Say that ▌" in drawn(planning("Say that"))
        assert "▌" not in drawn(planning("Say that.", done=True))

    def test_words_being_spoken_stand_after_the_lines(self) -> None:
        show = talking("She is in class", speaker="floyd")
        show["transcript"] = [line(0, "callee", "Which class?")]
        found = positions(drawn(show), "Which class?", "She is in class …")
        assert found == sorted(found)

    def test_a_long_call_fits_the_terminal_and_shows_its_newest_lines(self) -> None:
        show = talking("and now")
        show["transcript"] = [line(seq, "callee", f"utterance number {seq}", at_s=seq) for seq in range(200)]
        for height in (24, 50):
            text = drawn(show, height=height)
            assert len(text.splitlines()) <= height
            assert "utterance number 199" in text
            assert "earlier lines" in text
            assert "and now …" in text

    def test_an_open_question_is_asked(self) -> None:
        text = drawn(asking(in_call=True))
        assert "Floyd asks you" in text
        assert "What is your budget?" in text
        assert "Somebody holds the line" in text

    def test_markup_of_others_is_text(self) -> None:
        show = talking()
        show["transcript"] = [line(0, "callee", "[bold]hello[/bold] [red]")]
        assert "[bold]hello[/bold] [red]" in drawn(show)


class TestTimings:
    def test_turns_stand_in_their_order_with_what_was_measured(self) -> None:
        assert timing_rows(completed()) == [
            ["1", "420", "250", "130", "12", "812", ""],
            ["2", "-", "-", "-", "-", "912", "interrupted"],
        ]

    def test_turns_of_several_calls_are_told_apart(self) -> None:
        show = completed()
        show["calls"].append({**show["calls"][0], "_id": "other", "attempt": 2})
        show["turns"].append({**show["turns"][1], "callId": "other"})
        assert [cells[0] for cells in timing_rows(show)] == ["1.1", "1.2", "2.1"]

    def test_no_turns_no_table(self) -> None:
        assert timing_lines(pending()) == []


def test_evidence_names_the_call_when_there_were_several() -> None:
    fact = {"text": "", "callId": CALL_ID, "lines": [4.0], "confirmed": True}
    assert words.evidence(fact, {CALL_ID: 1}) == "[4]"
    assert words.evidence(fact, {CALL_ID: 2, "other": 1}) == "[call 2: 4]"


def test_what_is_over() -> None:
    over = {
        status
        for status in ("pending", "inFlight", "needsInput", "completed", "failed", "cancelled")
        if words.over({"status": status})
    }
    assert over == {"needsInput", "completed", "failed", "cancelled"}
