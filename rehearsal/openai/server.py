"""OpenAI's HTTP API, as far as Floyd uses it: chat completions, speech, models.

`make_app` serves what stands under `/v1`: `POST /chat/completions` (see `chat`), `POST /audio/speech` (see
`speech`), `GET /models` and `GET /models/NAME`. Any non-empty bearer key will do. Errors have OpenAI's shape,
`{"error": {"message", "type", "param", "code"}}`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from rehearsal.openai import chat, speech
from rehearsal.openai.errors import ApiError
from rehearsal.openai.shared import STATE, State

MODELS = ("rehearsal", "gpt-4.1", "gpt-4.1-mini", "gpt-4o-mini-tts", "tts-1")
"""Those that `GET /models` lists; requests may name any."""
_CREATED = 1_700_000_000


def make_app(state: State) -> web.Application:
    """The API for `state`, to be served under `/v1`."""
    app = web.Application(middlewares=[_errors])
    app[STATE] = state
    app.router.add_post("/chat/completions", chat.completions)
    app.router.add_post("/audio/speech", speech.create)
    app.router.add_get("/models", _models)
    app.router.add_get("/models/{name}", _model)
    app.router.add_route("*", "/{rest:.*}", _unknown)
    return app


@web.middleware
async def _errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        _require_key(request)
        return await handler(request)
    except ApiError as error:
        return web.json_response(error.body(), status=error.status)
    except json.JSONDecodeError as error:
        refused = ApiError(400, f"The body is not JSON: {error}")
        return web.json_response(refused.body(), status=refused.status)


def _require_key(request: web.Request) -> None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        message = (
            "You didn't provide an API key. You need to provide your API key in an Authorization header "
            "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
        )
        raise ApiError(401, message, code="invalid_api_key")


async def _models(_: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": [_describe(name) for name in MODELS]})


async def _model(request: web.Request) -> web.Response:
    return web.json_response(_describe(request.match_info["name"]))


def _describe(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "rehearsal"}


async def _unknown(request: web.Request) -> web.Response:
    raise ApiError(404, f"Invalid URL ({request.method} {request.path})", code="unknown_url")
