"""Everything that `floyd up` runs: the embedded deployment, the rehearsal, the worker, and with --dev Vite.

Started in the order of need, each with a deadline; stopped the other way round, so that the worker can say its
goodbyes while there is still a phone line and a database. The worker may fail: it is started again, and every
state it left is taken up. Without the database or the rehearsed line nothing works, so their end is the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from pydantic import SecretStr

from worker.cli import output
from worker.cli.failure import CliError
from worker.cli.options import OWNER
from worker.cli.session import Session, connect
from worker.cli.supervise import programs
from worker.cli.supervise.admin import deployment_environment, set_environment
from worker.cli.supervise.child import Child
from worker.cli.supervise.ports import LOOPBACK, Port, any_free, is_free, usual_or_free
from worker.cli.supervise.running import Running, write_running
from worker.cli.supervise.seed import seed_demo
from worker.deployment.client import DeploymentUnavailable, FunctionError
from worker.keys import with_worker_token
from worker.settings import PROJECT_ROOT, Settings, Vendor, environment_of, rehearsed_vendors

BACKEND_START_S = 60.0
REHEARSAL_START_S = 60.0
WORKER_START_S = 90.0
PAGE_START_S = 60.0
"""Seconds each on an idle machine; these are for a small one whose disk is cold."""
POLL_S = 0.1
PROBE_S = 2.0

GOODBYES_S = 30.0
"""After FLOYD_DRAIN_SECONDS the worker says goodbye in the calls that are left, hangs up and closes."""
OTHERS_STOP_S = 10.0

FIRST_RESTART_S = 0.5
LONGEST_RESTART_S = 30.0
HEALTHY_AFTER_S = 60.0
"""A worker that ran for so long failed for a new reason."""
MOST_RESTARTS = 6
"""In a row, each sooner than that: it will not get better by itself."""

REHEARSED_NUMBER = "+14155550199"
"""The caller's id on a rehearsed line; 555-01xx is reserved for fiction."""


class House:
    """`async with house.running() as running:`, with `await house.broken()` beside what is done meanwhile."""

    def __init__(self, settings: Settings, *, scenarios: list[Path] | None = None, dev: bool = False) -> None:
        self.settings = settings
        self.rehearsed = tuple(sorted(vendor.value for vendor in rehearsed_vendors(settings)))
        self._scenarios = scenarios or []
        self._dev = dev
        self.page_url = ""
        """Where a browser finds the page, once all is running."""
        self._children: list[Child] = []
        self._progress = output.Progress()
        self._broken: asyncio.Future[CliError] = asyncio.get_running_loop().create_future()
        self._watchers: list[asyncio.Task[None]] = []
        self._stopping = False
        self._running: Running | None = None

    async def broken(self) -> CliError:
        """Waits for the failure of a part that cannot be started again."""
        return await asyncio.shield(self._broken)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Running]:
        """Raises CliError when a part does not start."""
        try:
            yield await self._start()
        finally:
            await self.stop()

    # ---- starting

    async def _start(self) -> Running:
        with self._progress.step(self._first_step()):
            # Neither needs the other, and each takes a second. If one fails, the other is not awaited.
            try:
                async with asyncio.TaskGroup() as starting:
                    deployment = starting.create_task(self._start_backend())
                    line = starting.create_task(self._start_rehearsal())
            except BaseExceptionGroup as group:
                raise group.exceptions[0] from None
        url, site_url, own = deployment.result()
        rehearsal = line.result()
        settings = self._worker_settings(url, site_url, rehearsal)
        async with connect(settings, url, OWNER) as connection:
            await self._check_sign_in(connection, own)
            if rehearsal is not None and not self._telephone_is_real:
                with self._progress.step("looking whom Floyd knows"):
                    name = await seed_demo(connection, rehearsal["controlUrl"], self.settings.floyd_data_dir)
                if name:
                    output.note(f"rehearsal: Floyd now works for {name}, a made-up person with facts and contacts")
        with self._progress.step("starting the worker"):
            worker = await self._start_worker(settings)
        self._watch(worker, settings)
        self.page_url = await self._start_dev_page(settings) if self._dev else _worker_url(settings)
        self._running = Running(
            pid=os.getpid(),
            started_at=time.time() * 1000,
            url=url,
            site_url=site_url,
            worker_url=_worker_url(settings),
            control_url=rehearsal["controlUrl"] if rehearsal else None,
            rehearsed=self.rehearsed,
            pids=self._pids(),
        )
        write_running(self.settings.floyd_data_dir, self._running)
        return self._running

    def _first_step(self) -> str:
        parts = []
        if self.settings.convex_url is None:
            parts.append("the embedded deployment")
        if self.rehearsed:
            parts.append(f"the rehearsal ({', '.join(self.rehearsed)})")
        return f"starting {' and '.join(parts)}" if parts else "looking for the deployment"

    async def _start_backend(self) -> tuple[str, str | None, bool]:
        """URL, URL of the HTTP actions, and whether it is our own."""
        if self.settings.convex_url is not None:
            return self.settings.convex_url, self.settings.site_url, False
        port, site_port = (
            self._port(Port.BACKEND, "deployment"),
            self._port(Port.SITE, "deployment's HTTP actions"),
        )
        data = self.settings.floyd_data_dir / "embedded"
        child = await self._child(
            "deployment", programs.backend_command(port, site_port, data, programs.FUNCTIONS), dict(os.environ)
        )
        ready = await child.ready(BACKEND_START_S)
        url = str(ready["url"]).rstrip("/")
        await set_environment(url, str(ready["adminKey"]), deployment_environment(self._with_number()))
        self._watch(child, None)
        return url, str(ready["siteUrl"]).rstrip("/"), True

    async def _start_rehearsal(self) -> dict[str, Any] | None:
        if not self.rehearsed:
            return None
        self._credentials = ("AC" + secrets.token_hex(16), secrets.token_hex(16))
        environment = {
            **os.environ,
            "TWILIO_ACCOUNT_SID": self._credentials[0],
            "TWILIO_AUTH_TOKEN": self._credentials[1],
        }
        port = self._port(Port.REHEARSAL, "rehearsal")
        speech_port = self._port(Port.REHEARSAL_SPEECH, "rehearsal's recogniser")
        command = programs.rehearsal_command(port, speech_port, self._scenarios)
        child = await self._child("rehearsal", command, environment)
        ready = await child.ready(REHEARSAL_START_S)
        self._watch(child, None)
        return ready

    def _with_number(self) -> Settings:
        if Vendor.TWILIO.value not in self.rehearsed:
            return self.settings
        return self.settings.model_copy(update={"twilio_phone_number": REHEARSED_NUMBER})

    def _worker_settings(self, url: str, site_url: str | None, rehearsal: dict[str, Any] | None) -> Settings:
        """The settings with the addresses of what was started, and the worker's token."""
        change: dict[str, Any] = {
            "convex_url": url,
            "convex_site_url": site_url,
            "floyd_port": self._worker_port(),
            "floyd_rehearsed": ",".join(self.rehearsed),
        }
        if rehearsal is not None and Vendor.TWILIO.value in self.rehearsed:
            sid, token = self._credentials
            change |= {
                "twilio_account_sid": sid,
                "twilio_auth_token": SecretStr(token),
                "twilio_phone_number": REHEARSED_NUMBER,
                "twilio_api_base_url": rehearsal["twilioUrl"],
                # The stand-in is on this machine, whatever address the world has for it.
                "floyd_public_url": f"http://{LOOPBACK}:{change['floyd_port']}",
            }
        if rehearsal is not None and Vendor.OPENAI.value in self.rehearsed:
            change |= {"openai_base_url": rehearsal["openaiUrl"], "openai_api_key": SecretStr("rehearsal")}
        if rehearsal is not None and Vendor.GOOGLE.value in self.rehearsed:
            # Both of Google's services are served there.
            change |= {"google_speech_endpoint": rehearsal["speechEndpoint"], "google_speech_plaintext": True}
            change |= {"google_tts_endpoint": rehearsal["speechEndpoint"], "google_tts_plaintext": True}
        return with_worker_token(self.settings.model_copy(update=change))

    async def _check_sign_in(self, connection: Session, own: bool) -> None:
        """The deployment answers, has Floyd's functions, and accepts this data folder's tokens."""
        with self._progress.step("signing in"):
            try:
                await connection.deployment.version()
                await connection.query("users:me")
            except DeploymentUnavailable as error:
                raise CliError(
                    f"The deployment at {connection.url} does not answer",
                    "Check CONVEX_URL, or unset it to use the embedded deployment",
                ) from error
            except FunctionError as error:
                if own:
                    log = self.settings.floyd_data_dir / "logs" / "deployment.log"
                    raise CliError(
                        f"The deployment does not take sign-ins: {error.message}", f"See {log}"
                    ) from error
                raise

    async def _start_worker(self, settings: Settings) -> Child:
        environment = {**os.environ, **environment_of(settings)}
        child = await self._child("worker", programs.worker_command(), environment)
        await child.until(asyncio.create_task(_answers(f"{_worker_url(settings)}/readyz")), WORKER_START_S)
        return child

    async def _start_dev_page(self, settings: Settings) -> str:
        """Vite, with the worker behind it; its address."""
        with self._progress.step("starting Vite"):
            port = self._port(Port.PAGE, "page")
            url = f"http://{LOOPBACK}:{port}"
            environment = {**os.environ, "FLOYD_WORKER_URL": _worker_url(settings)}
            child = await self._child("page", programs.page_dev_command(LOOPBACK, port), environment)
            await child.until(asyncio.create_task(_answers(f"{url}/icon.svg")), PAGE_START_S)
        self._watch(child, None)
        return url

    async def _child(self, name: str, command: list[str], environment: dict[str, str]) -> Child:
        log = self.settings.floyd_data_dir / "logs" / f"{name}.log"
        child = Child(name, command, environment, PROJECT_ROOT, log)
        self._children = [other for other in self._children if other.name != name]
        self._children.append(child)
        await child.start()
        return child

    @property
    def _telephone_is_real(self) -> bool:
        """Calls go out to the world, and Twilio comes back by FLOYD_PUBLIC_URL."""
        return self.settings.floyd_line == "telephone" and Vendor.TWILIO.value not in self.rehearsed

    def _port(self, usual: Port, whose: str) -> int:
        port = usual_or_free(usual)
        if port != usual:
            output.note(f"port {usual.value} is taken: {port} instead, for the {whose}")
        return port

    def _worker_port(self) -> int:
        wanted = self.settings.floyd_port
        if wanted and is_free(wanted):
            return wanted
        if wanted and self._telephone_is_real:
            raise CliError(
                f"Port {wanted} is taken, and FLOYD_PUBLIC_URL leads there",
                "Stop what uses it, or set FLOYD_PORT and lead the tunnel to the new port",
            )
        port = any_free()
        if wanted:
            output.note(f"port {wanted} is taken: {port} instead, for the worker")
        return port

    # ---- while it runs

    def _watch(self, child: Child, worker_settings: Settings | None) -> None:
        watching = self._watch_worker(child, worker_settings) if worker_settings else self._watch_other(child)
        self._watchers.append(asyncio.create_task(watching))

    async def _watch_other(self, child: Child) -> None:
        await child.wait()
        self._break(child.ended_unexpectedly())

    async def _watch_worker(self, child: Child, settings: Settings) -> None:
        restarts = 0
        while True:
            started = time.monotonic()
            await child.wait()
            restarts = 1 if time.monotonic() - started > HEALTHY_AFTER_S else restarts + 1
            if restarts > MOST_RESTARTS:
                self._break(child.failure(f"The worker failed {restarts} times in a row"))
                return
            pause = min(LONGEST_RESTART_S, FIRST_RESTART_S * 2 ** (restarts - 1))
            output.warn(f"The worker ended unexpectedly ({child.end_words()}); starting it again in {pause:g} s")
            await asyncio.sleep(pause)
            try:
                child = await self._start_worker(settings)
            except CliError as error:
                output.warn(error.line())
                continue
            output.note("the worker is back")
            if self._running is not None:
                self._running = self._running.model_copy(update={"pids": self._pids()})
                write_running(self.settings.floyd_data_dir, self._running)

    def _break(self, error: CliError) -> None:
        if not self._stopping and not self._broken.done():
            self._broken.set_result(error)

    def _pids(self) -> dict[str, int]:
        return {child.name: child.pid for child in self._children if child.pid is not None}

    # ---- stopping

    async def stop(self) -> None:
        """The worker first: it ends its calls. Harmless when repeated."""
        self._stopping = True
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        if not any(child.running for child in self._children):
            return
        with self._progress.step("stopping; a call that goes on may end by itself, Ctrl-C again ends it now"):
            order = {"page": 0, "worker": 1, "rehearsal": 2, "deployment": 3}
            for child in sorted(self._children, key=lambda child: order[child.name]):
                await child.stop(
                    self.settings.floyd_drain_seconds + GOODBYES_S if child.name == "worker" else OTHERS_STOP_S
                )

    def kill(self) -> None:
        """Everything, now."""
        for child in self._children:
            child.kill()


def _worker_url(settings: Settings) -> str:
    return f"http://{LOOPBACK}:{settings.floyd_port}"


async def _answers(url: str) -> None:
    """Wait until `url` answers 200."""
    timeout = aiohttp.ClientTimeout(total=PROBE_S)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with http.get(url) as reply:
                    if reply.status == 200:
                        return
            await asyncio.sleep(POLL_S)
