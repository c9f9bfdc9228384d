"""What becomes of a request: the real daemon on a real deployment, from claim to outcome."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

from deployment_process import DeploymentProcess
from house import SCHOOL, Model, Placed, chat, house, unavailable, within

from worker.call.contract import CallReport, Ending


async def test_a_request_is_called_and_told_truthfully(deployment: DeploymentProcess) -> None:
    async with house(deployment, chat) as home:
        request_id = await home.ask()
        request = await home.until(request_id, "completed", "failed")
        shown = await home.show(request_id)
    assert request["outcome"]["kind"] == "done"
    assert request["outcome"]["summary"] == "They know."
    [fact] = request["outcome"]["reported"]
    assert (fact["text"], fact["lines"], fact["confirmed"]) == ("Noted.", [1], True)
    assert request["number"] == {"phone": SCHOOL, "source": "contact", "name": "Lincoln Elementary"}
    assert request["plan"] == "Say that Mara is ill."
    assert request["planDone"] is True
    assert [item["text"] for item in request["context"]] == ["Mara is in 4B"]
    assert [call["attempt"] for call in shown["calls"]] == [1]
    assert [line["speaker"] for line in shown["transcript"]] == ["floyd", "callee"]


async def test_pending_becomes_in_flight_in_tens_of_milliseconds(deployment: DeploymentProcess) -> None:
    async with house(deployment, chat) as home:
        home.model.gate = asyncio.Event()
        first = await home.ask("Warm-up")
        await home.until(first, "inFlight")
        began = time.monotonic()
        second = await home.ask("Measured")
        await home.until(second, "inFlight")
        took = time.monotonic() - began
        home.model.gate.set()
        await home.until(first, "completed")
        await home.until(second, "completed")
    # Filing, claiming and telling a client together; a bound for a busy machine, not the typical time.
    assert took < 1.0


async def test_only_free_facts_reach_the_model(deployment: DeploymentProcess) -> None:
    async with house(deployment, chat, Model(choose_facts="I cannot do that")) as home:
        await home.until(await home.ask(), "completed")
        seen = home.model.seen()
        told = [fact.text for fact in home.line.placed[0].brief.facts]
    assert told == ["Mara is in 4B", "Alex works from home"]
    assert "Rent" not in seen
    assert "1357" not in seen


async def test_without_a_model_the_call_is_made_all_the_same(deployment: DeploymentProcess) -> None:
    down = unavailable()
    model = Model(choose_facts=down, plan=down, find_number=down, wrap_up=down)
    async with house(deployment, chat, model) as home:
        request = await home.until(await home.ask(), "completed", "failed")
    assert request["plan"] == "Call the school: Mara is ill"
    assert request["number"]["phone"] == SCHOOL
    assert request["outcome"]["kind"] == "done"
    assert "could not be summed up" in request["outcome"]["summary"]
    assert request["outcome"]["reported"] == []


async def test_no_number_asks_the_owner_and_the_answer_is_called(deployment: DeploymentProcess) -> None:
    model = Model(find_number='{"contact": null}')
    async with house(deployment, chat, model) as home:
        request_id = await home.ask("Ask the florist for tulips")
        request = await home.until(request_id, "needsInput")
        assert not home.line.placed
        [question] = (await home.show(request_id))["questions"]
        assert question["text"].startswith("What number should I call for “Ask the florist for tulips”?")
        assert request["status"] == "needsInput"
        await home.person.mutation(
            "questions:answer", {"id": request_id, "text": "It is (415) 555-0177, ask for Ana"}
        )
        request = await home.until(request_id, "completed", "failed")
    assert request["number"] == {"phone": "+14155550177", "source": "owner"}
    assert home.line.placed[0].brief.answers[0].answer == "It is (415) 555-0177, ask for Ana"


async def test_a_number_the_model_made_up_is_not_called(deployment: DeploymentProcess) -> None:
    async with house(deployment, chat, Model(find_number='{"phone": "+14155550199"}')) as home:
        request = await home.until(await home.ask("Order a pizza from the place downtown"), "needsInput")
        assert not home.line.placed
    assert "number" not in request


async def test_a_number_that_may_not_be_called_ends_the_request(deployment: DeploymentProcess) -> None:
    async with house(deployment, chat, Model(find_number='{"phone": "+19005550123"}')) as home:
        request = await home.until(await home.ask("Call +1 900 555 0123 and ask who it is"), "failed", "completed")
        assert not home.line.placed
    assert request["outcome"]["kind"] == "policyBlocked"
    assert "the number is a premium-rate number" in request["outcome"]["summary"]


async def test_the_override_replaces_every_number(deployment: DeploymentProcess) -> None:
    async with house(deployment, chat, override="+14155550111") as home:
        request = await home.until(await home.ask(to="+14155550122"), "completed")
    assert request["number"]["phone"] == "+14155550111"
    assert request["number"]["source"] == "override"
    assert home.line.placed[0].brief.to == "+14155550111"


async def test_call_hours_that_end_while_a_call_is_prepared_put_it_off_until_its_owner_says_now(
    deployment: DeploymentProcess,
) -> None:
    now = datetime.now(UTC)
    begin, end = (f"{now - timedelta(minutes=minutes):%H:%M}" for minutes in (20, 5))
    over = {"timezone": "UTC", "callHours": {"from": begin, "to": end}}
    async with house(deployment, chat) as home:
        home.model.gate = asyncio.Event()
        request_id = await home.ask()
        await home.until(request_id, "inFlight")
        await home.person.mutation("users:update", over)
        home.model.gate.set()
        request = await home.until(request_id, "pending")
        assert request["number"]["phone"] == SCHOOL
        assert request["notBefore"] > time.time() * 1000 + 3_600_000
        assert not home.line.placed
        await home.person.mutation("requests:callAt", {"requestId": request_id, "at": time.time() * 1000})
        request = await home.until(request_id, "completed", "failed")
    assert request["outcome"]["kind"] == "done"
    assert len(home.line.placed) == 1


async def test_call_back_waits_for_the_owner_and_the_second_call_knows_the_first(
    deployment: DeploymentProcess,
) -> None:
    async def asks_for_the_budget(call: Placed) -> CallReport:
        if call.brief.earlier:
            return await chat(call)
        await call.say("floyd", "Tulips, please.")
        await call.say("callee", "What is your budget?")
        return call.report(Ending.CALL_BACK, question="How much may the tulips cost?")

    async with house(deployment, asks_for_the_budget) as home:
        request_id = await home.ask()
        request = await home.until(request_id, "needsInput")
        assert request["outcome"]["kind"] == "needsInput"
        assert request["outcome"]["reported"][0]["lines"] == [1]
        await home.person.mutation("questions:answer", {"id": request_id, "text": "Sixty dollars"})
        request = await home.until(request_id, "completed", "failed")
        brief = home.line.placed[1].brief
    assert request["outcome"]["kind"] == "done"
    assert [line.text for line in brief.earlier[0].lines] == ["Tulips, please.", "What is your budget?"]
    assert brief.answers[0].answer == "Sixty dollars"
    assert len(home.line.placed) == 2


async def test_the_owner_answers_while_the_callee_holds(deployment: DeploymentProcess) -> None:
    answers: list[str | None] = []

    async def holds(call: Placed) -> CallReport:
        await call.say("callee", "What is your budget?")
        answers.append(await call.control.ask_owner("How much may it cost?", call.call_id))
        return await chat(call)

    async with house(deployment, holds) as home:
        request_id = await home.ask()
        await home.until_true(request_id, lambda row: bool(row["questions"]))
        [question] = (await home.show(request_id))["questions"]
        await home.person.mutation("questions:answer", {"id": question["_id"], "text": "Sixty"})
        request = await home.until(request_id, "completed", "failed", "needsInput")
    assert answers == ["Sixty"]
    assert request["status"] == "completed"


async def test_what_was_learnt_is_offered_with_its_lines(deployment: DeploymentProcess) -> None:
    wrap_up = (
        '{"kind": "done", "summary": "Fine.", "reported": [{"text": "Made up", "lines": [0, 7]}],'
        ' "learnt": [{"text": "The office opens at 8", "lines": [1]}, {"text": "Floyd is clever", "lines": [0]}]}'
    )
    async with house(deployment, chat, Model(wrap_up=wrap_up)) as home:
        request = await home.until(await home.ask(), "completed")
        facts = await home.person.query("facts:list", {})
    assert request["outcome"]["reported"][0]["confirmed"] is False
    assert [(fact["text"], fact["lines"]) for fact in facts if fact["status"] == "offered"] == [
        ("The office opens at 8", [1])
    ]


async def test_a_call_engine_that_fails_ends_the_request(deployment: DeploymentProcess) -> None:
    async def broken(_: Placed) -> CallReport:
        raise ZeroDivisionError

    async with house(deployment, broken) as home:
        request = await home.until(await home.ask(), "completed", "failed")
        assert len(home.line.placed) == 1
        assert await within(home.worker.registry.ended(5))
    assert (request["status"], request["outcome"]["kind"]) == ("failed", "error")
