"""The deployment's functions as the worker calls them.

PyPI `convex` blocks the whole process while any call of it waits, so functions go over the documented HTTP
function API; only subscriptions use that client (see subscription.py).
"""

from __future__ import annotations

from typing import Any, Protocol


class FunctionError(Exception):
    """A function refused: what its `ConvexError({code, message, field?})` said, or code "SERVER" for others."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.field = field


class LeaseLost(FunctionError):
    """Another worker, an expiry or a cancel took the request: stop working on it, hang up."""


class DeploymentUnavailable(Exception):
    """No answer from the deployment within the deadline, retries included."""


def is_passing(error: FunctionError | DeploymentUnavailable) -> bool:
    """Whether the same call may well succeed later: nobody answered, or the deployment had trouble of its own
    (code "SERVER": a conflict of transactions, an overload). Other codes are about what was asked, and by whom."""
    return isinstance(error, DeploymentUnavailable) or error.code == "SERVER"


class Deployment(Protocol):
    """Arguments and results are plain JSON values; numbers may come back as floats.

    `patience_s` bounds the whole call with its retries. Mutations carry natural keys, so retrying is harmless.
    Raises `FunctionError` (never retried), `LeaseLost`, `DeploymentUnavailable`."""

    async def query(self, path: str, args: dict[str, Any], *, patience_s: float = ...) -> Any: ...

    async def mutation(self, path: str, args: dict[str, Any], *, patience_s: float = ...) -> Any: ...

    async def close(self) -> None: ...
