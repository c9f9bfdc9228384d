"""Live queries through the official client, on a real deployment that goes away and comes back."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from deployment_process import DeploymentProcess

from convex import ConvexInt64
from worker.deployment.subscription import Subscription, Subscriptions, plain

WAIT_S = 20.0


async def into(queue: asyncio.Queue[Any], subscription: Subscription) -> None:
    async for value in subscription:
        queue.put_nowait(value)


async def test_repeats_are_dropped_and_the_loop_never_waits(own_deployment: DeploymentProcess) -> None:
    person = own_deployment.as_person()
    await person.mutation("users:ensure", {"name": "Alex"})
    subscriptions = Subscriptions(own_deployment.url, own_deployment.person_token())
    values: asyncio.Queue[Any] = asyncio.Queue()
    pump = asyncio.create_task(into(values, subscriptions.open("contacts:list", {})))
    try:
        async with asyncio.timeout(WAIT_S):
            assert await values.get() == []
            own_deployment.kill()
            longest = await stalls(0.5)
            await asyncio.to_thread(own_deployment.start)
            longest = max(longest, await stalls(0.5))
            await person.mutation("contacts:add", {"name": "Lincoln", "phone": "+14155550134"})
            [contact] = await values.get()
        # The reconnect delivered [] again, and that was dropped: the next value is the changed one.
        assert contact["name"] == "Lincoln"
        assert isinstance(contact["_creationTime"], float)
        assert longest < 0.2
    finally:
        pump.cancel()
        await asyncio.wait({pump})
        subscriptions.close()
        await person.close()


async def test_a_failing_query_does_not_end_the_others(deployment: DeploymentProcess) -> None:
    worker = deployment.as_worker()
    subscriptions = Subscriptions(deployment.url, deployment.worker_token())
    values: asyncio.Queue[Any] = asyncio.Queue()
    pumps = [
        asyncio.create_task(into(asyncio.Queue(), subscriptions.open("users:me", {}))),  # for people only
        asyncio.create_task(into(values, subscriptions.open("workers:inbox", {"workerId": "nobody"}))),
    ]
    try:
        async with asyncio.timeout(WAIT_S):
            assert await values.get() == {
                "leases": [],
                "questions": [],
                "calls": [],
                "drain": False,
            }
        assert not any(pump.done() for pump in pumps)
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.wait(pumps)
        subscriptions.close()
        await worker.close()


def test_values_become_plain() -> None:
    assert plain({"a": [ConvexInt64(7), 1.5, None, "x", {"b": True}]}) == {"a": [7, 1.5, None, "x", {"b": True}]}


async def stalls(seconds: float) -> float:
    """The longest that a short sleep took too long."""
    longest, end = 0.0, time.monotonic() + seconds
    while time.monotonic() < end:
        before = time.monotonic()
        await asyncio.sleep(0.005)
        longest = max(longest, time.monotonic() - before - 0.005)
    return longest
