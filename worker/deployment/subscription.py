"""Live queries over PyPI `convex`.

That client holds the interpreter's lock while `subscribe`, `set_auth` and the like wait for the deployment: with
the deployment away, the whole process would stand still, and no time-out would fire. Only `async for` over an open
subscription is free of it. Therefore: open everything at once, after the deployment has answered over HTTP, and
from then on only iterate. The client reconnects by itself, for ever, and says nothing when it is offline;
what must not be missed (a lost lease) is told by the heartbeat too.

After a reconnect it delivers the current value again even if nothing changed; such repeats are dropped here.
All numbers arrive as floats.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import structlog

from convex import ConvexClient, ConvexInt64, QuerySubscription

PAUSE_AFTER_ERROR_S = 1.0
"""A query that fails is delivered again when its data changes; the pause only stops a broken client from
spinning."""

log = structlog.get_logger(__name__)


_CLIENTS: list[ConvexClient] = []
"""Held to the end of the process. A client that goes away while a cancelled `async for` is still being taken down
on its own threads panics there (harmless, but a page of text on standard error), and nobody tells when that is."""


class Subscription:
    """One live query. Iterate over it once; each value differs from the one before."""

    def __init__(self, path: str, inner: QuerySubscription) -> None:
        self.path = path
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[Any]:
        last: Any = _NOTHING
        while True:
            try:
                value = plain(await anext(self._inner))
            except StopAsyncIteration:
                return
            except Exception as error:  # the client raises bare exceptions for a query that failed
                log.error("live query failed", path=self.path, error=str(error))
                await asyncio.sleep(PAUSE_AFTER_ERROR_S)
                continue
            if value != last:
                last = value
                yield value


class Subscriptions:
    """All live queries of this process, on one socket. Build it only after the deployment has answered."""

    def __init__(self, url: str, token: str) -> None:
        client = ConvexClient(url.rstrip("/"))
        client.set_auth(token)
        _CLIENTS.append(client)
        self._client: ConvexClient | None = client

    def open(self, path: str, args: dict[str, Any]) -> Subscription:
        """Blocks the process until the client took it (well under a millisecond while the deployment is there)."""
        if self._client is None:
            raise RuntimeError("the subscriptions are closed")
        return Subscription(path, self._client.subscribe(path, args))

    def close(self) -> None:
        """Open nothing more. Cancel whoever iterates; the socket stays until the process ends."""
        self._client = None


def plain(value: Any) -> Any:
    """Convex values as plain JSON values: 64-bit integers become `int`, floats stay floats."""
    match value:
        case ConvexInt64():
            return int(value.value)
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case _:
            return value


_NOTHING = object()
