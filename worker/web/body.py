"""The JSON object in the body of a browser's request, read with a limit and a deadline."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from aiohttp import web

from worker.web.errors import refused, too_large

BODY_DEADLINE_S = 10.0
"""A few kilobytes, also over a bad mobile line; whoever takes longer only holds a connection open."""


async def json_object(request: web.Request, limit_bytes: int) -> dict[str, Any]:
    """Raises 400, 408, 413 or 415 with the reason."""
    if request.content_type != "application/json":
        raise refused(web.HTTPUnsupportedMediaType, "BAD_INPUT", "Send JSON, with Content-Type: application/json")
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            body = await _bounded(request, limit_bytes)
    except TimeoutError:
        raise refused(web.HTTPRequestTimeout, "BAD_INPUT", "The body did not arrive in time") from None
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise refused(web.HTTPBadRequest, "BAD_INPUT", "The body is not JSON") from None
    if not isinstance(value, dict):
        raise refused(web.HTTPBadRequest, "BAD_INPUT", "The body must be a JSON object")
    return value


def text_field(given: dict[str, Any], name: str, most_chars: int) -> str:
    """A string that is there and is not too long. Raises 400, naming the field."""
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise refused(web.HTTPBadRequest, "BAD_INPUT", f"`{name}` must be a text")
    if len(value) > most_chars:
        raise refused(web.HTTPBadRequest, "BAD_INPUT", f"`{name}` may have {most_chars} characters at most")
    return value


async def _bounded(request: web.Request, limit_bytes: int) -> bytes:
    if (request.content_length or 0) > limit_bytes:
        raise too_large(limit_bytes, request.content_length or 0)
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit_bytes:
            raise too_large(limit_bytes, len(body))
    return bytes(body)
