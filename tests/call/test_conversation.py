"""Whole conversations, in virtual time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from stage import BRIEF, Answer, PhoneLine, Script, Theatre, now, spoken_s, tool
from virtual_time import run

from worker.call import phrases
from worker.call.clock import Clock
from worker.call.contract import CallControl, CallReport, Ending, Fact, StopReason
from worker.call.journal import LivePace, TurnTimes, turn_row
from worker.deployment.client import FunctionError
from worker.model.language_model import Message, ModelUnavailable, ToolCall
from worker.phone.carrier import CarrierStatus, CarrierUnavailable, DialRefused
from worker.phone.directory import MediaRefused

DISCLOSURE = phrases.disclosure("Alex Rivera")


def replies(*answers: Sequence[Answer]) -> Script:
    """The model's answers in order; the last repeats."""
    queue = itertools.chain(answers, itertools.repeat(answers[-1]))
    return lambda messages: next(queue)


GOODBYE: Sequence[Answer] = ["Thank you, goodbye.", tool("end_call", reason="done")]


async def school(line: PhoneLine) -> None:
    await line.say("Lincoln Elementary, this is Dana speaking.")
    await line.hears("home sick today.")
    await line.say("Oh, I am sorry. Which class is she in?")
    await line.hears("four B.")
    await line.say("Got it, I have noted that.")
    await line.hears("goodbye.")


def test_the_school_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        stage = Theatre(
            tmp_path, replies(["Mara Rivera is home sick today."], ["She is in class four B."], GOODBYE), school
        )
        report = await stage.call()
        assert report.ending is Ending.GOODBYE
        assert report.reason == "done"
        assert stage.carrier.hung_up == ["CA1"]
        assert stage.transcript() == [
            "callee: Lincoln Elementary, this is Dana speaking.",
            f"floyd: {DISCLOSURE}",
            "floyd: Mara Rivera is home sick today.",
            "callee: Oh, I am sorry. Which class is she in?",
            "floyd: She is in class four B.",
            "callee: Got it, I have noted that.",
            "floyd: Thank you, goodbye.",
        ]
        assert [line.text for line in report.lines] == [line["text"] for line in stage.deployment.lines]
        starts = [line["startedAt"] for line in stage.deployment.lines]
        assert starts == sorted(starts)
        assert not any(line["interrupted"] for line in stage.deployment.lines)
        # The order of a call's life, as the database saw it.
        names = [name for name, _ in stage.deployment.writes]
        life = [name for name in names if name.startswith("calls:") and name != "calls:carrierStatus"]
        assert life == [
            "calls:begin",
            "calls:dialed",
            "calls:openMedia",
            "calls:disclosed",
            "calls:saveUsage",
            "calls:end",
        ]
        stages = [args["stage"] for args in stage.deployment.of("requests:setStage")]
        assert stages == ["ringing", "talking"]
        told = [item for args in stage.deployment.of("disclosures:record") for item in args["items"]]
        assert told == [{"text": BRIEF.facts[0].text, "seq": 4, "factId": "fact1"}]

    run(main())


def test_each_turn_says_where_its_time_went(tmp_path: Path) -> None:
    async def main() -> None:
        stage = Theatre(
            tmp_path, replies(["Mara Rivera is home sick today."], ["She is in class four B."], GOODBYE), school
        )
        await stage.call()
        turn = stage.deployment.turns[2]
        # The fakes: final 350 ms after the speech, first token 200 ms, a clause of six words, voice 150 ms.
        # The model is asked when the last interim is there (120 ms), and the turn is over with the final.
        assert turn["modelAsked"] == pytest.approx(120, abs=25)
        assert turn["finalTranscript"] == turn["endpointed"] == pytest.approx(350, abs=25)
        assert turn["endpointingMs"] == turn["modelAsked"]
        assert 200 <= turn["modelMs"] <= 340
        assert turn["speechMs"] == pytest.approx(150, abs=10)
        parts = turn["endpointingMs"] + turn["modelMs"] + turn["speechMs"] + turn["floydMs"]
        assert parts == pytest.approx(turn["totalMs"], abs=1)
        assert turn["floydMs"] < 5
        assert "discarded" not in turn
        order = ["modelAsked", "firstToken", "firstClause", "firstAudio", "firstSent", "firstPlayed"]
        moments = [turn[name] for name in order]
        assert moments == sorted(moments)

    run(main())


def moments(**changes: float | None) -> TurnTimes:
    times: dict[str, float | None] = {
        "endpointed": 10.35,
        "model_asked": 10.12,
        "first_token": 10.4,
        "first_clause": 10.5,
        "first_audio": 10.65,
        "first_sent": 10.651,
    }
    return TurnTimes(turn=1, speech_ended=10.0, **{**times, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("times", "endpointing", "model", "speech", "floyd"),
    [
        (moments(), 120, 380, 150, 1),
        # Ready before the turn was over: what is left is waiting.
        (moments(endpointed=11.0, first_sent=11.001), 120 + 350, 380, 150, 1),
        # Asked when the turn was over, with a hitch before.
        (moments(endpointed=10.05), 50, 380, 150, 71),
        # Prepared before the callee had spoken.
        (
            moments(
                endpointed=10.0,
                model_asked=6.0,
                first_token=6.3,
                first_clause=6.4,
                first_audio=6.7,
                first_sent=10.001,
            ),
            0,
            0,
            0,
            1,
        ),
    ],
)
def test_the_parts_of_a_turn_add_up(
    times: TurnTimes, endpointing: float, model: float, speech: float, floyd: float
) -> None:
    async def main() -> None:
        row = turn_row(times, Clock())
        assert row["endpointingMs"] == pytest.approx(endpointing)
        assert row["modelMs"] == pytest.approx(model)
        assert row["speechMs"] == pytest.approx(speech)
        assert row["floydMs"] == pytest.approx(floyd)
        parts = row["endpointingMs"] + row["modelMs"] + row["speechMs"] + row["floydMs"]
        assert parts == pytest.approx(row["totalMs"])

    run(main())


def test_floyd_does_not_talk_over_the_greeting(tmp_path: Path) -> None:
    async def main() -> None:
        spoke_from = 0.0

        async def callee(line: PhoneLine) -> None:
            nonlocal spoke_from
            await asyncio.sleep(0.8)
            await line.say("Good morning and thank you for calling Lincoln Elementary School.")
            spoke_from = now()
            await line.hears("Hi,")
            line.hang_up()

        stage = Theatre(tmp_path, replies(GOODBYE), callee)
        report = await stage.call()
        assert report.ending is Ending.CALLEE_HUNG_UP
        first = stage.line.heard[0][0] - spoke_from
        assert 0.4 < first < 1.2

    run(main())


def test_a_silent_pick_up_is_spoken_to(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            start = now()
            await line.hears("Hi,")
            assert 1.5 < now() - start < 2.6
            await line.hears("goodbye.")

        stage = Theatre(tmp_path, replies(GOODBYE), callee)
        report = await stage.call()
        assert report.ending is Ending.GOODBYE
        assert stage.model.prompts[0][-1] == Message("user", "(silence)")

    run(main())


LONG = (
    "I would like to order a large bouquet of red roses and white lilies for delivery on Friday afternoon please."
)


def test_an_interruption_stops_floyd_and_only_what_was_heard_is_kept(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Bloom Florist, hello.")
            await line.hears("bouquet of red")
            started = now()
            await line.say("Sorry, one second, who is this please?")
            assert line.clears == 1
            stopped_at = line.heard[-1][0]
            assert stopped_at - started < 1.0
            await line.hears("It is Floyd.")
            await line.hears_quiet()
            line.hang_up()

        stage = Theatre(tmp_path, replies([LONG], ["It is Floyd."], GOODBYE), callee)
        await stage.call()
        cut = next(line for line in stage.deployment.lines if line["interrupted"])
        assert cut["intended"] == LONG
        assert LONG.startswith(cut["text"])
        assert cut["text"] != LONG
        # The transcript holds what the far end's ear heard, to the word.
        heard = stage.line.all_heard.removeprefix(DISCLOSURE).split("It is")[0].split()
        assert abs(len(cut["text"].split()) - len(heard)) <= 1
        # And the model remembers no more than that.
        memory = [message.content for message in stage.model.prompts[-1]]
        assert any(message.endswith(cut["text"]) for message in memory)
        assert not any(LONG in message for message in memory)
        assert stage.transcript()[-2:] == [
            "callee: Sorry, one second, who is this please?",
            "floyd: It is Floyd.",
        ]

    run(main())


@pytest.mark.parametrize("murmur", ["Mm-hm.", "Okay.", "Yes, right."])
def test_a_back_channel_does_not_stop_floyd(tmp_path: Path, murmur: str) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Bloom Florist, hello.")
            await line.hears("bouquet of red")
            began = now()
            await line.say(murmur)
            assert line.clears == 1
            await line.hears("lilies")
            # It went on within half a second of the murmur's end, with the word in which it had stopped.
            assert now() - began < spoken_s(murmur) + spoken_s("of red roses and white lilies ") + 0.5
            await line.say(murmur)
            await line.hears("afternoon please.")
            # By then Floyd knew that this callee's murmurs are no interruptions.
            assert line.clears == 1
            await line.hears_quiet()
            await line.say("Sure, what is the address?")
            await line.hears("goodbye.")

        stage = Theatre(tmp_path, replies([LONG], GOODBYE), callee)
        report = await stage.call()
        assert report.ending is Ending.GOODBYE
        assert f"floyd: {LONG}" in stage.transcript()
        assert len(stage.model.prompts) == 2
        # All was heard, and no word twice but the one that was cut.
        heard = stage.line.all_heard.removeprefix(DISCLOSURE).split("Thank you")[0].split()
        assert len(heard) <= len(LONG.split()) + 1
        assert [word for word in LONG.split() if word not in heard] == [], heard

    run(main())


def test_a_voice_without_words_makes_floyd_pause_and_go_on(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Bloom Florist, hello.")
            await line.hears("bouquet of red")
            began = now()
            await line.noise(0.4)
            await line.hears("roses")
            assert now() - began < 0.4 + 0.25 + spoken_s("red roses ") + 0.1
            await line.hears("afternoon please.")
            assert line.clears == 1
            line.hang_up()

        stage = Theatre(tmp_path, replies([LONG]), callee)
        await stage.call()
        assert not any(line["interrupted"] for line in stage.deployment.lines)

    run(main())


def test_who_stopped_floyd_twice_with_its_own_words_stops_it_with_others_only(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Bloom Florist, hello.")
            await line.hears("would")
            for words, last in [
                ("would", "like"),
                ("like to", "order"),
                ("order a large bouquet of red", "Friday"),
            ]:
                await line.say(words)
                await line.hears(last)
            assert line.clears == 2
            await line.say("No, no deliveries.")
            assert line.clears == 3
            await line.hears("goodbye.")

        stage = Theatre(tmp_path, replies([LONG], GOODBYE), callee)
        report = await stage.call()
        assert report.ending is Ending.GOODBYE
        assert [line["intended"] for line in stage.deployment.lines if line["interrupted"]] == [LONG]

    run(main())


def test_a_long_noise_that_stops_floyd_does_not_end_the_conversation(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Bloom Florist, hello.")
            await line.hears("bouquet of red")
            await line.noise(1.4)
            await line.hears("As I said", within_s=4)
            line.hang_up()

        stage = Theatre(tmp_path, replies([LONG], ["As I said, roses."]), callee)
        report = await stage.call()
        assert report.ending is Ending.CALLEE_HUNG_UP

    run(main())


def test_who_says_floyds_words_with_it_does_not_interrupt_and_is_answered(tmp_path: Path) -> None:
    """It may be an echo. That it is none is known at the end."""

    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Bloom Florist, hello.")
            await line.hears("would")
            await line.say("like")
            await line.hears("afternoon please.")
            await line.hears("goodbye.")

        stage = Theatre(tmp_path, replies([LONG], GOODBYE), callee)
        report = await stage.call()
        assert report.ending is Ending.GOODBYE
        assert not any(line["interrupted"] for line in stage.deployment.lines)
        assert stage.transcript()[2:4] == [f"floyd: {LONG}", "callee: like"]

    run(main())


def test_who_chooses_what_floyd_has_named_interrupts_it(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Bloom Florist, hello.")
            await line.hears("white lilies")
            await line.say("White lilies.")
            await line.hears("goodbye.")

        stage = Theatre(tmp_path, replies([LONG], GOODBYE), callee)
        await stage.call()
        assert [line["intended"] for line in stage.deployment.lines if line["interrupted"]] == [LONG]
        assert "callee: White lilies." in stage.transcript()

    run(main())


def test_a_callee_who_pauses_is_not_talked_over(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello, front desk.")
            await line.hears("sick today.")
            await line.say("Let me see, she is in the")
            await asyncio.sleep(1.3)
            await line.say("class of Ms. Ortiz, right?")
            await line.hears("goodbye.")

        stage = Theatre(tmp_path, replies(["Mara is sick today."], GOODBYE), callee)
        await stage.call()
        assert stage.model.prompts[-1][-1].content == "Let me see, she is in the class of Ms. Ortiz, right?"
        # In a pause of over a second Floyd may begin to think, but it says nothing.
        assert len(stage.model.prompts) <= 3
        assert (
            sum(turn.get("discarded", 0) for turn in stage.deployment.turns.values())
            == len(stage.model.prompts) - 2
        )
        assert stage.line.clears == 0

    run(main())


def test_a_callee_who_goes_on_before_floyd_speaks_is_heard_out(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello, front desk.")
            await line.hears("sick today.")
            await line.say("I will tell her teacher.")
            await asyncio.sleep(0.6)
            await line.say("And which class is she in?")
            await line.hears("goodbye.")

        stage = Theatre(tmp_path, replies(["Mara is sick today."], ["Fine."], GOODBYE), callee)
        await stage.call()
        # The answer to the first half was thrown away unheard.
        assert "Fine." not in stage.line.all_heard
        assert stage.model.prompts[-1][-1].content == "I will tell her teacher. And which class is she in?"

    run(main())


def owner_says(answer: str | None, after_s: float) -> tuple[CallControl, list[str]]:
    asked: list[str] = []

    async def ask(question: str, call_id: str) -> str | None:
        asked.append(question)
        await asyncio.sleep(after_s)
        return answer

    return CallControl(ask), asked


def test_the_owner_is_asked_while_the_callee_holds(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Bloom Florist, hello.")
            await line.hears("roses please.")
            await line.say("What is your budget?")
            await line.hears("let me check.")
            await asyncio.sleep(3)
            await line.say("Are you there?")
            await asyncio.sleep(9)
            await line.say("Hello?")
            await line.hears("still checking.")
            await line.hears("sixty dollars.")
            line.hang_up()

        def script(messages: list[Message]) -> Sequence[Answer]:
            if "owner_answer" in "".join(message.content for message in messages[1:]):
                return ["Up to sixty dollars."]
            return (
                [tool("ask_owner", question="How much?")]
                if len(stage.model.prompts) > 1
                else ["Red roses please."]
            )

        stage = Theatre(tmp_path, script, callee)
        control, asked = owner_says("Up to sixty dollars", 16)
        await stage.call(control)
        assert asked == ["How much?"]
        stages = [args["stage"] for args in stage.deployment.of("requests:setStage")]
        assert stages == ["ringing", "talking", "onHold", "talking"]
        note = next(message for message in stage.model.prompts[-1] if "owner_answer" in message.content[:20])
        assert note == Message("system", '<owner_answer question="How much?">Up to sixty dollars</owner_answer>')
        # Answered once in the ten seconds, although the callee spoke twice.
        assert stage.transcript().count(f"floyd: {phrases.STILL_CHECKING}") == 1
        assert "callee: Are you there?" in stage.transcript()

    run(main())


@pytest.mark.parametrize(
    "reaction",
    [
        ["I will call you back. Goodbye.", tool("call_back_later", question="How much?")],
        ["I do not know."],
        [tool("ask_owner", question="How much, please?")],
    ],
    ids=["the model offers to call back", "the model forgets to", "the model asks again"],
)
def test_nobody_answers_so_floyd_calls_back(tmp_path: Path, reaction: Sequence[Answer]) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("What is your budget?")
            await line.hears("goodbye.", within_s=90)

        def script(messages: list[Message]) -> Sequence[Answer]:
            if any('expired="true"' in message.content for message in messages):
                return reaction
            return ["One moment please.", tool("ask_owner", question="How much?")]

        stage = Theatre(tmp_path, script, callee)
        control, _ = owner_says(None, 45)
        report = await stage.call(control)
        assert report.ending is Ending.CALL_BACK
        assert report.question == "How much?"
        # The model had asked to hold; code did not say it again, but did keep company.
        assert phrases.ONE_MOMENT not in stage.line.all_heard
        assert stage.line.all_heard.count("still checking.") == 3

    run(main())


def test_the_callee_hangs_up_while_holding_and_the_question_stays(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("What is your budget?")
            await line.hears("let me check.")
            await asyncio.sleep(2)
            line.hang_up()

        stage = Theatre(tmp_path, replies([tool("ask_owner", question="How much?")]), callee)
        control, _ = owner_says("sixty", 60)
        report = await stage.call(control)
        assert report.ending is Ending.CALLEE_HUNG_UP
        assert report.question == "How much?"

    run(main())


def test_keys_are_pressed_as_tones(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("For the office, press one.")
            await line.hears("Hi,")
            await line.hears_quiet(1.0)
            await line.say("Office, hello.")
            await line.hears("goodbye.")

        stage = Theatre(tmp_path, replies([tool("press_keys", keys="1")], GOODBYE), callee)
        report = await stage.call()
        assert report.ending is Ending.GOODBYE
        assert Message("system", "The keys 1 were pressed.") in stage.model.prompts[-1]

    run(main())


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (ToolCall("end_call", "{not json"), "not valid JSON"),
        (ToolCall("transfer_money", "{}"), 'no tool "transfer_money"'),
        (ToolCall("ask_owner", '{"question": 7}'), "question must be a text"),
        (ToolCall("press_keys", '{"keys": "call me"}'), "keys must be"),
    ],
)
def test_a_broken_tool_call_is_told_to_the_model_once(tmp_path: Path, broken: ToolCall, told: str) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello.")
            await line.hears("goodbye.")

        stage = Theatre(tmp_path, replies([broken], GOODBYE), callee)
        report = await stage.call()
        assert report.ending is Ending.GOODBYE
        assert any(message.role == "system" and told in message.content for message in stage.model.prompts[1])

    run(main())


@pytest.mark.parametrize(
    "answer",
    [[""], [ModelUnavailable("The model is away.")], [ToolCall("nothing", "")]],
    ids=["empty", "error", "broken tool"],
)
def test_a_model_that_fails_for_good_ends_politely(tmp_path: Path, answer: Sequence[Answer]) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello.")
            await line.hears("say that again?")
            await line.hears_quiet()
            await line.say("I said hello, who is it?")
            await line.hears("technical trouble")

        stage = Theatre(tmp_path, replies(answer), callee)
        report = await stage.call()
        assert report.ending is Ending.ERROR
        assert report.detail
        assert stage.line.all_heard.count("say that again?") == 1
        assert len(stage.model.prompts) == 4
        assert "have to hang up. Goodbye." in stage.line.all_heard

    run(main())


def test_a_model_that_fails_once_is_asked_again(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello.")
            await line.hears("goodbye.")

        stage = Theatre(tmp_path, replies([ModelUnavailable("away")], GOODBYE), callee)
        report = await stage.call()
        assert report.ending is Ending.GOODBYE
        assert phrases.SAY_AGAIN not in stage.line.all_heard

    run(main())


def test_a_model_that_repeats_itself_is_stopped(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello.")
            for times in (1, 2):
                await line.hears("you say.", times=times)
                await line.hears_quiet()
                await line.say("I said what do you want?")
            await line.hears("technical trouble")

        stage = Theatre(tmp_path, replies(["As you say."]), callee)
        report = await stage.call()
        assert report.ending is Ending.ERROR
        assert "over and over" in report.detail

    run(main())


def test_a_voice_that_dies_in_mid_call_ends_politely(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello.")
            await line.hears("sick today.")
            stage.voice.broken = True
            await line.say("Which class is she in?")
            await line.hears("technical trouble")

        stage = Theatre(tmp_path, replies(["Mara is sick today."], ["Class four B."]), callee)
        report = await stage.call()
        assert report.ending is Ending.ERROR
        assert "voice" in report.detail
        # The goodbye had been rendered while it rang.
        assert "have to hang up. Goodbye." in stage.line.all_heard

    run(main())


def test_without_a_voice_nothing_is_dialled(tmp_path: Path) -> None:
    async def main() -> None:
        stage = Theatre(tmp_path, replies(GOODBYE), school)
        stage.voice.broken = True
        report = await stage.call()
        assert report.ending is Ending.ERROR
        assert "voice" in report.detail
        assert stage.carrier.orders == []
        assert stage.deployment.of("calls:end") == [{"callId": "call1", "token": "lease1", "endReason": "error"}]

    run(main())


def test_the_disclosure_is_kept_on_disk(tmp_path: Path) -> None:
    async def main() -> None:
        stage = Theatre(tmp_path, replies(["Mara is home sick today."], GOODBYE), school)
        await stage.call()
        assert stage.voice.spoken.count(DISCLOSURE) == 1

    async def again() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.hears("calling for Alex Rivera.")

        stage = Theatre(tmp_path, replies(GOODBYE), callee)
        await stage.call()
        assert DISCLOSURE not in stage.voice.spoken

    run(main())
    run(again())


def test_a_recogniser_that_dies_for_good_ends_politely(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello.")
            await line.hears("sick today.")
            assert line.recognition is not None
            line.recognition.die()
            await line.hears("trouble hearing you,")

        stage = Theatre(tmp_path, replies(["Mara is sick today."]), callee)
        report = await stage.call()
        assert report.ending is Ending.ERROR
        assert "recogniser" in report.detail

    run(main())


def test_a_recogniser_that_can_not_be_opened_ends_politely(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None: ...

        stage = Theatre(tmp_path, replies(GOODBYE), callee)
        stage.recognizer.fails = 2
        report = await stage.call()
        assert report.ending is Ending.ERROR
        assert "trouble hearing you," in stage.line.all_heard

    run(main())


VOICEMAIL = "Hi, this is Dana. I can't come to the phone right now. Please leave a message after the beep."


@pytest.mark.parametrize("verdict", ["machine_end_beep", "machine_start", None], ids=str)
def test_a_voicemail_gets_one_message_after_its_greeting(tmp_path: Path, verdict: str | None) -> None:
    async def main() -> None:
        greeted_at = 0.0

        async def callee(line: PhoneLine) -> None:
            nonlocal greeted_at
            await line.say(VOICEMAIL)
            await line.noise(0.4)
            greeted_at = now()
            await line.hears("Goodbye.")

        def script(messages: list[Message]) -> Sequence[Answer]:
            assert (
                messages[0].content.startswith("<task>leave_message</task>") or "converse" in messages[0].content
            )
            if "leave_message" in messages[0].content[:30]:
                return ["Mara is home sick today. Goodbye."]
            return ["I should not be heard."]

        stage = Theatre(tmp_path, script, callee)
        stage.carrier.answered_by = verdict
        stage.carrier.answered_by_after_s = {"machine_end_beep": 8.0, "machine_start": 3.0}.get(verdict or "", 0)
        report = await stage.call()
        assert report.ending is Ending.VOICEMAIL
        assert stage.line.all_heard == f"{DISCLOSURE} Mara is home sick today. Goodbye."
        assert stage.line.heard[0][0] > greeted_at
        assert stage.transcript()[0] == f"callee: {VOICEMAIL}"

    run(main())


@pytest.mark.parametrize(
    ("status", "ending"),
    [
        (CarrierStatus.BUSY, Ending.BUSY),
        (CarrierStatus.NO_ANSWER, Ending.NO_ANSWER),
        (CarrierStatus.FAILED, Ending.FAILED),
        (CarrierStatus.COMPLETED, Ending.CALLEE_HUNG_UP),
    ],
)
def test_a_call_that_is_not_answered(tmp_path: Path, status: CarrierStatus, ending: Ending) -> None:
    async def main() -> None:
        stage = Theatre(tmp_path, replies(GOODBYE), school)
        stage.carrier.outcome = status
        report = await stage.call()
        assert report.ending is ending
        assert report.call_id == "call1"
        assert len(stage.carrier.orders) == 1
        assert [args["status"] for args in stage.deployment.of("calls:carrierStatus")] == ["ringing", status.value]
        assert stage.deployment.of("calls:end")[0]["endReason"] == ending.value

    run(main())


def test_an_answer_without_audio_is_hung_up(tmp_path: Path) -> None:
    async def main() -> None:
        stage = Theatre(tmp_path, replies(GOODBYE), school)
        stage.carrier.no_media = True
        report = await stage.call()
        assert report.ending is Ending.ERROR
        assert "no audio" in report.detail
        assert stage.carrier.hung_up == ["CA1"]

    run(main())


def test_a_refused_dial_says_why(tmp_path: Path) -> None:
    async def main() -> None:
        stage = Theatre(tmp_path, replies(GOODBYE), school)
        stage.carrier.place_error = DialRefused("The number is not in service.", "21211")
        report = await stage.call()
        assert (report.ending, report.detail) == (Ending.FAILED, "The number is not in service.")
        assert len(stage.carrier.orders) == 1

    run(main())


def test_a_dial_whose_answer_is_lost_is_adopted_and_never_repeated(tmp_path: Path) -> None:
    async def main() -> None:
        stage = Theatre(tmp_path, replies(["Mara is home sick today."], ["Class four B."], GOODBYE), school)
        stage.carrier.place_error = CarrierUnavailable("timed out")
        stage.carrier.exists_anyway = True
        report = await stage.call()
        assert report.ending is Ending.GOODBYE
        assert len(stage.carrier.orders) == 1
        assert stage.carrier.hung_up == ["CA1"]

    run(main())


def test_a_dial_that_never_reached_the_carrier_fails(tmp_path: Path) -> None:
    async def main() -> None:
        stage = Theatre(tmp_path, replies(GOODBYE), school)
        stage.carrier.place_error = CarrierUnavailable("no route")
        report = await stage.call()
        assert report.ending is Ending.FAILED
        assert len(stage.carrier.orders) == 1

    run(main())


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (FunctionError("POLICY_BLOCKED", "This number asked not to be called"), Ending.POLICY_BLOCKED),
        (FunctionError("CONFLICT", "Another call has not ended"), Ending.ERROR),
    ],
)
def test_what_the_database_does_not_permit_is_not_dialled(
    tmp_path: Path, error: FunctionError, ending: Ending
) -> None:
    async def main() -> None:
        stage = Theatre(tmp_path, replies(GOODBYE), school)
        stage.deployment.refuse_begin = error
        report = await stage.call()
        assert (report.ending, report.detail) == (ending, error.message)
        assert stage.carrier.orders == []

    run(main())


def test_silence_is_asked_about_twice_and_then_ended(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello?")
            await asyncio.sleep(300)

        stage = Theatre(tmp_path, replies(["Mara is home sick today."]), callee)
        start = now()
        report = await stage.call()
        assert report.ending is Ending.SILENT
        assert stage.line.all_heard.count("still there?") == 2
        assert "hang up now. Goodbye." in stage.line.all_heard
        assert 25 < now() - start < 60

    run(main())


def test_a_long_call_is_wrapped_up(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            for number in itertools.count():
                await line.say(f"And another thing, number {number}, what about that?")
                await line.hears_quiet(3)

        numbers = itertools.count()
        stage = Theatre(tmp_path, lambda messages: [f"I see, that is {next(numbers)}."], callee)
        start = now()
        report = await stage.call(max_minutes=2)
        assert report.ending is Ending.TOO_LONG
        assert "have to end this call now." in stage.line.all_heard
        assert 115 < now() - start < 145
        assert any("nearly over" in message.content for message in stage.model.prompts[-1])

    run(main())


def test_a_model_that_hangs_does_not_hold_the_line(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello?")
            await line.hears("say that again?")
            await line.hears_quiet()
            await line.say("I said hello?")
            await asyncio.sleep(300)

        stage = Theatre(tmp_path, replies([None]), callee)
        start = now()
        report = await stage.call()
        assert report.ending is Ending.ERROR
        assert "did not answer in time" in report.detail
        assert now() - start < 70

    run(main())


def test_a_line_without_frames_is_dropped(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello?")
            line.frozen = True
            await asyncio.sleep(300)

        stage = Theatre(tmp_path, replies(GOODBYE), callee)
        report = await stage.call()
        assert report.ending is Ending.DROPPED
        assert stage.carrier.hung_up == ["CA1"]

    run(main())


@pytest.mark.parametrize(("clean", "ending"), [(True, Ending.CALLEE_HUNG_UP), (False, Ending.DROPPED)])
def test_a_hang_up_and_a_broken_line_are_told_apart(tmp_path: Path, clean: bool, ending: Ending) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello.")
            await line.hears("Mara is")
            line.hang_up(clean=clean)

        stage = Theatre(tmp_path, replies(["Mara is home sick today."]), callee)
        report = await stage.call()
        assert report.ending is ending
        # What was heard of the sentence until then is kept.
        assert stage.deployment.lines[-1]["interrupted"]
        assert stage.deployment.lines[-1]["text"].startswith("Mara is")

    run(main())


def test_the_callees_last_words_are_kept(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello.")
            await line.hears("sick today.")
            await line.say("All right, I have written it down for her")
            await asyncio.sleep(0.15)
            line.hang_up()

        stage = Theatre(tmp_path, replies(["Mara is sick today."]), callee)
        report = await stage.call()
        assert report.lines[-1].text == "All right, I have written it down for her"

    run(main())


@pytest.mark.parametrize(
    ("reason", "ending"), [(StopReason.CANCELLED, Ending.CANCELLED), (StopReason.LEASE_LOST, Ending.LEASE_LOST)]
)
@pytest.mark.parametrize("when", ["before", "ringing", "talking"])
def test_a_stop_hangs_up_at_once(tmp_path: Path, reason: StopReason, ending: Ending, when: str) -> None:
    async def main() -> None:
        control = CallControl(owner_says(None, 1)[0].ask_owner)

        async def callee(line: PhoneLine) -> None:
            await line.say("Hello.")
            await line.hears("Mara is")
            stopped_at = now()
            control.stop.set_result(reason)
            await asyncio.sleep(0.2)
            assert line.closed
            assert now() - stopped_at < 0.5

        stage = Theatre(tmp_path, replies(["Mara is home sick today."]), callee)
        if when == "before":
            control.stop.set_result(reason)
        elif when == "ringing":
            asyncio.get_running_loop().call_later(5.0, control.stop.set_result, reason)
            stage.carrier.rings_s = 20
        report = await stage.call(control)
        assert report.ending is ending
        assert stage.carrier.hung_up == ([] if when == "before" else ["CA1"])

    run(main())


def test_a_stop_while_the_dial_is_under_way_hangs_up_what_was_dialled(tmp_path: Path) -> None:
    async def main() -> None:
        control = CallControl(owner_says(None, 1)[0].ask_owner)
        stage = Theatre(tmp_path, replies(GOODBYE), school)
        stage.carrier.place_s = 6.0
        asyncio.get_running_loop().call_later(5.0, control.stop.set_result, StopReason.CANCELLED)
        report = await stage.call(control)
        assert report.ending is Ending.CANCELLED
        assert len(stage.carrier.orders) == 1
        assert stage.carrier.hung_up == ["CA1"]
        assert stage.deployment.of("calls:dialed")[0]["callSid"] == "CA1"

    run(main())


def test_a_drain_says_goodbye_first(tmp_path: Path) -> None:
    async def main() -> None:
        control = CallControl(owner_says(None, 1)[0].ask_owner)

        async def callee(line: PhoneLine) -> None:
            await line.say("Hello.")
            await line.hears("Mara is")
            control.stop.set_result(StopReason.DRAIN)
            await line.hears("we'll call back. Goodbye.")

        stage = Theatre(tmp_path, replies(["Mara is home sick today."]), callee)
        report = await stage.call(control)
        assert report.ending is Ending.DRAINED

    run(main())


def test_cancelling_the_task_hangs_up(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello.")
            await line.hears("Mara is")
            placing.cancel()
            await asyncio.sleep(1)

        stage = Theatre(tmp_path, replies(["Mara is home sick today."]), callee)
        placing = asyncio.create_task(stage.call())
        with pytest.raises(asyncio.CancelledError):
            await placing
        assert stage.carrier.hung_up == ["CA1"]
        assert stage.deployment.of("calls:end")[0]["endReason"] == "cancelled"

    run(main())


def test_a_lost_lease_that_a_write_finds_hangs_up(tmp_path: Path) -> None:
    async def main() -> None:
        stage = Theatre(tmp_path, replies(["Mara is home sick today."]), school)
        stage.deployment.lease_lost = True
        report = await stage.call()
        assert report.ending is Ending.LEASE_LOST

    run(main())


def test_a_hang_up_is_tried_again(tmp_path: Path) -> None:
    async def main() -> None:
        stage = Theatre(tmp_path, replies(["Mara is home sick today."], ["Class four B."], GOODBYE), school)
        stage.carrier.hang_up_fails = 3
        report = await stage.call()
        assert report.ending is Ending.GOODBYE
        assert stage.carrier.hung_up == ["CA1"]

    run(main())


def test_a_database_that_goes_away_in_mid_call_gets_every_line_once(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello.")
            await line.hears("one.")
            stage.deployment.away = True
            gone_at = now()
            for word in ("two.", "three.", "four."):
                await line.hears_quiet(2)
                await line.say(f"What comes then, before {word}")
                await line.hears(word)
            assert now() - gone_at > 15
            asyncio.get_running_loop().call_later(20, come_back)
            line.hang_up()

        def come_back() -> None:
            stage.deployment.away = False
            stage.deployment.lose_answers = 2

        stage = Theatre(
            tmp_path, replies(["Number one."], ["Number two."], ["Number three."], ["Number four."]), callee
        )
        report = await stage.call()
        assert [line["seq"] for line in stage.deployment.lines] == list(range(9))
        assert [line["text"] for line in stage.deployment.lines] == [line.text for line in report.lines]
        assert stage.deployment.of("calls:end")

    run(main())


@pytest.mark.parametrize(("calls", "interval_s"), [(1, 0.2), (12, 0.2), (30, 0.5), (60, 1.0)])
def test_live_words_of_many_calls_come_less_often(calls: int, interval_s: float) -> None:
    assert LivePace(calls).interval_s == pytest.approx(interval_s)


def test_live_words_come_at_most_five_times_a_second(tmp_path: Path) -> None:
    async def main() -> None:
        stage = Theatre(tmp_path, replies(["Mara is home sick today."], ["Class four B."], GOODBYE), school)
        times: list[float] = []
        write = stage.deployment.mutation

        async def noted(path: str, args: dict[str, Any], *, patience_s: float = 5) -> Any:
            if path == "live:set":
                times.append(now())
            return await write(path, args, patience_s=patience_s)

        stage.deployment.mutation = noted  # type: ignore[method-assign]
        await stage.call()
        assert len(times) > 10
        assert all(later - earlier >= 0.2 for earlier, later in itertools.pairwise(times))
        assert {args["speaker"] for args in stage.deployment.of("live:set")} == {"floyd", "callee"}

    run(main())


def test_a_media_socket_needs_the_token_and_gets_in_once(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello.")
            for call_id, sid, token in [
                ("call1", "CA1", stage.token),  # used
                ("call1", "CA1", "guess"),
                ("call1", "CA2", stage.token),
                ("call2", "CA1", stage.token),
            ]:
                with pytest.raises(MediaRefused):
                    await stage.calls.run_media(call_id, sid, token, PhoneLine())
            assert stage.calls.media_token("call1", "CA2") is None
            assert stage.calls.media_token("call2", "CA1") is None
            await line.hears("goodbye.")

        stage = Theatre(tmp_path, replies(GOODBYE), callee)
        report = await stage.call()
        assert report.ending is Ending.GOODBYE
        assert stage.calls.media_token("call1", "CA1") is None

    run(main())


def test_money_above_the_limit_is_not_agreed_to(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("That would be eighty-five dollars, all right?")
            await line.hears("check that with Alex Rivera first.")
            await line.hears("goodbye.")

        def script(messages: list[Message]) -> Sequence[Answer]:
            if "owner_answer" in "".join(message.content for message in messages[1:]):
                return GOODBYE
            return ["Yes, eighty-five dollars is fine, please book it.", tool("end_call", reason="done")]

        stage = Theatre(tmp_path, script, callee)
        control, asked = owner_says("No, that is too much", 1)
        await stage.call(control, max_spend_usd=60)
        assert asked == ["It would cost $85, and the limit is $60. Shall I agree? If so, up to which amount?"]
        assert "eighty-five dollars is fine" not in stage.line.all_heard

    run(main())


def test_a_model_that_insists_on_what_the_owner_refused_calls_back(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("That would be eighty-five dollars, all right?")
            await line.hears("call you back.")
            await line.hears("goodbye.")

        stage = Theatre(tmp_path, replies(["Yes, eighty-five dollars is fine."]), callee)
        control, asked = owner_says("No", 1)
        report = await stage.call(control, max_spend_usd=60)
        assert len(asked) == 1
        assert report.ending is Ending.CALL_BACK
        assert "dollars is fine" not in stage.line.all_heard

    run(main())


def test_a_line_that_is_never_quiet_is_still_a_conversation(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            hum = asyncio.create_task(line.noise(120))
            await line.say("Hello, front desk.")
            await line.hears("sick today.", within_s=60)
            await line.say("Which class is she in?")
            await line.hears("goodbye.")
            hum.cancel()

        stage = Theatre(tmp_path, replies(["Mara is sick today."], GOODBYE), callee)
        report = await stage.call()
        assert report.ending is Ending.GOODBYE
        assert not any(line["interrupted"] for line in stage.deployment.lines)

    run(main())


def test_what_the_callee_says_during_the_disclosure_is_answered(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello?")
            await line.hears("AI assistant")
            await line.say("Sorry, we do not talk to robots.")
            await line.hears("goodbye.")

        stage = Theatre(tmp_path, replies(["I should not be heard."], GOODBYE), callee)
        report = await stage.call()
        assert report.ending is Ending.GOODBYE
        # The disclosure is not interrupted, and the answer that was prepared is not given.
        assert stage.line.all_heard == f"{DISCLOSURE} Thank you, goodbye."

    run(main())


def test_a_last_question_after_the_goodbye_is_answered(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello?")
            await line.hears("goodbye.")
            await line.say("Wait, which class is she in?")
            await line.hears("four B.")
            line.hang_up()

        stage = Theatre(tmp_path, replies(GOODBYE, ["Class four B."]), callee)
        report = await stage.call()
        assert report.ending is Ending.CALLEE_HUNG_UP

    run(main())


def test_a_callee_who_hangs_up_during_the_goodbye_has_heard_it(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello?")
            await line.hears("Thank you,")
            line.hang_up()

        stage = Theatre(tmp_path, replies(GOODBYE), callee)
        report = await stage.call()
        assert (report.ending, report.reason) == (Ending.GOODBYE, "done")

    run(main())


def test_the_callees_own_goodbye_is_kept(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello?")
            await line.hears("goodbye.")
            await asyncio.sleep(0.3)
            await line.say("You too, bye bye.")
            await asyncio.sleep(2)

        stage = Theatre(tmp_path, replies(GOODBYE), callee)
        report = await stage.call()
        assert report.ending is Ending.GOODBYE
        assert report.lines[-1].text == "You too, bye bye."

    run(main())


def test_a_fact_to_be_asked_about_is_not_told_before_the_owner_agrees(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("What is her home address?")
            await line.hears("Elm Street.")

        stage = Theatre(tmp_path, replies(["She lives at 12 Elm Street."]), callee)
        control, asked = owner_says("Yes", 1)
        await stage.call(control, facts=(Fact("The Riveras live at 12 Elm Street", "ask"),))
        assert len(asked) == 1
        assert "12 Elm Street" in asked[0]
        heard = stage.line.all_heard
        assert heard.index("One moment") < heard.index("Elm Street.")

    run(main())


def test_a_recording_is_written_when_switched_on(tmp_path: Path) -> None:
    async def main() -> CallReport:
        stage = Theatre(tmp_path, replies(["Mara is home sick today."], ["Class four B."], GOODBYE), school)
        return await stage.call(record=True)

    run(main())
    assert (tmp_path / "recordings" / "call1.wav").stat().st_size > 100_000


def test_no_recording_is_written_otherwise(tmp_path: Path) -> None:
    async def main() -> CallReport:
        stage = Theatre(tmp_path, replies(["Mara is home sick today."], ["Class four B."], GOODBYE), school)
        return await stage.call()

    run(main())
    assert not (tmp_path / "recordings").exists()
