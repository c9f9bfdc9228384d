"""What a request hands to a call, and what it gets back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from worker.call.steering import Steering
from worker.call.usage import Usage


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact the call may use. Facts marked `never` do not get this far."""

    text: str
    sharing: str
    fact_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the owner answered to a question of Floyd's."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """A line of a transcript as it was heard."""

    seq: int
    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class EarlierCall:
    attempt: int
    lines: tuple[SpokenLine, ...]
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class CallBrief:
    """All that a call needs to know. `token` is the lease's fencing token."""

    request_id: str
    token: str
    to: str
    callee_name: str
    request_text: str
    person_name: str
    timezone: str
    language: str
    plan: str
    voice: str = ""
    """By its vendor's name; empty: the worker's usual one."""
    facts: tuple[Fact, ...] = ()
    answers: tuple[Answer, ...] = ()
    earlier: tuple[EarlierCall, ...] = ()
    max_minutes: float = 10
    max_spend_usd: float | None = None
    record: bool = False


class Ending(StrEnum):
    """How a call ended, as the code saw it. The outcome is worked out from this and the transcript."""

    GOODBYE = "goodbye"  # Floyd ended it, after its goodbye was played
    CALLEE_HUNG_UP = "calleeHungUp"
    OWNER_HUNG_UP = "ownerHungUp"  # the person ended this call, not the request
    CALL_BACK = "callBack"  # Floyd lacks something and said it will call back: `question`
    VOICEMAIL = "voicemail"
    NO_ANSWER = "noAnswer"
    BUSY = "busy"
    FAILED = "failed"  # the carrier could not connect it: `detail`
    POLICY_BLOCKED = "policyBlocked"
    DROPPED = "dropped"  # the line broke
    SILENT = "silent"
    TOO_LONG = "tooLong"
    CANCELLED = "cancelled"
    LEASE_LOST = "leaseLost"
    DRAINED = "drained"
    ERROR = "error"  # a vendor or Floyd itself failed: `detail`


@dataclass(frozen=True, slots=True)
class CallReport:
    ending: Ending
    call_id: str | None = None
    reason: str = ""  # of the model's end_call: done, declined, wrong_number, refused_automated, other
    question: str = ""
    detail: str = ""  # one sentence for a person
    lines: tuple[SpokenLine, ...] = ()
    usage: Usage = field(default_factory=Usage)


class StopReason(StrEnum):
    CANCELLED = "cancelled"  # the person took the request back: hang up at once
    LEASE_LOST = "leaseLost"  # hang up at once
    DRAIN = "drain"  # say a polite goodbye, then hang up


AskOwner = Callable[[str, str], Awaitable[str | None]]
"""`await ask(question, call_id)`: the owner's answer, or None when nobody answered in time."""


@dataclass(slots=True)
class CallControl:
    """How the daemon reaches into a running call."""

    ask_owner: AskOwner
    stop: asyncio.Future[StopReason] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    steering: Steering = field(default_factory=Steering)


class Caller(Protocol):
    async def place(self, brief: CallBrief, control: CallControl) -> CallReport:
        """Make one call, from `calls:begin` to the end of it. Never raises for what happens on the line;
        cancelling it hangs up."""
        ...
