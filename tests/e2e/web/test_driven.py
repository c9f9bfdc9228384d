"""A test that is itself the worker of a call has that call to itself."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from driven import DrivenCall
from harness import POLL_S, SEE_S, WEB, Person, Site

pytestmark = WEB


async def test_the_sites_worker_is_told_to_drain_though_it_says_that_it_does(site: Site) -> None:
    """It says so for a moment after it was let go, and then takes what is due."""
    person, operator = await site.person(), await site.person(operator=True)
    worker = site.parts.worker
    try:
        async with DrivenCall.standing(site, person, "Ask the school about the trip"):
            await until_it_drains(operator)
            worker.signal(signal.SIGSTOP)
        let_go = await sites_worker(operator)
        assert (let_go["status"], "drain" in let_go) == ("draining", False)
        async with DrivenCall.standing(site, person, "Ask the school about the bus"):
            assert (await sites_worker(operator))["drain"]
    finally:
        worker.signal(signal.SIGCONT)


async def until_it_drains(operator: Person) -> None:
    async with asyncio.timeout(SEE_S):
        while True:
            if (await sites_worker(operator))["status"] == "draining":
                return
            await asyncio.sleep(POLL_S)


async def sites_worker(operator: Person) -> dict[str, Any]:
    rows = await operator.functions.query("workers:list", {})
    [row] = [row for row in rows if not row["workerId"].startswith("driven-")]
    return dict(row)
