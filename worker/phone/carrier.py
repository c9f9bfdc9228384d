"""What Floyd needs of a telephone carrier. Adding one is a file that fulfils `Carrier`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class CarrierStatus(StrEnum):
    """The states of a call as carriers name them (Twilio's CallStatus values)."""

    QUEUED = "queued"
    INITIATED = "initiated"
    RINGING = "ringing"
    ANSWERED = "answered"
    IN_PROGRESS = "in-progress"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    CANCELED = "canceled"
    COMPLETED = "completed"

    @property
    def is_final(self) -> bool:
        return self in _FINAL


_FINAL = frozenset(
    {
        CarrierStatus.BUSY,
        CarrierStatus.NO_ANSWER,
        CarrierStatus.FAILED,
        CarrierStatus.CANCELED,
        CarrierStatus.COMPLETED,
    }
)


class CarrierUnavailable(Exception):
    """The carrier could not be reached or answered with a server error. For `place` it is then unknown
    whether the call exists: look for it with `find` before anything else."""


class DialRefused(Exception):
    """The carrier took the request and said no (a bad number, no permission, no money).

    `message` is fit for a person to read."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


@dataclass(frozen=True, slots=True)
class DialOrder:
    """One call to place. URLs are public ones; the call's id rides in their paths."""

    to: str
    answer_url: str
    status_url: str
    answered_by_url: str
    ring_timeout_s: int
    time_limit_s: int


@dataclass(frozen=True, slots=True)
class CarrierCall:
    """A call as the carrier remembers it."""

    sid: str
    to: str
    status: CarrierStatus


class Carrier(Protocol):
    """Every method has a deadline of its own, and raises `CarrierUnavailable` past it."""

    async def place(self, order: DialOrder) -> str:
        """Ask the carrier to dial once (never retried: there is no idempotency key), and return its call id."""
        ...

    async def hang_up(self, call_sid: str) -> None:
        """End a call. Ending one that has ended, or that the carrier does not know, is no error."""
        ...

    async def find(self, to: str, since_ms: float) -> list[CarrierCall]:
        """Calls to `to` that began at or after `since_ms` (epoch ms), to adopt or end one whose id was lost."""
        ...

    async def send_text(self, to: str, body: str) -> str:
        """Send an SMS and return the carrier's message id."""
        ...

    async def close(self) -> None: ...
