"""Errors in the shape that OpenAI's API gives them: `{"error": {message, type, param, code}}`."""

from __future__ import annotations

import json

from aiohttp import web


def refusal(
    status: int,
    message: str,
    *,
    param: str | None = None,
    code: str | None = None,
    kind: str = "invalid_request_error",
) -> web.HTTPException:
    """To be raised from a handler."""
    body = json.dumps({"error": {"message": message, "type": kind, "param": param, "code": code}})
    classes: dict[int, type[web.HTTPException]] = {
        400: web.HTTPBadRequest,
        401: web.HTTPUnauthorized,
        404: web.HTTPNotFound,
        500: web.HTTPInternalServerError,
    }
    return classes[status](text=body, content_type="application/json")


def check_key(request: web.Request) -> None:
    """Any key will do, but there must be one. Raises the refusal."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not key.strip():
        raise refusal(
            401,
            "You didn't provide an API key in an Authorization header (Authorization: Bearer KEY).",
            code="invalid_api_key",
        )


async def json_object(request: web.Request) -> dict[str, object]:
    """Raises the refusal for a body that is no JSON object."""
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        raise refusal(400, "We could not parse the JSON body of your request.") from None
    if not isinstance(body, dict):
        raise refusal(400, "The JSON body must be an object.")
    return body
