"""The worker itself: comes up, takes requests, and goes down politely.

Up: wait for the deployment, register (which ends the leases of the process before it), open the live queries, and
only then take requests. Down, when told to or when one of its own parts fails: claim nothing more, give back what
is not dialled yet, let calls finish for a while, then say goodbye on those that have not, then break them off.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from importlib import metadata
from typing import Any

import structlog

from worker.call.contract import CallControl, StopReason
from worker.daemon.claims import Claims
from worker.daemon.health import Readiness
from worker.daemon.heartbeat import Heartbeat, Status
from worker.daemon.identity import CannotStart, Identity
from worker.daemon.inbox import Inbox
from worker.daemon.metrics import Metrics
from worker.daemon.recovery import Recovery
from worker.daemon.registry import Registry, Running
from worker.daemon.stalls import StallMonitor
from worker.daemon.texts import Texts
from worker.deployment.client import DeploymentUnavailable, FunctionError
from worker.deployment.http import HttpDeployment
from worker.deployment.subscription import Subscription, Subscriptions
from worker.phone.carrier import Carrier
from worker.request.lease import Lease
from worker.request.material import Claimed
from worker.request.run import Means, Phase, RequestRun

LOOK_AGAIN_S = 0.25
"""Between two looks for a deployment that is not there: `floyd up` starts both at once."""

TELL_EVERY_S = 5.0
"""How often the log says that the worker is still waiting for it."""

GOODBYE_S = 15.0
"""From asking calls to say goodbye to breaking them off: a sentence, and the hang-up."""

BREAK_OFF_S = 8.0
"""For calls that are broken off to be hung up and noted down."""

log = structlog.get_logger(__name__)


class Worker:
    def __init__(
        self,
        *,
        deployment: HttpDeployment,
        token: str,
        identity: Identity,
        carrier: Carrier,
        means: Means,
        max_calls: int,
        drain_s: float,
        metrics: Metrics,
        readiness: Readiness,
        address: str | None = None,
    ) -> None:
        """`drain_s`: how long calls may go on after `stop`. `address`: where browsers reach this worker, if
        that is not where their page comes from."""
        self.registry = Registry(metrics)
        self._deployment = deployment
        self._token = token
        self._identity = identity
        self._means = means
        self._max_calls = max_calls
        self._drain_s = drain_s
        self._address = address
        self._readiness = readiness
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()
        self._heartbeat = Heartbeat(deployment, identity, self.registry, metrics)
        self._claims = Claims(deployment, identity, max_calls, self._start, metrics)
        self._inbox = Inbox(deployment, self.registry, self._heartbeat, self._on_drain)
        self._recovery = Recovery(deployment, carrier, identity, self.registry)
        self._texts = Texts(deployment, carrier)
        self._stalls = StallMonitor(metrics)

    def stop(self) -> None:
        """Drain and end. A second time: break off what is going on, at once."""
        if self._stopping.is_set():
            self._hurrying.set()
        self._stopping.set()

    async def run(self) -> bool:
        """Until stopped. True when it ended because it was told to, False when one of its parts failed.

        Raises `CannotStart` when the deployment does not want this worker."""
        if not await self._come_up():
            return True
        subscriptions = Subscriptions(self._deployment.url, self._token)
        claims = asyncio.create_task(self._claims.run(), name="claims")
        sides = {claims, *self._side_tasks(subscriptions)}
        self._readiness.ready()
        log.info("ready", worker=self._identity.worker_id, max_calls=self._max_calls)
        stopping = asyncio.create_task(self._stopping.wait(), name="stop")
        try:
            done, _ = await asyncio.wait({stopping, *sides}, return_when=asyncio.FIRST_COMPLETED)
            failed = [task for task in done if task is not stopping]
            for task in failed:
                log.critical("a part of the worker failed: stopping", part=task.get_name(), reason=_reason(task))
            await self._drain(claims, 0.0 if failed else self._drain_s)
            await self._say_stopped()
            return not failed
        finally:
            stopping.cancel()
            for task in sides:
                task.cancel()
            await asyncio.wait(sides)
            subscriptions.close()

    # ---- up

    async def _come_up(self) -> bool:
        """False when told to stop before the deployment was there."""
        began, told = time.monotonic(), 0.0
        while not self._stopping.is_set():
            try:
                await self._deployment.version()
                await self._register()
                return True
            except DeploymentUnavailable as error:
                waited = time.monotonic() - began
                self._readiness.waiting_for = f"the deployment at {self._deployment.url}"
                if waited >= told:
                    told = waited + TELL_EVERY_S
                    log.info("waiting for the deployment", url=self._deployment.url, s=round(waited))
                    log.debug("no deployment", reason=str(error))
            try:
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._stopping.wait()
            except TimeoutError:
                continue
        return False

    async def _register(self) -> None:
        try:
            await self._deployment.mutation(
                "workers:register",
                {
                    "workerId": self._identity.worker_id,
                    "incarnation": self._identity.incarnation,
                    "version": _version(),
                    "maxCalls": self._max_calls,
                    **({} if self._address is None else {"address": self._address}),
                },
            )
        except FunctionError as error:
            raise CannotStart(_remedy(error, self._deployment.url)) from error

    def _side_tasks(self, subscriptions: Subscriptions) -> set[asyncio.Task[None]]:
        """Everything that must go on for the worker to be one; the end of any is the end of it."""
        worker = {"workerId": self._identity.worker_id}
        queries: list[tuple[str, dict[str, Any], Callable[[Any], None]]] = [
            ("requests:pending", {}, self._claims.on_pending),
            ("workers:inbox", worker, self._inbox.on_inbox),
            ("messages:outbox", {}, self._texts.on_outbox),
        ]
        parts: list[tuple[str, Coroutine[Any, Any, None]]] = [
            ("heartbeat", self._heartbeat.run()),
            ("recovery", self._recovery.run()),
            ("texts", self._texts.run()),
            ("stalls", self._stalls.run()),
            *((path, _pump(subscriptions.open(path, args), take)) for path, args, take in queries),
        ]
        return {asyncio.create_task(part, name=name) for name, part in parts}

    # ---- requests

    def _start(self, token: str, claimed: Claimed) -> asyncio.Task[None]:
        request_id = claimed.request.id
        control = CallControl(ask_owner=partial(self._inbox.ask_owner, request_id, token))
        run = RequestRun(Lease(self._deployment, request_id, token), claimed, control, self._means)
        task = asyncio.create_task(_in_context(request_id, run.run), name=f"request {request_id}")
        running = Running(request_id, token, run, control, task)
        self.registry.add(running)
        log.info("claimed", request=request_id)
        if self._stopping.is_set():
            running.stop(StopReason.DRAIN)
        return task

    def _on_drain(self, drain: bool) -> None:
        """An operator lets it take nothing new, or again. What it has begun goes on."""
        if self._stopping.is_set():
            return
        self._claims.drain(drain)
        wanted: Status = "draining" if drain else "running"
        if self._heartbeat.status != wanted:
            log.info("told to drain" if drain else "taking requests again")
            self._heartbeat.status = wanted
            self._heartbeat.beat_now()

    # ---- down

    async def _drain(self, claims: asyncio.Task[None], patience_s: float) -> None:
        self._readiness.waiting_for = "its end: it is draining"
        self._stopping.set()
        claims.cancel()
        await asyncio.wait({claims})
        self._heartbeat.status = "draining"
        self._heartbeat.beat_now()
        for running in self.registry:
            if running.run.phase is Phase.PREPARING:
                running.stop(StopReason.DRAIN)
        if len(self.registry):
            log.info("draining", requests=len(self.registry), calls=self.registry.calls, seconds=patience_s)
        if await self._ended_or_hurried(patience_s):
            return
        for running in self.registry:
            running.stop(StopReason.DRAIN)
        if await self._ended_or_hurried(GOODBYE_S):
            return
        log.warning("breaking off", requests=len(self.registry))
        for running in self.registry:
            running.task.cancel()
        await self.registry.ended(BREAK_OFF_S)

    async def _ended_or_hurried(self, timeout_s: float) -> bool:
        """True when nothing runs any more; False after the time, or when told a second time."""
        if self._hurrying.is_set():
            return not len(self.registry)
        ended = asyncio.create_task(self.registry.ended(timeout_s))
        hurry = asyncio.create_task(self._hurrying.wait())
        await asyncio.wait({ended, hurry}, return_when=asyncio.FIRST_COMPLETED)
        for task in (ended, hurry):
            task.cancel()
        return not len(self.registry)

    async def _say_stopped(self) -> None:
        self._heartbeat.status = "stopped"
        try:
            await self._heartbeat.beat()
        except (DeploymentUnavailable, FunctionError) as error:
            log.info("the deployment was not told of the end", reason=str(error))


async def _pump(subscription: Subscription, take: Callable[[Any], None]) -> None:
    async for value in subscription:
        take(value)


async def _in_context(request_id: str, run: Callable[[], Awaitable[None]]) -> None:
    structlog.contextvars.bind_contextvars(request=request_id)
    await run()


def _reason(task: asyncio.Task[Any]) -> str:
    if task.cancelled():
        return "it was cancelled"
    error = task.exception()
    return f"{type(error).__name__}: {error}" if error else "it ended"


def _remedy(error: FunctionError, url: str) -> str:
    match error.code:
        case "UNAUTHENTICATED" | "FORBIDDEN":
            return (
                f"{url} does not accept the worker's token ({error.message}): its FLOYD_JWKS must hold the key of "
                "this data folder (`floyd up` sets it), or set FLOYD_WORKER_TOKEN"
            )
        case "SERVER" | "NOT_FOUND":
            return (
                f"{url} does not serve Floyd's functions ({error.message}): deploy convex/ there with "
                "`npx convex deploy`, or unset CONVEX_URL to use the embedded deployment"
            )
    return f"{url} refused the worker: {error}"


def _version() -> str:
    try:
        return metadata.version("floyd")
    except metadata.PackageNotFoundError:
        return "unknown"
