"""Placing one call with the carrier: exactly once, whatever the network does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

import structlog
from tenacity import (
    AsyncRetrying,
    RetryError,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from worker.phone.carrier import Carrier, CarrierCall, CarrierUnavailable, DialOrder

log = structlog.get_logger(__name__)

FIND_AFTER_S = 1.0
"""A call whose answer was lost shows in the carrier's list within about a second."""
FIND_TRIES = 4
FIND_CLOCK_SLACK_MS = 5_000
"""The carrier's clock and this one may differ by so much."""

HANG_UP_TRIES = 5


async def place_once(
    carrier: Carrier, order: DialOrder, *, since_ms: float, known_sids: Callable[[], Collection[str]]
) -> str | None:
    """Dial, and return the carrier's id of the call.

    When the carrier's answer is lost, the call may exist: it is looked for, and never dialled again. None: no such
    call was found. `known_sids` are other calls of this worker. Raises `DialRefused`, and `CarrierUnavailable` if
    the carrier can't be asked either."""
    try:
        return await carrier.place(order)
    except CarrierUnavailable as error:
        log.warning("call.dial_unanswered", to=order.to[-4:], reason=str(error))
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(CarrierUnavailable),
        stop=stop_after_attempt(FIND_TRIES),
        wait=wait_exponential_jitter(multiplier=FIND_AFTER_S, max=4, jitter=0.2),
        reraise=True,
    ):
        with attempt:
            await asyncio.sleep(FIND_AFTER_S)
            found = await carrier.find(order.to, since_ms - FIND_CLOCK_SLACK_MS)
    known = known_sids()
    ours: list[CarrierCall] = [call for call in found if call.sid not in known and not call.status.is_final]
    if not ours:
        return None
    log.info("call.adopted", sid=ours[0].sid)
    return ours[0].sid


async def hang_up(carrier: Carrier, call_sid: str) -> bool:
    """End a call, bounded: a few tries in about 15 s. The carrier's time limit is behind it."""
    try:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(CarrierUnavailable),
            stop=stop_after_attempt(HANG_UP_TRIES),
            wait=wait_exponential_jitter(multiplier=0.3, max=4, jitter=0.2),
        ):
            with attempt:
                await carrier.hang_up(call_sid)
    except (RetryError, CarrierUnavailable):
        log.error("call.not_hung_up", sid=call_sid)
        return False
    return True
