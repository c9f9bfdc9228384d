"""A worker's right to write about one request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from worker.deployment.client import Deployment

REQUEST_PATIENCE_S = 55.0
"""How long a request's own writes are retried: nearly the life of a lease (60 s). After that another worker may
have the request, so trying longer is of no use."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Every write carries the request's id and the fencing token. Raises as `Deployment` does."""

    deployment: Deployment
    request_id: str
    token: str

    async def write(self, path: str, *, patience_s: float = REQUEST_PATIENCE_S, **args: Any) -> Any:
        """Arguments that are None are left out (Convex knows absent fields, not null ones)."""
        given = {key: value for key, value in args.items() if value is not None}
        named = {"requestId": self.request_id, "token": self.token, **given}
        return await self.deployment.mutation(path, named, patience_s=patience_s)

    async def material(self) -> Any:
        named = {"requestId": self.request_id, "token": self.token}
        return await self.deployment.query("requests:material", named, patience_s=REQUEST_PATIENCE_S)
