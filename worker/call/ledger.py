"""A call's own row in the database: begun, dialled, opened, disclosed, ended.

What must be true before the next step is awaited (`begin` before the dial, `open_media` before audio); the rest
goes through the outbox, in order.
"""

from __future__ import annotations

from typing import Any

from worker.call.outbox import Outbox
from worker.call.usage import Usage
from worker.deployment.client import Deployment
from worker.phone.carrier import CarrierStatus
from worker.phone.directory import StatusUpdate

BEGIN_PATIENCE_S = 20.0
"""Nobody waits on the line yet, and no attempt may be dialled that is not written."""

OPEN_MEDIA_PATIENCE_S = 2.0
"""Somebody has picked up: longer would be an awkward silence."""

_STATUS_WORDS = {
    CarrierStatus.INITIATED: "initiated",
    CarrierStatus.RINGING: "ringing",
    CarrierStatus.ANSWERED: "answered",
    CarrierStatus.IN_PROGRESS: "answered",
    CarrierStatus.BUSY: "busy",
    CarrierStatus.NO_ANSWER: "no-answer",
    CarrierStatus.FAILED: "failed",
    CarrierStatus.CANCELED: "canceled",
    CarrierStatus.COMPLETED: "completed",
}


def status_write(call_id: str, update: StatusUpdate) -> tuple[str, dict[str, Any]] | None:
    """The mutation that notes a status callback; None for one that says nothing (queued)."""
    word = _STATUS_WORDS.get(update.status)
    if word is None:
        return None
    args: dict[str, Any] = {"callId": call_id, "callSid": update.call_sid, "status": word, "at": update.at_ms}
    if update.answered_by:
        args["answeredBy"] = update.answered_by
    return "calls:carrierStatus", args


async def begin(
    deployment: Deployment,
    *,
    request_id: str,
    token: str,
    to: str,
    media_token_hash: str,
    worker_id: str,
    line: str,
) -> str:
    """Write the attempt, and return the call's id. `line` as in FLOYD_LINE. Raises what `Deployment` raises."""
    args = {
        "requestId": request_id,
        "token": token,
        "to": to,
        "mediaTokenHash": media_token_hash,
        "workerId": worker_id,
        "carrier": line,
    }
    result = await deployment.mutation("calls:begin", args, patience_s=BEGIN_PATIENCE_S)
    return str(result["callId"])


class Ledger:
    """The rows of one call that has begun."""

    def __init__(
        self, deployment: Deployment, outbox: Outbox, *, call_id: str, request_id: str, token: str
    ) -> None:
        self._deployment = deployment
        self._outbox = outbox
        self._call_id = call_id
        self._request_id = request_id
        self._token = token
        self._stage = ""

    async def open_media(self, call_sid: str, token_hash: str) -> None:
        """Let a media socket in, once. Raises what `Deployment` raises; FORBIDDEN is a refusal."""
        args = {"callId": self._call_id, "callSid": call_sid, "tokenHash": token_hash}
        await self._deployment.mutation("calls:openMedia", args, patience_s=OPEN_MEDIA_PATIENCE_S)

    def media_opened_late(self, call_sid: str, token_hash: str) -> None:
        """Note a socket that was let in while the deployment was away."""
        args = {"callId": self._call_id, "callSid": call_sid, "tokenHash": token_hash}
        self._outbox.put("calls:openMedia", args)

    def dialed(self, call_sid: str) -> None:
        self._outbox.put("calls:dialed", {"callId": self._call_id, "token": self._token, "callSid": call_sid})

    def status(self, update: StatusUpdate) -> None:
        write = status_write(self._call_id, update)
        if write is not None:
            self._outbox.put(*write)

    def stage(self, stage: str) -> None:
        if stage != self._stage:
            self._stage = stage
            args = {"requestId": self._request_id, "token": self._token, "stage": stage}
            self._outbox.put("requests:setStage", args)

    def disclosed(self, at_ms: float) -> None:
        self._outbox.put("calls:disclosed", {"callId": self._call_id, "token": self._token, "at": at_ms})

    def recorded(self, file: str) -> None:
        self._outbox.put("calls:recorded", {"callId": self._call_id, "token": self._token, "file": file})

    def hints_taken(self, hint_ids: list[str]) -> None:
        """The model knows them."""
        self._outbox.put("hints:taken", {"callId": self._call_id, "token": self._token, "hintIds": hint_ids})

    def owner_gone(self) -> None:
        """The owner had taken over and is not there any more: Floyd has the call again."""
        self._outbox.put("calls:ownerGone", {"callId": self._call_id, "token": self._token})

    def used(self, usage: Usage) -> None:
        args = {"callId": self._call_id, "token": self._token, "usage": usage.row()}
        self._outbox.put("calls:saveUsage", args)

    def ended(self, reason: str) -> None:
        self._outbox.put("calls:end", {"callId": self._call_id, "token": self._token, "endReason": reason[:200]})
