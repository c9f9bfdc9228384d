"""How a route for browsers says no: `{"error": {"code", "message"}}` with the fitting status."""

from __future__ import annotations

import orjson
from aiohttp import web


def refused(kind: type[web.HTTPClientError] | type[web.HTTPServerError], code: str, message: str) -> web.HTTPError:
    """To be raised. `kind` must be one whose constructor needs nothing: not 405 or 413."""
    return kind(text=error_text(code, message), content_type="application/json")


def too_large(limit_bytes: int, actual_bytes: int) -> web.HTTPError:
    message = f"The body may have {limit_bytes} bytes at most"
    return web.HTTPRequestEntityTooLarge(
        max_size=limit_bytes,
        actual_size=actual_bytes,
        text=error_text("BAD_INPUT", message),
        content_type="application/json",
    )


def error_text(code: str, message: str) -> str:
    return orjson.dumps({"error": {"code": code, "message": message}}).decode()
