"""`/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from worker.daemon.metrics import CONTENT_TYPE, Metrics


@dataclass(slots=True)
class Readiness:
    """`waiting_for` says in words why the worker takes no requests; None: it takes them."""

    waiting_for: str | None = "the start"

    def ready(self) -> None:
        self.waiting_for = None


def health_routes(readiness: Readiness, metrics: Metrics, running: Callable[[], int]) -> list[web.RouteDef]:
    async def healthz(_: web.Request) -> web.Response:
        # That this is answered at all says that the event loop runs.
        return web.json_response({"ok": True, "requests": running()})

    async def readyz(_: web.Request) -> web.Response:
        if readiness.waiting_for is None:
            return web.json_response({"ready": True})
        return web.json_response({"ready": False, "waitingFor": readiness.waiting_for}, status=503)

    async def prometheus(_: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", prometheus)]
