"""Calls that nobody is in charge of any more: a worker died, or lost its lease, while a call was going on.

They are hung up, never taken over and never dialled again. A call whose carrier id was recorded is ended by that
id. One that died between dialling and recording is looked for at the carrier by number and time. The deployment
lists this worker's orphans and those of workers that have stopped.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import structlog

from worker.daemon.identity import Identity
from worker.daemon.registry import Registry
from worker.deployment.client import Deployment, DeploymentUnavailable, FunctionError
from worker.phone.carrier import Carrier, CarrierUnavailable

LOOK_EVERY_S = 60.0
"""Workers count as stopped after two minutes of silence, so looking more often finds nothing new."""

LOOK_BACK_S = 15 * 60.0
"""How far back an unrecorded call to a number is looked for. A crash and its restart are minutes apart; what the
account called before that is none of our business."""

END_REASON = "orphaned"

log = structlog.get_logger(__name__)


class Recovery:
    def __init__(self, deployment: Deployment, carrier: Carrier, identity: Identity, registry: Registry) -> None:
        self._deployment = deployment
        self._carrier = carrier
        self._identity = identity
        self._registry = registry

    async def run(self) -> None:
        """At start, and from then on every minute. What could not be ended is tried again next time."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> int:
        """Hang up what is orphaned; returns how many calls were settled."""
        try:
            rows = await self._deployment.query("calls:orphans", {"workerId": self._identity.worker_id})
        except (DeploymentUnavailable, FunctionError) as error:
            log.warning("orphaned calls cannot be looked for", reason=str(error))
            return 0
        settled = 0
        for row in rows:
            # A call of ours whose request was just cancelled is being hung up by the call itself.
            if self._registry.holds(row["requestId"]):
                continue
            try:
                settled += await self._settle(row)
            except (CarrierUnavailable, DeploymentUnavailable, FunctionError) as error:
                log.warning("an orphaned call could not be ended yet", call=row["callId"], reason=str(error))
        return settled

    async def _settle(self, row: dict[str, Any]) -> bool:
        sid, to = row.get("callSid"), row["to"]
        if sid is None and any(running.run.calling == to for running in self._registry):
            # The number is being called right now, so what the carrier lists may be that call: later.
            return False
        sids = [sid] if sid is not None else await self._unrecorded(to)
        for one in sids:
            await self._carrier.hang_up(one)
        await self._deployment.mutation("calls:resolveOrphan", {"callId": row["callId"], "endReason": END_REASON})
        log.info("orphaned call ended", call=row["callId"], request=row["requestId"], hung_up=len(sids))
        return True

    async def _unrecorded(self, to: str) -> list[str]:
        found = await self._carrier.find(to, (time.time() - LOOK_BACK_S) * 1000)
        return [call.sid for call in found if not call.status.is_final]
