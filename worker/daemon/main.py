"""The worker process: everything wired together.

    uvloop
      HTTP on FLOYD_PORT: /healthz /readyz /metrics, the carrier's webhooks and media sockets, and for browsers
      the page, /auth (signing in) and /rtc (audio)
      Worker: live queries, claims, heartbeat, inbox, recovery
        RequestRun, one per claimed request
          Calls: the call engine, over carrier, recogniser, voice and model

The first SIGTERM or SIGINT drains, the second breaks off.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from collections.abc import Awaitable, Coroutine, Iterator
from typing import Any
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from worker.call.calls import Calls
from worker.daemon.health import Readiness, health_routes
from worker.daemon.identity import CannotStart, WorkerLock, load_identity
from worker.daemon.large_pages import use_large_pages
from worker.daemon.logs import set_up_logs
from worker.daemon.metrics import Metrics
from worker.daemon.worker import Worker
from worker.deployment.http import HttpDeployment
from worker.keys import worker_token
from worker.model.openai import OpenAIModel
from worker.phone import webhooks
from worker.phone.browser_line import LineHub
from worker.phone.carrier import Carrier
from worker.phone.carrier_of import carrier_of
from worker.request.run import Means
from worker.settings import Settings, listed
from worker.speech.choose import recognizer_of, voice_of
from worker.speech.detectors import Detectors
from worker.web import line, pages, sign_in
from worker.web.access import may_reach
from worker.web.origins import Origins
from worker.web.rtc.routes import BrowserAudio
from worker.web.rtc.routes import routes as audio_routes

CLOSE_S = 5.0
"""For the HTTP server and each vendor's client to close."""

BACKLOG = 128

COLLECT_AFTER = (10_000, 20, 50)
"""With Python's own 700, the collector takes an eighth of a core with 64 calls; nearly all that a call makes
is freed without it. One look at the youngest 10,000 takes a millisecond."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")

log = structlog.get_logger(__name__)


def run(settings: Settings) -> int:
    """Run the worker until it is stopped; returns the process's exit code. A reason not to start is printed."""
    set_up_logs(settings)
    # What was imported stays. Looking through all of it once takes the collector a tenth of a second.
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    try:
        return _new_loop_run(serve(settings))
    except CannotStart as error:
        print(f"floyd worker: {error}", file=sys.stderr)
        return 1


async def serve(settings: Settings) -> int:
    """Serve until a signal. 0: stopped as told; 1: a part failed (the log says which); 130: broken off.

    Raises `CannotStart`."""
    if settings.convex_url is None:
        raise CannotStart("CONVEX_URL is not set: `floyd up` starts a deployment and a worker together")
    url = settings.convex_url
    lock = WorkerLock(settings.floyd_data_dir)
    try:
        identity = load_identity(settings.floyd_data_dir)
        listener = _listen(settings)
        # Port 0 means any; from here on it is known, and public addresses can be made of it.
        settings = settings.model_copy(update={"floyd_port": listener.getsockname()[1]})
        metrics, readiness = Metrics(), Readiness()
        token = worker_token(settings)
        deployment = HttpDeployment(url, token, observe=metrics.observe_function)
        voice, model = voice_of(settings), OpenAIModel(settings)
        carrier, recognizer = carrier_of(settings, voice, may_reach), recognizer_of(settings)
        detectors = Detectors()
        calls = Calls(
            deployment=deployment,
            carrier=carrier,
            recognizer=recognizer,
            voice=voice,
            model=model,
            detectors=detectors,
            settings=settings,
            worker_id=identity.worker_id,
        )
        worker = Worker(
            deployment=deployment,
            token=token,
            identity=identity,
            carrier=carrier,
            means=Means(model=model, caller=calls, override=settings.floyd_call_override),
            max_calls=settings.floyd_max_calls,
            drain_s=settings.floyd_drain_seconds,
            metrics=metrics,
            readiness=readiness,
            address=settings.floyd_web_address,
        )
        audio = BrowserAudio(
            deployment_url=url,
            calls=calls,
            recognizer=recognizer,
            detectors=detectors,
            settings=settings,
            line=carrier if isinstance(carrier, LineHub) else None,
        )
        server = await _start_server(
            listener,
            [
                *health_routes(readiness, metrics, lambda: len(worker.registry)),
                *_line_routes(carrier, calls, settings, url),
                *audio_routes(audio),
                *sign_in.routes(deployment, settings, token),
                # The last: it has a page for every path that is left.
                *pages.routes(settings),
            ],
            Origins([*_own_addresses(settings), *listed(settings.floyd_web_origins)]),
        )
        beginnings = [voice.warm_up(), model.warm_up(), recognizer.warm_up(), detectors.prepare(), calls.warm_up()]
        warm_up = asyncio.create_task(_warm_up(beginnings))
        log.info("worker", port=settings.floyd_port, public_url=settings.public_url, deployment=deployment.url)
        with _signals(worker) as told:
            try:
                as_told = await worker.run()
            finally:
                warm_up.cancel()
                await _close(
                    audio.close(),
                    server.cleanup(),
                    calls.close(),
                    carrier.close(),
                    recognizer.close(),
                    voice.close(),
                    model.close(),
                    deployment.close(),
                )
        log.info("worker stopped")
        return 130 if len(told) > 1 else 0 if as_told else 1
    finally:
        lock.release()


def _line_routes(carrier: Carrier, calls: Calls, settings: Settings, deployment_url: str) -> list[web.RouteDef]:
    """What the line that calls go over is told by: a carrier's webhooks, or the pages that ring."""
    if isinstance(carrier, LineHub):
        carrier.serve(calls)
        return line.routes(carrier, deployment_url)
    return webhooks.routes(calls, settings)


def _listen(settings: Settings) -> socket.socket:
    """On loopback, unless the public address says that others come here."""
    public = urlsplit(settings.floyd_public_url or "").hostname
    host = "127.0.0.1" if public is None or public in LOOPBACK else "0.0.0.0"
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, settings.floyd_port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotStart(
            f"port {settings.floyd_port} cannot be used ({error.strerror}): stop what is there, or set FLOYD_PORT"
        ) from error
    listener.setblocking(False)
    return listener


def _own_addresses(settings: Settings) -> list[str]:
    """Wherever its own page may have come from."""
    here = [f"http://{host}:{settings.floyd_port}" for host in ("127.0.0.1", "localhost")]
    return [settings.public_url, *here, *([settings.floyd_web_address] if settings.floyd_web_address else [])]


async def _start_server(
    listener: socket.socket, all_routes: list[web.RouteDef], origins: Origins
) -> web.AppRunner:
    app = web.Application(middlewares=[origins.middleware()])
    app.add_routes(all_routes)
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=CLOSE_S)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    return runner


async def _warm_up(vendors: list[Coroutine[Any, Any, None]]) -> None:
    """Connections are made before the first call needs them; a vendor that is away is found out about early."""
    for problem in await asyncio.gather(*vendors, return_exceptions=True):
        if isinstance(problem, Exception):
            log.warning("a vendor is not there yet", reason=str(problem))
    # What has been built by now stays too: not looking through it again keeps the collector's pauses short.
    gc.collect()
    gc.freeze()
    await asyncio.to_thread(use_large_pages)


@contextlib.contextmanager
def _signals(worker: Worker) -> Iterator[list[signal.Signals]]:
    loop = asyncio.get_running_loop()
    told: list[signal.Signals] = []

    def on_signal(number: signal.Signals) -> None:
        told.append(number)
        log.info("signal", name=number.name, times=len(told))
        worker.stop()

    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield told
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def _close(*closing: Awaitable[None]) -> None:
    """All of them, whatever goes wrong with one."""
    in_time = [asyncio.wait_for(one, CLOSE_S) for one in closing]
    for problem in await asyncio.gather(*in_time, return_exceptions=True):
        if isinstance(problem, BaseException):
            log.info("not closed cleanly", reason=str(problem) or type(problem).__name__)


def _new_loop_run(main: Coroutine[Any, Any, int]) -> int:
    if sys.platform == "win32":
        return asyncio.run(main)
    import uvloop

    return uvloop.run(main)
