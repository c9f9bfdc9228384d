"""How pages find the worker: its own addresses, and STUN and TURN servers where it has no address of its own.

Without servers the worker only answers: a page that reached it over HTTP reaches it here. `FLOYD_ICE_SERVERS`
is a list as WebRTC has it (W3C, RTCIceServer), in JSON; worker and page both use it.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Any

import orjson

MAX_SERVERS = 8

LOOPBACK = "127.0.0.1"

_URL = re.compile(r"(stuns?|turns?):[A-Za-z0-9.\-\[\]:]{1,255}(\?transport=(udp|tcp))?")
_HOST_CANDIDATE = re.compile(r"^(a=candidate:\S+ \d+ \S+ \d+ )(\S+)( \d+ typ host.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class IceServer:
    urls: list[str]
    username: str | None = None
    credential: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Ice:
    servers: tuple[IceServer, ...] = ()
    host: str | None = None
    """The address that pages are told (FLOYD_RTC_HOST); None: this machine's own."""

    def announced(self, sdp: str) -> str:
        """An answer as the page gets it: behind a NAT that maps one address to another, with the outer one."""
        if self.host is None:
            return sdp
        outer = ipaddress.ip_address(self.host)

        def replaced(match: re.Match[str]) -> str:
            inner = ipaddress.ip_address(match[2])
            kept = inner.version != outer.version or inner.is_loopback
            return match[0] if kept else f"{match[1]}{outer}{match[3]}"

        return _HOST_CANDIDATE.sub(replaced, sdp)

    def as_json(self) -> list[dict[str, Any]]:
        """For the page's RTCPeerConnection. Holds the TURN server's credentials, as the page needs them."""
        return [
            {
                "urls": one.urls,
                **({"username": one.username} if one.username else {}),
                **({"credential": one.credential} if one.credential else {}),
            }
            for one in self.servers
        ]


def listening_addresses(found: list[str], host: str | None) -> list[str]:
    """Where to listen, of this machine's addresses but loopback's. Loopback is one more: a page on a laptop
    without a network has no other."""
    every = [*found, LOOPBACK]
    return [host] if host in every else every


def read_servers(text: str) -> tuple[IceServer, ...]:
    """Raises ValueError, which names the mistake and repeats no credentials."""
    example = 'write it like [{"urls": "stun:stun.example.com:3478"}]'
    try:
        given = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ValueError(f"is not JSON; {example}") from None
    if not isinstance(given, list) or len(given) > MAX_SERVERS:
        raise ValueError(f"must be a list of at most {MAX_SERVERS} servers; {example}")
    servers = []
    for one in given:
        if not isinstance(one, dict):
            raise ValueError(f"must be a list of objects; {example}")
        urls = one.get("urls")
        urls = [urls] if isinstance(urls, str) else urls
        if not isinstance(urls, list) or not urls or not all(isinstance(url, str) for url in urls):
            raise ValueError(f"`urls` must be an address or a list of them; {example}")
        for url in urls:
            if not _URL.fullmatch(url):
                raise ValueError(f"`urls` must be addresses of STUN or TURN servers; {example}")
        username, credential = one.get("username"), one.get("credential")
        if not all(value is None or isinstance(value, str) for value in (username, credential)):
            raise ValueError("`username` and `credential` must be texts")
        servers.append(IceServer(urls, username, credential))
    return tuple(servers)


def read_host(text: str) -> str:
    """An IP address. Raises ValueError."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise ValueError(f'"{text}" is not an IP address; write it like "203.0.113.7"') from None
