"""Trying again, for what nearly always succeeds at once.

Tenacity's objects refer to each other in circles, some thirty of them for every use. On a path that is taken
hundreds of times a second they are nearly all that the garbage collector has to find, and while it looks, every
call's audio waits. So tenacity comes in when there is a failure, and takes it for its own first attempt.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying

Result = TypeVar("Result")
Errors = type[Exception] | tuple[type[Exception], ...]


async def again(
    attempt: Callable[[], Awaitable[Result]], on: Errors, retrying: Callable[[], AsyncRetrying]
) -> Result:
    """What `attempt()` returns. When it raises one of `on`, it is tried again as `retrying()` says, whose first
    attempt this was; a time that `retrying` counts begins with that failure."""
    try:
        return await attempt()
    except on as error:
        first: list[Exception] = [error]

    async def repeated() -> Result:
        if first:
            raise first.pop()
        return await attempt()

    return await retrying()(repeated)
