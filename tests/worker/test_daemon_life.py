"""A worker's life: coming up, being cancelled, outages, draining, dying and coming back."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from deployment_process import DeploymentProcess
from house import (
    SCHOOL,
    CarrierCall,
    CarrierStatus,
    House,
    Line,
    Model,
    Placed,
    Switchboard,
    chat,
    held,
    house,
    within,
)

from worker.call.contract import CallReport, Ending, StopReason
from worker.daemon import heartbeat, inbox
from worker.daemon.identity import CannotStart, Identity, WorkerLock, load_identity
from worker.daemon.worker import Worker
from worker.deployment.http import HttpDeployment


async def test_a_cancelled_request_is_hung_up_at_once(deployment: DeploymentProcess) -> None:
    async with house(deployment, held) as home:
        request_id = await home.ask()
        await home.until_true(request_id, lambda row: bool(row["transcript"]))
        await home.person.mutation("requests:cancel", {"requestId": request_id})
        assert await within(home.line.placed[0].control.stop) is StopReason.CANCELLED
        assert await within(home.worker.registry.ended(5))
        shown = await home.show(request_id)
    assert shown["request"]["status"] == "cancelled"
    assert shown["calls"][0]["status"] == "ended"
    assert len(shown["transcript"]) == 1


async def test_the_owner_of_a_call_is_told_where_browsers_reach_its_worker(deployment: DeploymentProcess) -> None:
    async with house(deployment, held, address="https://calls.example.com") as home:
        request_id = await home.ask()
        await home.until_true(request_id, lambda row: bool(row["transcript"]))
        call_id = home.line.placed[0].call_id
        access = await home.person.query("calls:access", {"callId": call_id})
        await home.person.mutation("requests:cancel", {"requestId": request_id})
    assert (access["requestId"], access["address"]) == (request_id, "https://calls.example.com")


async def test_a_request_cancelled_while_it_is_prepared_is_not_dialled(deployment: DeploymentProcess) -> None:
    async with house(deployment, chat) as home:
        home.model.gate = asyncio.Event()
        request_id = await home.ask()
        await home.until(request_id, "inFlight")
        await home.person.mutation("requests:cancel", {"requestId": request_id})
        assert await within(home.worker.registry.ended(5))
        assert not home.line.placed
        assert (await home.request(request_id))["status"] == "cancelled"


async def test_no_more_requests_than_slots(deployment: DeploymentProcess) -> None:
    async with house(deployment, held, max_calls=1) as home:
        first = await home.ask()
        await home.until_true(first, lambda row: bool(row["transcript"]))
        second = await home.ask()
        assert (await home.request(second))["status"] == "pending"
        await home.person.mutation("requests:cancel", {"requestId": first})
        await home.until(second, "inFlight")
        await home.person.mutation("requests:cancel", {"requestId": second})


async def test_a_request_for_later_is_taken_when_its_time_comes(deployment: DeploymentProcess) -> None:
    functions = deployment.as_worker()
    other = {"workerId": f"w-{secrets.token_hex(4)}", "incarnation": "1"}
    await functions.mutation("workers:register", {**other, "version": "1", "maxCalls": 1})
    home = House(deployment, Line(chat), Model())
    await home.person.mutation("users:ensure", {"name": "Alex"})
    await home.person.mutation("contacts:add", {"name": "Lincoln", "phone": SCHOOL, "aliases": ["school"]})
    request_id = await home.ask()
    await functions.mutation("requests:claim", {**other, "token": "t" + request_id})
    due = time.time() + 0.7
    args = {"requestId": request_id, "token": "t" + request_id, "notBefore": due * 1000, "reason": "later"}
    await functions.mutation("requests:release", args)
    try:
        home.start()
        await home.until(request_id, "completed")
        assert time.time() >= due
    finally:
        await home.close()
        await functions.close()


async def test_nobody_answers_while_the_callee_holds(
    deployment: DeploymentProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "OWNER_ANSWERS_WITHIN_S", 0.3)
    answers: list[str | None] = []

    async def holds(call: Placed) -> CallReport:
        answers.append(await call.control.ask_owner("How much?", call.call_id))
        return call.report(Ending.CALL_BACK, question="How much?")

    async with house(deployment, holds) as home:
        request = await home.until(await home.ask(), "needsInput", "failed")
    assert answers == [None]
    assert request["outcome"]["kind"] == "needsInput"


async def test_draining_gives_back_lets_finish_and_says_goodbye(deployment: DeploymentProcess) -> None:
    finish = asyncio.Event()

    async def one_finishes(call: Placed) -> CallReport:
        if call.brief.request_text == "finishes":
            await call.say("callee", "One moment.")
            await finish.wait()
            return await chat(call)
        return await held(call)

    async with house(deployment, one_finishes, drain_s=0.5) as home:
        finishes = await home.ask("finishes", to=SCHOOL)
        stays = await home.ask("stays", to="+14155550122")
        for request_id in (finishes, stays):
            await home.until_true(request_id, lambda row: bool(row["transcript"]))
        home.model.gate = asyncio.Event()
        prepared = await home.ask("prepared", to="+14155550123")
        await home.until(prepared, "inFlight")
        home.worker.stop()
        await home.until(prepared, "pending")
        finish.set()
        await home.until(finishes, "completed")
        assert home.running is not None
        assert await within(home.running) is True
        request = await home.request(stays)
        assert (request["status"], request["outcome"]["kind"]) == ("failed", "interrupted")
        late = await home.ask("late", to=SCHOOL)
        assert (await home.request(late))["status"] == "pending"
        assert home.readiness.waiting_for is not None
        for request_id in (prepared, late):
            await home.person.mutation("requests:cancel", {"requestId": request_id})


async def test_the_second_signal_breaks_off(deployment: DeploymentProcess) -> None:
    async def deaf(call: Placed) -> CallReport:
        await call.say("callee", "Hello?")
        await asyncio.Event().wait()
        raise AssertionError

    async with house(deployment, deaf, drain_s=60) as home:
        request_id = await home.ask()
        await home.until_true(request_id, lambda row: bool(row["transcript"]))
        began = time.monotonic()
        home.worker.stop()
        home.worker.stop()
        assert home.running is not None
        await within(home.running)
        assert time.monotonic() - began < 5
        assert home.line.broken_off == 1
        request = await home.request(request_id)
    assert (request["status"], request["outcome"]["kind"]) == ("failed", "interrupted")


async def test_a_killed_worker_comes_back_hangs_up_and_does_not_dial_again(deployment: DeploymentProcess) -> None:
    sids = {"recorded": "CA" + "1" * 32, "unrecorded": "CA" + "2" * 32, "over": "CA" + "3" * 32}
    functions = deployment.as_worker()
    worker_id = f"w-{secrets.token_hex(4)}"
    before = {"workerId": worker_id, "incarnation": "before"}
    await functions.mutation("workers:register", {**before, "version": "1", "maxCalls": 5})
    carrier = Switchboard(
        CarrierCall(sids["unrecorded"], "+14155550122", CarrierStatus.IN_PROGRESS),
        CarrierCall(sids["over"], "+14155550122", CarrierStatus.COMPLETED),
    )
    home = House(deployment, Line(chat), Model(), carrier=carrier, identity=Identity(worker_id, "after"))
    await home.person.mutation("users:ensure", {"name": "Alex"})
    requests = []
    for to, sid in ((SCHOOL, sids["recorded"]), ("+14155550122", None)):
        requests.append(await home.ask(to=to))
        token = secrets.token_hex(8)
        claimed = await functions.mutation("requests:claim", {**before, "token": token})
        assert claimed["request"]["_id"] == requests[-1]
        begin = {
            "requestId": requests[-1],
            "token": token,
            "to": to,
            "mediaTokenHash": token,
            "workerId": worker_id,
        }
        call_id = (await functions.mutation("calls:begin", begin))["callId"]
        if sid is not None:
            await functions.mutation("calls:dialed", {"callId": call_id, "token": token, "callSid": sid})
    try:
        home.start()
        for request_id in requests:
            request = await home.until(request_id, "failed", "completed")
            assert request["outcome"]["kind"] == "interrupted"
            await home.until_true(request_id, lambda row: row["calls"][0]["status"] == "ended")
        ended = {await within(carrier.hung_up.get()), await within(carrier.hung_up.get())}
        assert ended == {sids["recorded"], sids["unrecorded"]}
        assert carrier.hung_up.empty()
        assert not home.line.placed
    finally:
        await home.close()
        await functions.close()


async def test_a_deployment_that_is_away_at_start_is_waited_for(own_deployment: DeploymentProcess) -> None:
    own_deployment.kill()
    home = House(own_deployment, Line(chat), Model())
    home.start()
    try:
        await _until(lambda: "deployment at" in (home.readiness.waiting_for or ""))
        await asyncio.to_thread(own_deployment.start)
        await _until(lambda: home.readiness.waiting_for is None)
    finally:
        assert await home.close()


async def test_stopping_while_waiting_for_the_deployment(own_deployment: DeploymentProcess) -> None:
    own_deployment.kill()
    home = House(own_deployment, Line(chat), Model())
    home.start()
    home.worker.stop()
    assert await home.close()


async def test_an_outage_in_mid_call_loses_nothing(own_deployment: DeploymentProcess) -> None:
    away, back = asyncio.Event(), asyncio.Event()

    async def talks_on(call: Placed) -> CallReport:
        await call.say("callee", "Before.")
        away.set()
        await back.wait()
        return await chat(call)

    async with house(own_deployment, talks_on) as home:
        request_id = await home.ask()
        await within(away.wait())
        own_deployment.kill()
        back.set()  # the call ends, and is wrapped up, while the deployment is away
        await asyncio.sleep(1)
        await asyncio.to_thread(own_deployment.start)
        request = await home.until(request_id, "completed", "failed", "pending")
        assert request["outcome"]["kind"] == "done"
        # And the live queries have come back by themselves.
        again = await home.ask()
        await home.until(again, "completed")


async def test_a_worker_that_is_not_welcome_any_more_stops_and_says_why(
    deployment: DeploymentProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_EVERY_S", 0.1)
    async with house(deployment, held, drain_s=60) as home:
        request_id = await home.ask()
        await home.until_true(request_id, lambda row: bool(row["transcript"]))
        other = {"workerId": home.identity.worker_id, "incarnation": "newer", "version": "1", "maxCalls": 1}
        await home.functions.mutation("workers:register", other)
        assert home.running is not None
        assert await within(home.running) is False
        assert home.line.placed[0].control.stop.done()
        assert (await home.request(request_id))["status"] == "failed"


async def test_the_heartbeat_finds_a_lost_lease(deployment: DeploymentProcess) -> None:
    async with house(deployment, held) as home:
        request_id = await home.ask()
        await home.until_true(request_id, lambda row: bool(row["transcript"]))
        [running] = home.worker.registry
        running.token = "not ours"  # as if the deployment had given the request to somebody else
        running.seen = False
        home.worker._heartbeat.beat_now()
        assert await within(home.line.placed[0].control.stop) is StopReason.LEASE_LOST
        await home.person.mutation("requests:cancel", {"requestId": request_id})


async def test_a_refused_token_is_said_with_its_remedy(deployment: DeploymentProcess) -> None:
    home = House(deployment, Line(chat), Model())
    person = deployment.person_token("somebody")
    home.worker = _with_token(home, deployment, person)
    with pytest.raises(CannotStart, match="does not accept the worker's token"):
        await within(home.worker.run())
    await home.close()


async def test_questions_go_to_the_owners_telephone(deployment: DeploymentProcess) -> None:
    phone = f"+1415555{secrets.randbelow(10_000):04}"
    async with house(deployment, chat, Model(find_number='{"contact": null}'), user={"phone": phone}) as home:
        request_id = await home.ask("Ask the florist for tulips")
        to, body = await within(home.carrier.texts.get())
        await home.person.mutation("requests:cancel", {"requestId": request_id})
    assert to == phone
    assert "What number should I call for" in body


def test_one_worker_per_data_folder(tmp_path: Path) -> None:
    lock = WorkerLock(tmp_path / "data")
    first = load_identity(tmp_path / "data")
    with pytest.raises(CannotStart, match="another worker"):
        WorkerLock(tmp_path / "data")
    lock.release()
    again = WorkerLock(tmp_path / "data")
    second = load_identity(tmp_path / "data")
    again.release()
    assert first.worker_id == second.worker_id
    assert first.incarnation != second.incarnation


async def _until(true: Callable[[], bool]) -> None:
    """For what only `/readyz` would tell: it has no event to await."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def _with_token(home: House, process: DeploymentProcess, token: str) -> Worker:
    return Worker(
        deployment=HttpDeployment(process.url, token),
        token=token,
        identity=home.identity,
        carrier=home.carrier,
        means=home.worker._means,
        max_calls=1,
        drain_s=1,
        metrics=type(home.metrics)(),
        readiness=home.readiness,
    )
