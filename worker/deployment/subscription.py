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

LINGER_S = 0.5
"""Taking down a cancelled iteration takes microseconds."""

log = structlog.get_logger(__name__)


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
        self._client: ConvexClient | None = ConvexClient(url.rstrip("/"))
        self._client.set_auth(token)

    def open(self, path: str, args: dict[str, Any]) -> Subscription:
        """Blocks the process until the client took it (well under a millisecond while the deployment is there)."""
        if self._client is None:
            raise RuntimeError("the subscriptions are closed")
        return Subscription(path, self._client.subscribe(path, args))

    def close(self) -> None:
        """Let go of the client, and with it of the socket. Cancel whoever iterates before."""
        client, self._client = self._client, None
        # Not at once: a stream that ends while a cancelled `async for` is still being taken down on the client's
        # own threads makes it panic (harmless, but a page of text on standard error). The timer holds the client.
        asyncio.get_running_loop().call_later(LINGER_S, _let_go, client)


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


def _let_go(client: ConvexClient | None) -> None:
    """The last reference goes with the timer that calls this."""


_NOTHING = object()
