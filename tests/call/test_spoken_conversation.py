"""Conversations held by a session that hears, thinks and speaks: they go as those of recogniser, model and voice,
and the session knows no more than what was heard."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import test_conversation as conversations
from spoken_stage import SpokenTheatre
from stage import Answer, PhoneLine, now, tool
from test_conversation import GOODBYE, LONG, VOICEMAIL, owner_says, replies, school
from virtual_time import run

from worker.call import phrases
from worker.call.contract import Ending
from worker.model.language_model import Message, ToolCall

DISCLOSURE = phrases.disclosure("Alex Rivera")


@pytest.mark.parametrize(
    "behaviour",
    [
        conversations.test_the_school_is_told,
        conversations.test_floyd_does_not_talk_over_the_greeting,
        conversations.test_a_silent_pick_up_is_spoken_to,
        conversations.test_an_interruption_stops_floyd_and_only_what_was_heard_is_kept,
        conversations.test_a_voice_without_words_makes_floyd_pause_and_go_on,
        conversations.test_a_long_noise_that_stops_floyd_does_not_end_the_conversation,
        conversations.test_a_callee_who_pauses_is_not_talked_over,
        conversations.test_the_owner_is_asked_while_the_callee_holds,
        conversations.test_the_callee_hangs_up_while_holding_and_the_question_stays,
        conversations.test_keys_are_pressed_as_tones,
        conversations.test_a_model_that_fails_once_is_asked_again,
        conversations.test_a_model_that_repeats_itself_is_stopped,
        conversations.test_a_recogniser_that_dies_for_good_ends_politely,
        conversations.test_a_recogniser_that_can_not_be_opened_ends_politely,
        conversations.test_silence_is_asked_about_twice_and_then_ended,
        conversations.test_a_long_call_is_wrapped_up,
        conversations.test_a_model_that_hangs_does_not_hold_the_line,
        conversations.test_a_drain_says_goodbye_first,
        conversations.test_money_above_the_limit_is_not_agreed_to,
        conversations.test_a_model_that_insists_on_what_the_owner_refused_calls_back,
        conversations.test_a_line_that_is_never_quiet_is_still_a_conversation,
        conversations.test_what_the_callee_says_during_the_disclosure_is_answered,
        conversations.test_a_last_question_after_the_goodbye_is_answered,
        conversations.test_a_fact_to_be_asked_about_is_not_told_before_the_owner_agrees,
    ],
)
def test_as_with_recogniser_model_and_voice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: Callable[[Path], None]
) -> None:
    monkeypatch.setattr(conversations, "Theatre", SpokenTheatre)
    behaviour(tmp_path)


@pytest.mark.parametrize("murmur", ["Mm-hm.", "Yes, right."])
def test_a_back_channel_does_not_stop_floyd(tmp_path: Path, murmur: str) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Bloom Florist, hello.")
            await line.hears("bouquet of red")
            await line.say(murmur)
            await line.hears("afternoon please.")
            await line.hears_quiet()
            await line.say("Sure, what is the address?")
            await line.hears("goodbye.")

        stage = SpokenTheatre(tmp_path, replies([LONG], GOODBYE), callee)
        report = await stage.call()
        assert report.ending is Ending.GOODBYE
        assert f"floyd: {LONG}" in stage.transcript()
        assert [answer.verdict for answer in stage.session.answers] == [None, None]

    run(main())


def test_a_broken_tool_call_is_told_to_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "Theatre", SpokenTheatre)
    conversations.test_a_broken_tool_call_is_told_to_the_model_once(
        tmp_path, ToolCall("end_call", "{not json"), "not valid JSON"
    )


def test_the_session_hears_of_what_code_says_and_speaks_the_rest(tmp_path: Path) -> None:
    async def main() -> None:
        stage = SpokenTheatre(
            tmp_path, replies(["Mara Rivera is home sick today."], ["She is in class four B."], GOODBYE), school
        )
        report = await stage.call()
        assert report.ending is Ending.GOODBYE
        # By other means than the session, only the disclosure was said.
        assert stage.session.told == [Message("assistant", DISCLOSURE)]
        assert "Mara Rivera is home sick today." not in stage.voice.spoken
        # It was told once, before the answer that was prepared meanwhile; all of that was heard.
        assert stage.model.prompts[0][1:] == [
            Message("user", "Lincoln Elementary, this is Dana speaking."),
            Message("assistant", DISCLOSURE),
            Message("user", "(silence)"),
        ]
        assert [answer.verdict for answer in stage.session.answers if answer.entry.text] == [None] * 3

    run(main())


class LateTheatre(SpokenTheatre):
    late = True


@pytest.mark.parametrize(
    "behaviour",
    [
        conversations.test_the_school_is_told,
        conversations.test_an_interruption_stops_floyd_and_only_what_was_heard_is_kept,
        conversations.test_a_long_noise_that_stops_floyd_does_not_end_the_conversation,
        conversations.test_the_owner_is_asked_while_the_callee_holds,
        conversations.test_silence_is_asked_about_twice_and_then_ended,
        conversations.test_money_above_the_limit_is_not_agreed_to,
        conversations.test_what_the_callee_says_during_the_disclosure_is_answered,
        conversations.test_a_last_question_after_the_goodbye_is_answered,
    ],
)
def test_it_is_the_same_when_words_are_known_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: Callable[[Path], None]
) -> None:
    monkeypatch.setattr(conversations, "Theatre", LateTheatre)
    behaviour(tmp_path)


def test_a_pause_between_sentences_is_no_end_while_words_are_awaited(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello, front desk.")
            await line.hears("sick today.")
            await line.say("I think so.")
            await asyncio.sleep(0.9)
            await line.say("But call me tomorrow again please, around nine.")
            await line.hears("goodbye.")

        stage = LateTheatre(tmp_path, replies(["Mara is sick today."], ["Fine, then."], GOODBYE), callee)
        await stage.call()
        said = "I think so. But call me tomorrow again please, around nine."
        assert stage.model.prompts[-1][-1].content == said
        assert f"callee: {said}" in stage.transcript()
        assert "Fine" not in stage.line.all_heard

    run(main())


def test_an_interruption_cuts_the_sessions_memory_where_playback_stopped(tmp_path: Path) -> None:
    async def main() -> None:
        heard_at = 0.0

        async def callee(line: PhoneLine) -> None:
            nonlocal heard_at
            await line.say("Bloom Florist, hello.")
            await line.hears("bouquet of red")
            heard_at = now()
            await line.say("Sorry, one second, who is this please?")
            await line.hears("It is Floyd.")
            await line.hears_quiet()
            line.hang_up()

        stage = SpokenTheatre(tmp_path, replies([LONG], ["It is Floyd."], GOODBYE), callee)
        await stage.call()
        cut = stage.session.answers[0]
        line = next(line for line in stage.deployment.lines if line["interrupted"])
        assert line["text"] == "I would like to order a large bouquet of red"
        # The audio up to the last word that was heard, to some 50 ms.
        assert cut.verdict == pytest.approx(len(line["text"]) / 15, abs=0.08)
        assert cut.entry.text == line["text"]
        assert LONG not in " ".join(message.content for message in stage.model.prompts[-1])

    run(main())


def test_a_clause_that_may_not_be_spoken_is_not_heard(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Bloom Florist, hello.")
            await line.hears("please?")
            await line.say("That would be eighty-five dollars, all right?")
            await line.hears("check that with Alex Rivera first.")
            await line.hears("goodbye.")

        first = "Could I have a bouquet of roses for tomorrow, please?"
        agrees = (
            "Well, thank you for looking that up so quickly and for telling me. "
            "Yes, eighty-five dollars is fine, please book it. I am looking forward to it very much."
        )
        answers: Iterator[Sequence[Answer]] = itertools.chain(
            [[first], [agrees, tool("end_call", reason="done")]], itertools.repeat(GOODBYE)
        )
        given: list[Sequence[Answer]] = []

        def script(messages: list[Message]) -> Sequence[Answer]:
            given.append(next(answers))
            return given[-1]

        stage = SpokenTheatre(tmp_path, script, callee)
        control, asked = owner_says("No, that is too much", 1)
        report = await stage.call(control, max_spend_usd=60)
        assert report.ending is Ending.GOODBYE
        assert len(asked) == 1
        heard = stage.line.all_heard
        assert "eighty-five" not in heard
        assert "Yes" not in heard
        # What was being played already, before it was written, was something else.
        before = heard.partition(first)[2].partition("I'd have to check")[0].strip()
        assert agrees.startswith(before)
        breach = stage.session.answers[1]
        assert breach.stopped.is_set()
        assert breach.verdict is not None
        assert "eighty-five" not in breach.entry.text
        # The session knows what was said instead, and what the owner answered.
        told = [(message.role, message.content) for message in stage.session.told]
        assert ("assistant", phrases.check_first("Alex Rivera")) in told
        assert any(role == "system" and "No, that is too much" in text for role, text in told)
        # And the transcript is what was heard.
        said = [line["text"] for line in stage.deployment.lines if line["speaker"] == "floyd"]
        assert " ".join(said) == heard

    run(main())


def test_an_answer_thrown_away_leaves_nothing_behind(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello, front desk.")
            await line.hears("sick today.")
            await line.say("I will tell her teacher.")
            await asyncio.sleep(0.35)
            await line.say("And which class is she in?")
            await line.hears("goodbye.")

        stage = SpokenTheatre(tmp_path, replies(["Mara is sick today."], ["Fine."], GOODBYE), callee)
        await stage.call()
        assert "Fine." not in stage.line.all_heard
        assert stage.session.answers[1].verdict == 0.0
        last = stage.model.prompts[-1]
        assert last[-1].content == "I will tell her teacher. And which class is she in?"
        assert "Fine" not in " ".join(message.content for message in last)

    run(main())


def test_a_filler_is_told_apart_from_the_answer(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say("Hello, front desk.")
            await line.hears("sick today.")
            stage.model.first_token_s = 3.5
            await line.say("Which class is she in?")
            await line.hears("four B.")
            await line.hears_quiet()
            line.hang_up()

        stage = SpokenTheatre(tmp_path, replies(["Mara is sick today."], ["She is in class four B."]), callee)
        await stage.call()
        filler = stage.session.told[-1]
        assert filler.role == "assistant"
        assert filler.content in phrases.READY_MADE
        assert stage.session.answers[-1].verdict is None
        assert stage.transcript()[-1] == f"floyd: {filler.content} She is in class four B."

    run(main())


def test_a_voicemail_gets_its_message_from_the_session(tmp_path: Path) -> None:
    async def main() -> None:
        async def callee(line: PhoneLine) -> None:
            await line.say(VOICEMAIL)
            await line.noise(0.4)
            await line.hears("Goodbye.")

        def script(messages: list[Message]) -> Sequence[Answer]:
            leaving = messages[0].content.startswith("<task>leave_message</task>")
            return ["Mara is home sick today. Goodbye."] if leaving else ["I should not be heard."]

        stage = SpokenTheatre(tmp_path, script, callee)
        report = await stage.call()
        assert report.ending is Ending.VOICEMAIL
        assert stage.line.all_heard == f"{DISCLOSURE} Mara is home sick today. Goodbye."
        assert stage.session.answers[-1].prompt.tools == ()

    run(main())


def test_a_new_session_can_be_told_what_was_said(tmp_path: Path) -> None:
    async def main() -> None:
        remembered: list[Message] = []

        async def callee(line: PhoneLine) -> None:
            await line.say("Hello, front desk.")
            await line.hears("sick today.")
            await line.hears_quiet()
            speaking = asyncio.create_task(line.say("Which class is she in, if I may ask you that?"))
            await line.say("Well.")
            await asyncio.sleep(0.4)
            remembered.extend(stage.session.recall())
            await speaking
            await line.hears("goodbye.")

        stage = SpokenTheatre(tmp_path, replies(["Mara is sick today."], GOODBYE), callee)
        await stage.call()
        assert remembered == [
            Message("user", "Hello, front desk."),
            Message("assistant", DISCLOSURE),
            Message("assistant", "Mara is sick today."),
            Message("user", "Well."),
        ]

    run(main())
