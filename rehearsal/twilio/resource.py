"""The Call resource: what was asked for, and what the REST API tells of a call."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import urlsplit

from rehearsal.scenario import E164
from rehearsal.twilio.errors import ApiError, bad_parameter, invalid_to, missing

API_VERSION = "2010-04-01"
EVENTS = ("initiated", "ringing", "answered", "completed")
STATUSES = ("queued", "ringing", "in-progress", "canceled", "completed", "failed", "busy", "no-answer")
FINAL = frozenset(STATUSES[3:])

# Twilio's defaults and limits.
RING_TIMEOUT_S, MAX_RING_TIMEOUT_S = 60, 600
TIME_LIMIT_S = 14_400
DETECTION_TIMEOUT_S = 30

Form = Mapping[str, str]


def sid(prefix: str) -> str:
    return prefix + secrets.token_hex(16)


@dataclass(frozen=True)
class CallOrder:
    """The parameters of ``POST Calls.json`` that are rehearsed."""

    to: str
    from_: str
    url: str | None
    method: str
    twiml: str | None
    status_callback: str | None
    status_callback_method: str
    events: frozenset[str]
    ring_timeout_s: float
    time_limit_s: float
    machine_detection: str | None
    """None, ``Enable`` or ``DetectMessageEnd``."""
    detection_timeout_s: float
    async_amd: bool
    async_amd_callback: str | None
    async_amd_callback_method: str

    @classmethod
    def read(cls, form: Form, events: Sequence[str]) -> CallOrder:
        """Check a request's form; ``events`` are its StatusCallbackEvent values. Raises ApiError."""
        to, from_ = form.get("To", "").strip(), form.get("From", "").strip()
        if not to:
            raise missing("To")
        if not E164.fullmatch(to):
            raise invalid_to(to)
        if not from_:
            raise missing("From")
        if not E164.fullmatch(from_):
            raise ApiError(
                400, 21212, f"The phone number provided as caller, {from_}, is not a valid phone number."
            )
        if to == from_:
            raise ApiError(400, 21225, "The 'To' and 'From' phone numbers are the same.")
        url, twiml = read_url(form, "Url", 21205), form.get("Twiml") or None
        if url is None and twiml is None:
            raise missing("Url")
        asked = [event for value in events for event in value.split()]
        for event in asked:
            if event not in EVENTS:
                raise ApiError(400, 21626, f"Invalid status callback event {event}; allowed: {', '.join(EVENTS)}")
        detection = form.get("MachineDetection") or None
        if detection not in (None, "Enable", "DetectMessageEnd"):
            raise bad_parameter("MachineDetection", detection, "Enable, DetectMessageEnd")
        return cls(
            to=to,
            from_=from_,
            url=url,
            method=read_method(form, "Method"),
            twiml=twiml,
            status_callback=read_url(form, "StatusCallback", 21609),
            status_callback_method=read_method(form, "StatusCallbackMethod"),
            events=frozenset(asked or ["completed"]),
            ring_timeout_s=_whole(form, "Timeout", RING_TIMEOUT_S, 1, MAX_RING_TIMEOUT_S),
            time_limit_s=_whole(form, "TimeLimit", TIME_LIMIT_S, 1, 86_400),
            machine_detection=detection,
            detection_timeout_s=_whole(form, "MachineDetectionTimeout", DETECTION_TIMEOUT_S, 3, 59),
            async_amd=form.get("AsyncAmd", "false").lower() == "true",
            async_amd_callback=read_url(form, "AsyncAmdStatusCallback", 21609),
            async_amd_callback_method=read_method(form, "AsyncAmdStatusCallbackMethod"),
        )


@dataclass
class CallResource:
    account_sid: str
    order: CallOrder
    sid: str = field(default_factory=lambda: sid("CA"))
    status: str = "queued"
    answered_by: str | None = None
    created: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)
    answered: float | None = None
    ended: float | None = None

    @property
    def duration_s(self) -> int:
        """Whole seconds from the answer to the end; 0 for a call that nobody answered."""
        if self.answered is None:
            return 0
        return round((self.ended or time.time()) - self.answered)

    @property
    def uri(self) -> str:
        return f"/{API_VERSION}/Accounts/{self.account_sid}/Calls/{self.sid}.json"

    def set_status(self, status: str) -> None:
        self.status, self.updated = status, time.time()
        if status in FINAL:
            self.ended = self.updated

    def parameters(self) -> dict[str, str]:
        """What every request about this call carries."""
        order = self.order
        return {
            "CallSid": self.sid,
            "AccountSid": self.account_sid,
            "From": order.from_,
            "To": order.to,
            "Caller": order.from_,
            "Called": order.to,
            "CallStatus": self.status,
            "Direction": "outbound-api",
            "ApiVersion": API_VERSION,
        }

    def as_json(self) -> dict[str, object]:
        start = self.answered if self.answered is not None else None
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "parent_call_sid": None,
            "to": self.order.to,
            "to_formatted": self.order.to,
            "from": self.order.from_,
            "from_formatted": self.order.from_,
            "phone_number_sid": None,
            "status": self.status,
            "start_time": _date(start),
            "end_time": _date(self.ended),
            "duration": str(self.duration_s) if self.ended else None,
            "price": None,
            "price_unit": "USD",
            "direction": "outbound-api",
            "answered_by": self.answered_by,
            "annotation": None,
            "api_version": API_VERSION,
            "forwarded_from": None,
            "group_sid": None,
            "caller_name": None,
            "queue_time": "0",
            "trunk_sid": None,
            "date_created": _date(self.created),
            "date_updated": _date(self.updated),
            "uri": self.uri,
            "subresource_uris": {},
        }


def _date(epoch_s: float | None) -> str | None:
    return None if epoch_s is None else format_datetime(datetime.fromtimestamp(epoch_s, UTC))


def read_url(form: Form, name: str, code: int) -> str | None:
    """A URL of a form, None where there is none. Raises ApiError with Twilio's ``code`` for one that is not."""
    value = form.get(name)
    if not value:
        return None
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ApiError(400, code, f"{name} is not a valid URL: {value}")
    return value


def read_method(form: Form, name: str) -> str:
    """GET or POST (the default). Raises ApiError."""
    method = form.get(name, "POST").upper()
    if method not in ("GET", "POST"):
        raise bad_parameter(name, method, "GET, POST")
    return method


def _whole(form: Form, name: str, default: int, low: int, high: int) -> int:
    given = form.get(name)
    if given is None or given == "":
        return default
    if not given.isdecimal() or not low <= int(given) <= high:
        raise bad_parameter(name, given, f"a whole number of seconds from {low} to {high}")
    return int(given)
