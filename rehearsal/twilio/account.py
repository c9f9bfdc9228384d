"""One Twilio account: its calls and its text messages."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

import aiohttp

from rehearsal.scenario import E164
from rehearsal.state import RehearsalState
from rehearsal.twilio.call import PhoneCall
from rehearsal.twilio.errors import invalid_to, missing
from rehearsal.twilio.resource import API_VERSION, CallOrder, Form, sid

# A rehearsal that runs for days must not grow for ever; nobody asks for the call before the last thousand.
KEPT = 1000
# What carriers put into one SMS body.
MAX_BODY = 1600
# For the last callbacks of calls that a stop ends; an application that is gone too must not hold it up.
STOP_TIMEOUT_S = 3.0


@dataclass
class TextMessage:
    account_sid: str
    to: str
    from_: str
    body: str
    sid: str = field(default_factory=lambda: sid("SM"))
    created: float = field(default_factory=time.time)

    def as_json(self) -> dict[str, object]:
        date = format_datetime(datetime.fromtimestamp(self.created, UTC))
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "to": self.to,
            "from": self.from_,
            "body": self.body,
            "status": "sent",
            "direction": "outbound-api",
            "num_segments": str(-(-len(self.body) // 160)),
            "num_media": "0",
            "messaging_service_sid": None,
            "api_version": API_VERSION,
            "price": None,
            "price_unit": "USD",
            "error_code": None,
            "error_message": None,
            "date_created": date,
            "date_updated": date,
            "date_sent": date,
            "uri": f"/{API_VERSION}/Accounts/{self.account_sid}/Messages/{self.sid}.json",
            "subresource_uris": {},
        }


class Account:
    def __init__(
        self, account_sid: str, auth_token: str, state: RehearsalState, session: aiohttp.ClientSession
    ) -> None:
        self.sid = account_sid
        self.auth_token = auth_token
        self.state = state
        self.calls: dict[str, PhoneCall] = {}
        """By SID, oldest first."""
        self.messages: dict[str, TextMessage] = {}
        self._session = session

    def dial(self, order: CallOrder) -> PhoneCall:
        role = self.state.scenarios.role_at(order.to)
        call = PhoneCall(self.sid, self.auth_token, order, role, state=self.state, session=self._session)
        self.calls[call.resource.sid] = call
        if len(self.calls) > KEPT:
            old = next((key for key, kept in self.calls.items() if kept.done.done()), None)
            self.calls.pop(old or "", None)
        return call

    def send(self, form: Form) -> TextMessage:
        """Take a text message. Raises ApiError."""
        to, body = form.get("To", ""), form.get("Body", "")
        if not to:
            raise missing("To")
        if not E164.fullmatch(to):
            raise invalid_to(to)
        if not form.get("From") and not form.get("MessagingServiceSid"):
            raise missing("From")
        if not body or len(body) > MAX_BODY:
            raise missing("Body")
        message = TextMessage(self.sid, to, form.get("From", ""), body)
        self.messages[message.sid] = message
        if len(self.messages) > KEPT:
            self.messages.pop(next(iter(self.messages)))
        return message

    async def close(self) -> None:
        """Hang up all calls, and wait until their callbacks were delivered."""
        open_calls = [call for call in self.calls.values() if not call.done.done()]
        for call in open_calls:
            call.end("completed" if call.resource.answered else "canceled")
        if open_calls:
            await asyncio.wait([call.done for call in open_calls], timeout=STOP_TIMEOUT_S)
