"""The client's side of a WebSocket (RFC 6455), for text messages only: what a carrier needs, at the lowest cost.

A client must mask what it sends. The key here is zero, which leaves the bytes as they are; masking protects
proxies, and there is none.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

CONNECT_S = 10.0
MAX_HEAD_BYTES = 16 * 1024

_TEXT, _CLOSE, _PONG = 0x1, 0x8, 0xA
_NO_MASK = b"\0\0\0\0"


class Refused(Exception):
    """The server did not take the connection."""


class WebSocket(asyncio.Protocol):
    """`on_text(message)` and, once, `on_closed()` are called by the event loop."""

    def __init__(self, on_text: Callable[[bytes], None], on_closed: Callable[[], None]) -> None:
        self._on_text = on_text
        self._on_closed = on_closed
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closing = False

    async def connect(self, url: str, headers: dict[str, str]) -> None:
        """Raises `Refused`."""
        parts = urlsplit(url)
        lines = [
            f"GET {parts.path} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        try:
            async with asyncio.timeout(CONNECT_S):
                loop = asyncio.get_running_loop()
                transport, _ = await loop.create_connection(lambda: self, parts.hostname or "", parts.port or 80)
                transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())
                await self._open
        except (OSError, TimeoutError) as error:
            raise Refused(f"{url}: {error or type(error).__name__}") from error

    def send(self, text: bytes) -> None:
        self._send(_TEXT, text)

    def close(self) -> None:
        """Normal closure."""
        if not self._closing:
            self._closing = True
            self._send(_CLOSE, (1000).to_bytes(2, "big"))

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _send(self, opcode: int, payload: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        size = len(payload)
        if size < 126:
            head = bytes((0x80 | opcode, 0x80 | size))
        elif size < 1 << 16:
            head = bytes((0x80 | opcode, 0xFE)) + size.to_bytes(2, "big")
        else:
            head = bytes((0x80 | opcode, 0xFF)) + size.to_bytes(8, "big")
        transport.write(head + _NO_MASK + payload)

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._open.done() and not self._read_head():
            return
        while self._read_frame():
            pass

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._open.done():
            self._open.set_exception(Refused("the connection was closed in the handshake"))
        self._on_closed()

    def _read_head(self) -> bool:
        """Whether the server's answer to the handshake is there, and says yes."""
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            if len(self._received) > MAX_HEAD_BYTES:
                self._open.set_exception(Refused("an endless answer"))
                self.abort()
            return False
        status = bytes(self._received[: self._received.find(b"\r\n")])
        del self._received[: end + 4]
        if b" 101 " not in status:
            self._open.set_exception(Refused(status.decode(errors="replace")))
            self.abort()
            return False
        self._open.set_result(None)
        return True

    def _read_frame(self) -> bool:
        """Take one frame off, if it is there whole. The server sends messages unmasked and unfragmented."""
        buffer = self._received
        if len(buffer) < 2:
            return False
        size, at = buffer[1] & 0x7F, 2
        if size == 126:
            size, at = int.from_bytes(buffer[2:4], "big"), 4
        elif size == 127:
            size, at = int.from_bytes(buffer[2:10], "big"), 10
        if len(buffer) < at or len(buffer) < at + size:
            return False
        opcode, payload = buffer[0] & 0x0F, bytes(buffer[at : at + size])
        del buffer[: at + size]
        match opcode:
            case 0x1:
                self._on_text(payload)
            case 0x9:
                self._send(_PONG, payload)
            case 0x8:
                self.close()
                assert self._transport is not None
                self._transport.close()
                return False
        return True
