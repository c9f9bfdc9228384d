"""The OpenAI stand-in's routes, below `/v1`."""

from __future__ import annotations

from aiohttp import web

from rehearsal.openai.chat import Chat
from rehearsal.openai.errors import check_key, refusal
from rehearsal.openai.realtime_route import RealtimeRoute
from rehearsal.openai.speech import SpeechSynthesis
from rehearsal.state import RehearsalState

MAX_BODY_BYTES = 8 * 1024 * 1024
MODEL = "rehearsal"


def make_app(state: RehearsalState) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.router.add_post("/chat/completions", Chat(state).complete)
    app.router.add_post("/audio/speech", SpeechSynthesis(state).create)
    app.router.add_get("/realtime", RealtimeRoute(state).connect)
    app.router.add_get("/models", _models)
    app.router.add_route("*", "/{path:.*}", _unknown)
    return app


async def _models(request: web.Request) -> web.Response:
    check_key(request)
    model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "rehearsal"}
    return web.json_response({"object": "list", "data": [model]})


async def _unknown(request: web.Request) -> web.Response:
    raise refusal(404, f"Unknown request URL: {request.method} {request.path}", code="unknown_url")
