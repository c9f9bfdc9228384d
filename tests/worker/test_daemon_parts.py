"""The daemon's parts by themselves: claims, log, metrics, health, stalls."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from aiohttp import ClientSession, web

from worker.daemon.claims import Claims
from worker.daemon.health import Readiness, health_routes
from worker.daemon.identity import Identity
from worker.daemon.logs import set_up_logs
from worker.daemon.metrics import Metrics
from worker.daemon.stalls import StallMonitor, ThreadClock
from worker.deployment.client import DeploymentUnavailable, FunctionError
from worker.request.material import Claimed
from worker.settings import load_settings

USER = {"name": "Alex", "timezone": "UTC"}


class Queue:
    """Stands for `requests:claim`: hands out requests, or fails first as told."""

    def __init__(self, *requests: str) -> None:
        self.waiting = list(requests)
        self.tokens: list[str] = []
        self.granted: dict[str, str] = {}
        self.fails: list[Exception] = []
        self.loses_answer = False
        self.asked = asyncio.Event()

    async def mutation(self, path: str, args: dict[str, Any], *, patience_s: float = 1) -> Any:
        assert path == "requests:claim"
        self.asked.set()
        await asyncio.sleep(0)
        token = args["token"]
        self.tokens.append(token)
        if self.fails:
            raise self.fails.pop(0)
        if token not in self.granted and self.waiting:
            self.granted[token] = self.waiting.pop(0)
        if self.loses_answer:
            self.loses_answer = False
            raise DeploymentUnavailable("the answer was lost")
        request = self.granted.get(token)
        return {"request": {"_id": request, "text": "x"}, "user": USER} if request else None

    async def query(self, path: str, args: dict[str, Any], *, patience_s: float = 1) -> Any:
        raise AssertionError

    async def close(self) -> None: ...


class Started:
    def __init__(self) -> None:
        self.ids: asyncio.Queue[str] = asyncio.Queue()
        self.ends: dict[str, asyncio.Event] = {}

    def __call__(self, token: str, claimed: Claimed) -> asyncio.Task[None]:
        self.ends[claimed.request.id] = asyncio.Event()
        self.ids.put_nowait(claimed.request.id)
        return asyncio.create_task(self._run(claimed.request.id))

    async def _run(self, request_id: str) -> None:
        await self.ends[request_id].wait()

    async def next(self) -> str:
        async with asyncio.timeout(5):
            return await self.ids.get()


@asynccontextmanager
async def claiming(queue: Queue, slots: int = 5) -> AsyncIterator[tuple[Claims, Started, asyncio.Task[None]]]:
    started = Started()
    claims = Claims(queue, Identity("w", "1"), slots, started, Metrics())
    task = asyncio.create_task(claims.run())
    try:
        yield claims, started, task
    finally:
        task.cancel()
        await asyncio.wait({task})
        for end in started.ends.values():
            end.set()


def due(*ids: str, in_s: float = -1) -> list[dict[str, Any]]:
    return [{"requestId": name, "notBefore": (time.time() + in_s) * 1000} for name in ids]


async def test_each_claim_has_a_token_of_its_own() -> None:
    queue = Queue("r1", "r2")
    async with claiming(queue) as (claims, started, _):
        claims.on_pending(due("r1", "r2"))
        assert {await started.next(), await started.next()} == {"r1", "r2"}
    assert len(set(queue.tokens)) == len(queue.granted) == 2


async def test_a_claim_whose_answer_was_lost_is_repeated_with_its_token() -> None:
    queue = Queue("r1")
    queue.loses_answer = True
    async with claiming(queue) as (claims, started, _):
        claims.on_pending(due("r1"))
        assert await started.next() == "r1"
    assert queue.tokens[0] == queue.tokens[1]


async def test_a_slot_is_taken_before_claiming() -> None:
    queue = Queue("r1", "r2")
    async with claiming(queue, slots=1) as (claims, started, _):
        claims.on_pending(due("r1", "r2"))
        assert await started.next() == "r1"
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(queue.tokens) == 1
        started.ends["r1"].set()
        assert await started.next() == "r2"


async def test_a_refusal_ends_the_worker() -> None:
    queue = Queue("r1")
    queue.fails.append(FunctionError("CONFLICT", "a newer process has registered"))
    async with claiming(queue) as (claims, _, task):
        claims.on_pending(due("r1"))
        with pytest.raises(FunctionError, match="newer process"):
            async with asyncio.timeout(5):
                await task


async def test_trouble_of_the_deployments_own_does_not_end_the_worker() -> None:
    queue = Queue("r1")
    queue.fails.append(FunctionError("SERVER", "too much contention"))
    async with claiming(queue) as (claims, started, _):
        claims.on_pending(due("r1"))
        assert await started.next() == "r1"
    assert queue.tokens[0] == queue.tokens[1]


async def test_what_is_due_later_waits_for_its_time() -> None:
    queue = Queue("r1")
    async with claiming(queue) as (claims, started, _):
        began = time.monotonic()
        claims.on_pending(due("r1", in_s=0.3))
        assert await started.next() == "r1"
        assert time.monotonic() - began >= 0.29


async def test_a_claim_under_way_is_kept_when_the_worker_stops() -> None:
    queue = Queue("r1")
    async with claiming(queue) as (claims, started, task):
        claims.on_pending(due("r1"))
        await queue.asked.wait()
        task.cancel()
        await asyncio.wait({task})
        assert await started.next() == "r1"


def test_secrets_do_not_reach_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    settings = load_settings(
        (),
        twilio_account_sid="AC" + "1" * 32,
        twilio_auth_token="twilio-secret-1",
        twilio_phone_number="+14155550100",
        twilio_api_base_url="http://127.0.0.1:1",
        openai_api_key="sk-secret-2",
    )
    set_up_logs(settings, json=True)
    try:
        log = structlog.get_logger("worker.test")
        log.info("fine", call="c1", count=3)
        log.info("token", token="t0", api_key="k0", nested={"authorization": "a0", "x": ["sk-secret-2"]})
        log.warning(
            "failed", reason="GET /?key=sk-secret-2 said twilio-secret-1; Authorization: Bearer abcdefghijk"
        )
        try:
            raise ValueError("broken by twilio-secret-1")
        except ValueError:
            log.exception("crash", jwt="x eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ3In0.c2ln y")
        logging.getLogger("some.library").warning("library says sk-secret-2")
        logging.getLogger("some.library").info("library chatter")
    finally:
        logging.getLogger().handlers[:] = []
        structlog.reset_defaults()
    text = stream.getvalue()
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0] | {"event": "fine", "call": "c1", "count": 3, "level": "info"} == lines[0]
    for secret in ("twilio-secret-1", "sk-secret-2", "abcdefghijk", "eyJhbGci", '"t0"', '"k0"', '"a0"'):
        assert secret not in text
    assert "broken by ***" in text
    assert "library says ***" in text
    assert "chatter" not in text


async def test_health_readiness_and_metrics() -> None:
    metrics, readiness = Metrics(), Readiness("the deployment at http://x")
    metrics.observe_function("mutation", "requests:claim", 0.003)
    app = web.Application()
    app.add_routes(health_routes(readiness, metrics, lambda: 2))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with ClientSession() as http:
            async with http.get(f"{base}/healthz") as reply:
                assert await reply.json() == {"ok": True, "requests": 2}
            async with http.get(f"{base}/readyz") as reply:
                assert reply.status == 503
                assert (await reply.json())["waitingFor"] == "the deployment at http://x"
            readiness.ready()
            async with http.get(f"{base}/readyz") as reply:
                assert reply.status == 200
            async with http.get(f"{base}/metrics") as reply:
                text = await reply.text()
        assert 'floyd_function_seconds_count{kind="mutation",path="requests:claim"} 1.0' in text
        assert "process_cpu_seconds_total" in text
    finally:
        await runner.cleanup()


async def test_a_stall_is_measured_and_its_culprit_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.daemon.stalls.SETTLED_AFTER_S", 0.0)
    metrics = Metrics()
    monitor = asyncio.create_task(StallMonitor(metrics).run())
    with structlog.testing.capture_logs() as logs:
        await asyncio.sleep(0.05)
        stand_still()
        await asyncio.sleep(0.05)
    monitor.cancel()
    await asyncio.wait({monitor})
    [line] = [entry for entry in logs if entry["ms"] > 150]
    assert "stand_still" in line["at"]
    assert line["computing_ms"] < 100, "asleep, not computing"
    assert line["without_cpu_ms"] < 100, "asleep, not kept waiting"
    for name in ("floyd_loop_stall_seconds", "floyd_loop_blocked_seconds"):
        at_most = metrics.registry.get_sample_value(f"{name}_bucket", {"le": "0.1"})
        total = metrics.registry.get_sample_value(f"{name}_count")
        assert at_most is not None
        assert total is not None
        assert total > at_most


def test_a_threads_clock_tells_computing_from_sleeping() -> None:
    clock = ThreadClock()
    try:
        used, waited = clock.read()
        time.sleep(0.1)
        used_asleep, _ = clock.read()
        end = time.thread_time() + 0.1
        while time.thread_time() < end:
            pass
        used_computing, waited_at_last = clock.read()
    finally:
        clock.close()
    assert used_asleep - used < 0.05
    assert used_computing - used_asleep == pytest.approx(0.1, abs=0.05)
    assert waited_at_last >= waited >= 0


def stand_still() -> None:
    time.sleep(0.25)
