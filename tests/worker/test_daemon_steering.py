"""What an owner does to a call in any client reaches it; and what an operator does to a worker."""

from __future__ import annotations

import asyncio
from typing import Any

from deployment_process import DeploymentProcess
from house import Model, Placed, chat, house, within

from worker.call.contract import CallControl, CallReport, Ending
from worker.call.steering import Hint, Steering
from worker.daemon.heartbeat import Heartbeat
from worker.daemon.identity import Identity
from worker.daemon.inbox import Inbox
from worker.daemon.metrics import Metrics
from worker.daemon.registry import Registry
from worker.deployment.http import HttpDeployment


class News:
    """Waits for what a steering comes to hold."""

    def __init__(self, steering: Steering) -> None:
        self.steering = steering
        self._came = asyncio.Event()
        steering.on_news = self._came.set

    async def until(self, **wanted: Any) -> None:
        async with asyncio.timeout(10):
            while any(getattr(self.steering, name) != value for name, value in wanted.items()):
                self._came.clear()
                await self._came.wait()


async def test_an_owner_steers_a_call(deployment: DeploymentProcess) -> None:
    on_line: asyncio.Future[Placed] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()

    async def talk(call: Placed) -> CallReport:
        await call.say("callee", "Hello?")
        on_line.set_result(call)
        await over.wait()
        return call.report(Ending.OWNER_HUNG_UP)

    async with house(deployment, talk) as home:
        request_id = await home.ask()
        call = await within(on_line)
        about = {"callId": call.call_id}
        status = {"callSid": "CA" + "0" * 32, "status": "answered", "at": 1.8e12}
        await home.functions.mutation(
            "calls:carrierStatus", {**about, **_sid_of(await home.show(request_id), status)}
        )
        steering = call.control.steering
        news = News(steering)
        assert not steering.owner_speaks
        assert not steering.hang_up
        assert not steering.has_hints

        await home.person.mutation("calls:hint", {**about, "text": "Ask for   Ms. Ortiz"})
        await home.person.mutation("calls:hint", {**about, "text": "Be brief"})
        await news.until(has_hints=True)
        taken: list[Hint] = []
        async with asyncio.timeout(10):
            while len(taken) < 2:
                taken += steering.take_hints()
                await asyncio.sleep(0.01)
        assert [hint.text for hint in taken] == ["Ask for Ms. Ortiz", "Be brief"]
        own = {**about, "token": call.brief.token}
        await home.functions.mutation("hints:taken", {**own, "hintIds": [hint.hint_id for hint in taken]})

        await home.person.mutation("calls:takeOver", about)
        await news.until(owner_speaks=True)
        assert not steering.has_hints
        await home.person.mutation("calls:handBack", about)
        await news.until(owner_speaks=False)
        await home.person.mutation("calls:takeOver", about)
        await news.until(owner_speaks=True)
        # A browser that vanishes: the call takes itself back, and the deployment is told.
        steering.give_back()
        await home.functions.mutation("calls:ownerGone", own)
        await home.person.mutation("calls:takeOver", about)
        await news.until(owner_speaks=True)

        await home.person.mutation("calls:hangUp", about)
        await news.until(hang_up=True)
        over.set()
        request = await home.until(request_id, "completed", "failed")
        assert request["outcome"]["kind"] == "done"


def _sid_of(shown: dict[str, Any], status: dict[str, Any]) -> dict[str, Any]:
    return {**status, "callSid": shown["calls"][0]["callSid"]}


def test_an_inbox_of_an_earlier_version_is_understood() -> None:
    async def main() -> None:
        registry = Registry(Metrics())
        nobody: Any = HttpDeployment("http://127.0.0.1:1", "token")
        drained: list[bool] = []
        heartbeat = Heartbeat(nobody, Identity("w", "1"), registry, Metrics())
        inbox = Inbox(nobody, registry, heartbeat, drained.append)
        inbox.on_inbox({"leases": [], "questions": []})
        inbox.on_inbox({"leases": [], "questions": [], "calls": [], "drain": True})
        assert drained == [False, True]
        await nobody.close()

    asyncio.run(main())


def test_the_state_is_followed_whatever_is_told_twice() -> None:
    async def nobody(question: str, call_id: str) -> str | None:
        return None

    async def main() -> None:
        steering = CallControl(nobody).steering
        news: list[str] = []
        steering.on_news = lambda: news.append("news")
        hint = Hint("h1", "Louder")

        def follow(
            call_id: str = "call1",
            *,
            by_owner: bool = False,
            hang_up: bool = False,
            hints: int = 0,
            times: int = 0,
        ) -> None:
            told = [hint] * hints
            steering.follow(call_id, by_owner=by_owner, hang_up=hang_up, hints=told, take_overs=times)

        follow()
        assert news == []
        follow(hints=1)
        follow(hints=1)
        assert len(news) == 1
        assert steering.take_hints() == [hint]
        follow(hints=1)  # the deployment has not heard yet that it was taken
        assert not steering.has_hints
        assert len(news) == 1
        follow(by_owner=True)
        follow(by_owner=True)
        assert steering.owner_speaks
        assert len(news) == 2
        steering.give_back()
        follow(by_owner=True)  # nor that the owner is gone
        assert not steering.owner_speaks
        follow()
        assert len(news) == 2
        follow(by_owner=True, times=1)
        assert steering.owner_speaks
        steering.give_back()
        follow(by_owner=True, times=1)
        assert not steering.owner_speaks
        follow(by_owner=True, times=2)  # gone, and back before that was seen
        assert steering.owner_speaks
        assert len(news) == 4
        steering.call_id = "call2"
        follow("call1", hang_up=True)  # of an earlier attempt
        assert not steering.hang_up
        follow("call2", by_owner=True, hang_up=True)
        assert steering.hang_up

    asyncio.run(main())


async def test_a_worker_that_is_to_drain_goes_on_with_its_call_and_takes_nothing_new(
    deployment: DeploymentProcess,
) -> None:
    on_line, over = asyncio.Event(), asyncio.Event()

    async def talk(call: Placed) -> CallReport:
        on_line.set()
        await over.wait()
        return await chat(call)

    async with house(deployment, talk) as home:
        operator = HttpDeployment(deployment.url, deployment.key.person_token("op", operator=True))
        about = {"workerId": home.identity.worker_id}

        async def status_is(wanted: str) -> None:
            async with asyncio.timeout(10):
                while True:
                    rows = await operator.query("workers:list", {})
                    if [row["status"] for row in rows if row["workerId"] == about["workerId"]] == [wanted]:
                        return
                    await asyncio.sleep(0.05)

        first = await home.ask()
        await within(on_line.wait())
        await operator.mutation("workers:drain", {**about, "drain": True})
        await status_is("draining")
        second = await home.ask("Call the florist: tulips")
        claims = home.metrics.claims._value.get()
        over.set()
        await home.until(first, "completed")
        assert not home.line.placed[0].control.stop.done()
        assert (await home.request(second))["status"] == "pending"
        assert home.metrics.claims._value.get() == claims
        assert not home.running or not home.running.done()

        await operator.mutation("workers:drain", {**about, "drain": False})
        await home.until(second, "completed")
        await status_is("running")
        await operator.close()


async def test_what_a_call_used_is_saved_with_what_was_used_around_it(deployment: DeploymentProcess) -> None:
    async with house(deployment, chat, Model()) as home:
        request_id = await home.ask()
        await home.until(request_id, "completed")
        [call] = (await home.show(request_id))["calls"]
        # The stand-in reports no tokens, so they are estimated from what was sent.
        asked = sum(len(message.content) for _, prompt in home.model.prompts for message in prompt.messages)
        assert abs(call["usage"]["promptTokens"] - asked / 4) <= len(home.model.prompts)
        assert call["usage"]["completionTokens"] > 0
        assert call["usage"]["speechChars"] == 0
