"""The web client's files, as `web/dist` has them, from memory.

    GET /assets/...   content has its hash in the name: kept by browsers for ever
    GET /<file>       other files of the build: asked for again each time (`ETag`)
    GET /config.json  what the page must know of its surroundings
    GET /<anything>   index.html: which page that is, is decided in the browser

A file is found by looking its path up among those that were read, so no path leads anywhere else. `.br` and `.gz`
beside a file are what it is in these encodings. A build that was replaced while the worker runs is noticed within
a second.

The content security policy lets the page run its own scripts only, and connect to nothing but this worker and the
deployment (and FLOYD_WEB_CONNECT). Styles may be inline: components place what they open by them.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from worker.settings import PROJECT_ROOT, Settings, listed
from worker.web.errors import refused
from worker.web.origins import origin_of

DIST = PROJECT_ROOT / "web" / "dist"

LOOK_EVERY_S = 1.0
"""Whether the build was replaced. It is a few dozen calls of `stat`, in a thread."""

FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"

OTHERS = ("/auth/", "/rtc/", "/twilio/", "/assets/")
"""Nothing under these is a page: what is not there is not there."""

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
}
_ENCODINGS = ((".br", "br"), (".gz", "gzip"))
"""The better first."""

_NEVER = re.compile(r"q\s*=\s*0(\.0*)?")
"""RFC 9110, 12.4.2: a weight of 0 is "not acceptable"."""

_NOT_BUILT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="3">
<title>Floyd</title>
<style>
  :root { color-scheme: light dark }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto 0; padding: 0 1.25rem }
  code { font-size: .95em }
</style>
<h1>The page is not built yet</h1>
<p role="status">If Floyd was started a moment ago, it is being built now. This page looks again by itself.</p>
<p>If it stays like this, the build failed or was never begun: <code>floyd up</code> builds it and says what is
wrong; <code>logs/page.log</code> in Floyd's data folder has the details. Everything else works meanwhile, for
example <code>floyd ask "Call ..."</code>.</p>
"""


@dataclass(frozen=True, slots=True)
class File:
    body: bytes
    content_type: str
    etag: str
    encoded: tuple[tuple[str, bytes], ...]
    """Encoding and content, the better first."""


Signature = tuple[tuple[str, int, int], ...]


class Build:
    """The files of one build folder, read again when they change. A build that is away, because it is being
    replaced, is served as it was."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, File] = {}
        self._signature: Signature = ()
        self._looked_s = float("-inf")
        self._looking = asyncio.Lock()

    async def files(self) -> dict[str, File]:
        """By path, beginning with a slash. Empty: there is no build."""
        async with self._looking:
            if time.monotonic() - self._looked_s >= LOOK_EVERY_S:
                await asyncio.to_thread(self._look)
                self._looked_s = time.monotonic()
        return self._files

    def _look(self) -> None:
        try:
            signature = _signature(self._folder)
            if signature == self._signature or not any(name == "/index.html" for name, *_ in signature):
                return
            self._files, self._signature = _read(self._folder, signature), signature
        except OSError:
            # Replaced while it was read: the next look finds it whole.
            return


def routes(settings: Settings, folder: Path = DIST) -> list[web.RouteDef]:
    """To be added after all others: the last of them takes every path."""
    pages = _Pages(settings, Build(folder))
    return [web.get("/config.json", pages.config), web.get("/{path:.*}", pages.get)]


def page_config(settings: Settings) -> dict[str, object]:
    """`config.json`, as `web/src/config.ts` reads it."""
    rehearsed = [name for name in settings.floyd_rehearsed.split(",") if name]
    telephone = "rehearsal" if "twilio" in rehearsed else "telephone"
    if settings.floyd_recognizer == "openai":
        recogniser = settings.openai_api_key is not None
    else:
        recogniser = bool(settings.google_application_credentials or settings.google_speech_endpoint)
    return {
        "deploymentUrl": settings.floyd_web_convex_url or settings.convex_url,
        "workerUrl": "",
        "line": "browser" if settings.floyd_line == "browser" else telephone,
        "rehearsed": rehearsed,
        "recogniser": recogniser,
    }


def security_headers(settings: Settings) -> dict[str, str]:
    own = [settings.public_url, *([settings.floyd_web_address] if settings.floyd_web_address else [])]
    connect = ["'self'", *map(origin_of, own)]
    deployment = settings.floyd_web_convex_url or settings.convex_url
    for url in ([deployment] if deployment else []) + listed(settings.floyd_web_connect):
        origin = origin_of(url)
        # The deployment's live queries come over a WebSocket at the same place.
        connect += [origin, "ws" + origin.removeprefix("http")]
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "worker-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "media-src": "'self' blob:",
        "manifest-src": "'self'",
        "connect-src": " ".join(dict.fromkeys(connect)),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), payment=(), usb=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
    if urlsplit(settings.public_url).scheme == "https":
        # Browsers heed it over TLS only, so that the loopback address stays reachable.
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers


class _Pages:
    def __init__(self, settings: Settings, build: Build) -> None:
        self._config = page_config(settings)
        self._headers = security_headers(settings)
        self._build = build

    async def config(self, _: web.Request) -> web.Response:
        return web.json_response(self._config, headers={**self._headers, hdrs.CACHE_CONTROL: ASK_AGAIN})

    async def get(self, request: web.Request) -> web.Response:
        path = request.path
        files = await self._build.files()
        if not files and not path.startswith(OTHERS):
            return web.Response(
                status=503,
                text=_NOT_BUILT,
                content_type="text/html",
                headers={**self._headers, hdrs.CACHE_CONTROL: "no-store", hdrs.RETRY_AFTER: "3"},
            )
        file = files.get(path)
        if file is None:
            if path.startswith(OTHERS) or PurePosixPath(path).suffix in _TYPES:
                error = refused(web.HTTPNotFound, "NOT_FOUND", "There is nothing at this address")
                error.headers.update(self._headers)
                raise error
            file = files["/index.html"]
        return self._answer(request, file, FOREVER if path.startswith("/assets/") else ASK_AGAIN)

    def _answer(self, request: web.Request, file: File, keep: str) -> web.Response:
        accepted = _accepted(request.headers.get(hdrs.ACCEPT_ENCODING, ""))
        encoding, body = next(
            ((name, content) for name, content in file.encoded if name in accepted), (None, file.body)
        )
        etag = f'"{file.etag}{"-" + encoding if encoding else ""}"'
        headers = {**self._headers, hdrs.CACHE_CONTROL: keep, hdrs.ETAG: etag, hdrs.VARY: hdrs.ACCEPT_ENCODING}
        known = request.headers.get(hdrs.IF_NONE_MATCH, "")
        # RFC 9110, 13.1.2: compared weakly, as a proxy may have made it weak.
        if known == "*" or etag in [tag.strip().removeprefix("W/") for tag in known.split(",")]:
            return web.Response(status=304, headers=headers)
        if encoding:
            headers[hdrs.CONTENT_ENCODING] = encoding
        return web.Response(body=body, headers={**headers, hdrs.CONTENT_TYPE: file.content_type})


def _accepted(header: str) -> set[str]:
    """The encodings in an `Accept-Encoding`, but for those with a weight of 0."""
    accepted = set()
    for part in header.lower().split(","):
        name, _, weight = part.partition(";")
        if not _NEVER.fullmatch(weight.strip()):
            accepted.add(name.strip())
    return accepted


def _signature(folder: Path) -> Signature:
    """Every file's path, time of change and size."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if name.startswith(".") or path.is_symlink():
                continue
            status = path.stat()
            found.append((f"/{path.relative_to(folder).as_posix()}", status.st_mtime_ns, status.st_size))
    return tuple(sorted(found))


def _read(folder: Path, signature: Signature) -> dict[str, File]:
    bodies = {path: (folder / path[1:]).read_bytes() for path, *_ in signature}
    files = {}
    for path, body in bodies.items():
        if path.endswith(tuple(ending for ending, _ in _ENCODINGS)):
            continue
        encoded = tuple(
            (encoding, bodies[path + ending]) for ending, encoding in _ENCODINGS if path + ending in bodies
        )
        content_type = _TYPES.get(PurePosixPath(path).suffix, "application/octet-stream")
        files[path] = File(body, content_type, hashlib.sha256(body).hexdigest()[:20], encoded)
    return files
