"""Sending the text messages that wait in the deployment: questions to an owner who has a telephone."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from worker.deployment.client import Deployment, DeploymentUnavailable, FunctionError
from worker.phone.carrier import Carrier, CarrierUnavailable, DialRefused

TRY_AGAIN_S = 5.0
"""A carrier or deployment that is away is tried again after this; the question's deadline is longer."""

log = structlog.get_logger(__name__)


class Texts:
    def __init__(self, deployment: Deployment, carrier: Carrier) -> None:
        self._deployment = deployment
        self._carrier = carrier
        self._rows: list[dict[str, Any]] = []
        self._news = asyncio.Event()
        self._sids: dict[str, str] = {}  # message id -> carrier's id, until the deployment knows it

    def on_outbox(self, rows: Any) -> None:
        """A value of `messages:outbox`."""
        self._rows = list(rows)
        waiting = {row["messageId"] for row in self._rows}
        self._sids = {known: sid for known, sid in self._sids.items() if known in waiting}
        self._news.set()

    async def run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            for row in self._rows:
                try:
                    await self._send(row)
                except (CarrierUnavailable, DeploymentUnavailable, FunctionError) as error:
                    log.warning("a text message waits", message=row["messageId"], reason=str(error))
                    await asyncio.sleep(TRY_AGAIN_S)
                    self._news.set()

    async def _send(self, row: dict[str, Any]) -> None:
        """Once: a message whose sending was acknowledged is not sent again, only its note is."""
        message_id = row["messageId"]
        sid = self._sids.get(message_id)
        if sid is None:
            try:
                sid = await self._carrier.send_text(row["to"], row["body"])
            except DialRefused as error:
                args = {"messageId": message_id, "error": error.message}
                await self._deployment.mutation("messages:sent", args)
                return
            self._sids[message_id] = sid
        await self._deployment.mutation("messages:sent", {"messageId": message_id, "sid": sid})
