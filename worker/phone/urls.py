"""The public addresses that a carrier is given, and the paths behind them.

Twilio signs the exact address it was given, so what is signed must be told from the settings and never from the
request's Host header: a proxy or tunnel rewrites that. FLOYD_PUBLIC_URL may have a path (a reverse proxy that
passes `https://example.com/floyd/` on to the worker), which the proxy may or may not take off on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from worker.settings import Settings

PREFIX = "/twilio"


@dataclass(frozen=True, slots=True)
class PublicBase:
    """FLOYD_PUBLIC_URL in its parts: `origin` without a slash at the end, `path` empty or `/like/this`."""

    origin: str
    path: str

    @property
    def url(self) -> str:
        return self.origin + self.path

    @property
    def socket_url(self) -> str:
        """The same for WebSockets: http becomes ws, https becomes wss."""
        return "ws" + self.url.removeprefix("http")


@dataclass(frozen=True, slots=True)
class CallUrls:
    """What a carrier needs to know about one call."""

    voice: str
    status: str
    answered_by: str
    media: str


def public_base(settings: Settings) -> PublicBase:
    """Raises `ValueError`, naming the setting, for an address that can't be built upon."""
    parts = urlsplit(settings.public_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("FLOYD_PUBLIC_URL must begin with http:// or https:// and name a host")
    if parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError("FLOYD_PUBLIC_URL must hold no user, query or fragment, only scheme, host and path")
    return PublicBase(f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/"))


def public_urls(settings: Settings, call_id: str) -> CallUrls:
    base = public_base(settings)
    return CallUrls(
        voice=f"{base.url}{PREFIX}/voice/{call_id}",
        status=f"{base.url}{PREFIX}/status/{call_id}",
        answered_by=f"{base.url}{PREFIX}/answered-by/{call_id}",
        media=f"{base.socket_url}{PREFIX}/media/{call_id}",
    )


def call_id_of(url: str) -> str:
    """The call that one of `public_urls` is for."""
    return urlsplit(url).path.rpartition("/")[2]
