"""Which pages may use the routes for browsers.

A page from the worker itself always may. A page from another of its addresses may, and one hosted elsewhere when
its origin is in FLOYD_WEB_ORIGINS; the browser is told so (Fetch standard, "CORS protocol"). A request with any
other `Origin` is refused before it is looked at. What is no browser sends no `Origin`: it needs the same tokens as
everybody.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from worker.web.errors import refused

PREFIXES = ("/auth/", "/rtc/")
"""Of the routes that this is about."""

PREFLIGHT_KEPT_S = 600
"""A changed FLOYD_WEB_ORIGINS is noticed after this time by a page that is open."""


def origin_of(url: str) -> str:
    """`https://example.com/page` -> `https://example.com`, as browsers write it in `Origin`."""
    parts = urlsplit(url)
    port = {"http": 80, "https": 443}.get(parts.scheme)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + ("" if parts.port in (None, port) else f":{parts.port}")


class Origins:
    """`allowed`: the addresses of this worker, and the origins of pages that other hosts serve."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(origin_of(url) for url in allowed)

    def middleware(self) -> Middleware:
        @web.middleware
        async def check_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not request.path.startswith(PREFIXES):
                return await handler(request)
            origin = request.headers.get(hdrs.ORIGIN)
            if origin is None or _is_own(request, origin):
                return await handler(request)
            if origin not in self._allowed:
                raise refused(
                    web.HTTPForbidden,
                    "FORBIDDEN",
                    "This page may not use this Floyd; whoever runs it can add its origin to FLOYD_WEB_ORIGINS",
                )
            return await _shared(request, handler, origin)

        return check_origin


def _is_own(request: web.Request, origin: str) -> bool:
    # What matters is the host: behind a proxy that speaks TLS the scheme here is another.
    return urlsplit(origin).netloc.lower() == request.host.lower()


async def _shared(request: web.Request, handler: Handler, origin: str) -> web.StreamResponse:
    allow: dict[str, str] = {hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: origin, hdrs.VARY: hdrs.ORIGIN}
    if request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
        preflight: dict[str, str] = {
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, POST",
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "Authorization, Content-Type",
            hdrs.ACCESS_CONTROL_MAX_AGE: str(PREFLIGHT_KEPT_S),
            # A page on the internet that asks a worker in a private network (Private Network Access).
            "Access-Control-Allow-Private-Network": "true",
        }
        return web.Response(status=204, headers=allow | preflight)
    try:
        response = await handler(request)
    except web.HTTPException as error:
        # A refusal must be readable too, to be shown.
        error.headers.update(allow)
        error.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = hdrs.RETRY_AFTER
        raise
    response.headers.update(allow)
    return response
