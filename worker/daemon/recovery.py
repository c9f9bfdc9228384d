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

TRY_AGAIN_S = 5.0
"""When something could not be ended: at start the carrier, or a stand-in for it, may be a moment behind."""

END_REASON = "orphaned"

log = structlog.get_logger(__name__)


class Recovery:
    def __init__(self, deployment: Deployment, carrier: Carrier, identity: Identity, registry: Registry) -> None:
        self._deployment = deployment
        self._carrier = carrier
        self._identity = identity
        self._registry = registry

    async def run(self) -> None:
        """At start, and from then on every minute; sooner while something is left."""
        while True:
            all_settled = await self.look()
            await asyncio.sleep(LOOK_EVERY_S if all_settled else TRY_AGAIN_S)

    async def look(self) -> bool:
        """Hang up what is orphaned. False when something is left to be tried again."""
        try:
            rows = await self._deployment.query("calls:orphans", {"workerId": self._identity.worker_id})
        except (DeploymentUnavailable, FunctionError) as error:
            log.warning("orphaned calls cannot be looked for", reason=str(error))
            return False
        all_settled = True
        for row in rows:
            # A call of ours whose request was just cancelled is being hung up by the call itself.
            if self._registry.holds(row["requestId"]):
                continue
            try:
                all_settled &= await self._settle(row)
            except (CarrierUnavailable, DeploymentUnavailable, FunctionError) as error:
                log.warning("an orphaned call could not be ended yet", call=row["callId"], reason=str(error))
                all_settled = False
        return all_settled

    async def _settle(self, row: dict[str, Any]) -> bool:
        sid, to = row.get("callSid"), row["to"]
        sids = [sid] if sid is not None else await self._unrecorded(to)
        if sid is None and any(running.run.calling == to for running in self._registry):
            # The number is being called right now, so what the carrier lists may be that call: later. Looked at
            # only after the list has come, because a call may begin while it is on its way.
            return False
        for one in sids:
            await self._carrier.hang_up(one)
        await self._deployment.mutation("calls:resolveOrphan", {"callId": row["callId"], "endReason": END_REASON})
        log.info("orphaned call ended", call=row["callId"], request=row["requestId"], hung_up=len(sids))
        return True

    async def _unrecorded(self, to: str) -> list[str]:
        found = await self._carrier.find(to, (time.time() - LOOK_BACK_S) * 1000)
        return [call.sid for call in found if not call.status.is_final]
