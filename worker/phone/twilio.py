"""Twilio's REST API behind the `Carrier` protocol, by the official client.

The client has no setting for its base URL, so it is given an HTTP client that puts TWILIO_API_BASE_URL in the
place of https://api.twilio.com. Placing a call or sending a text is never repeated: Twilio has no idempotency
key, and a second call is worse than none. Looking and hanging up are repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import structlog
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

# The client imports this on first use, which would hold up the event loop for a tenth of a second.
from twilio.rest.api.v2010.account.call import CallInstance

from worker.phone.carrier import CarrierCall, CarrierStatus, CarrierUnavailable, DialOrder, DialRefused

if TYPE_CHECKING:
    from worker.settings import Settings

log = structlog.get_logger(__name__)
T = TypeVar("T")

PLACE_DEADLINE_S = 15.0
"""Twilio answers within a second as a rule. A call whose placing timed out may exist, and must be looked for:
patience is cheaper than that."""
REQUEST_DEADLINE_S = 8.0
"""One attempt of anything that may be repeated."""
ATTEMPTS = 3

FIND_LIMIT = 50
"""Calls to one number that are looked at, newest first. A crash is noticed within minutes."""
CLOCK_TOLERANCE_MS = 2_000.0
"""Twilio's times are whole seconds, by Twilio's clock."""

_NOT_FOUND = 404
_TOO_MANY = 429
_REFUSALS = (400, 500)
_CREDENTIALS = frozenset({401, 403})


class TwilioCarrier:
    """Fulfils `worker.phone.carrier.Carrier`. Build it anywhere; it connects on first use, inside the loop.

    Raises `ValueError`, naming the setting, when the account or the number is missing."""

    def __init__(self, settings: Settings) -> None:
        if not settings.twilio_account_sid:
            raise ValueError("TWILIO_ACCOUNT_SID is not set")
        if settings.twilio_auth_token is None:
            raise ValueError("TWILIO_AUTH_TOKEN is not set")
        if not settings.twilio_phone_number:
            raise ValueError("TWILIO_PHONE_NUMBER is not set: Floyd calls from it")
        self._sid = settings.twilio_account_sid
        self._secret = settings.twilio_auth_token
        self._from = settings.twilio_phone_number
        self._base_url = settings.twilio_api_base_url
        self._http: _HttpClient | None = None
        self._client: Any = None

    async def place(self, order: DialOrder) -> str:
        """See `Carrier.place`. Raises `DialRefused` (nothing was dialled) and `CarrierUnavailable` (unknown)."""
        client = self._connect()
        call = await _refusable(
            lambda: client.calls.create_async(
                to=order.to,
                from_=self._from,
                url=order.answer_url,
                method="POST",
                status_callback=order.status_url,
                status_callback_method="POST",
                status_callback_event=["initiated", "ringing", "answered", "completed"],
                timeout=order.ring_timeout_s,
                time_limit=order.time_limit_s,
                # The verdict on who answered comes by its own callback while the call already goes on;
                # DetectMessageEnd also waits for the beep of a voicemail, which Floyd wants to speak after.
                machine_detection="DetectMessageEnd",
                async_amd="true",
                async_amd_status_callback=order.answered_by_url,
                async_amd_status_callback_method="POST",
            )
        )
        return str(call.sid)

    async def hang_up(self, call_sid: str) -> None:
        client = self._connect()
        try:
            await _repeated(lambda: client.calls(call_sid).update_async(status="completed"))
        except _Answered as error:
            if error.status == _NOT_FOUND or error.code == _CALL_NOT_IN_PROGRESS:
                return
            raise CarrierUnavailable(str(error)) from error

    async def find(self, to: str, since_ms: float) -> list[CarrierCall]:
        client = self._connect()
        try:
            # Twilio can filter by start time, but a call that is still queued has none.
            found = await _repeated(lambda: client.calls.list_async(to=to, from_=self._from, limit=FIND_LIMIT))
        except _Answered as error:
            raise CarrierUnavailable(str(error)) from error
        since = datetime.fromtimestamp((since_ms - CLOCK_TOLERANCE_MS) / 1000, UTC)
        return [
            CarrierCall(str(call.sid), str(call.to), _status(call))
            for call in found
            if call.to == to and ((began := _began(call)) is None or began >= since)
        ]

    async def send_text(self, to: str, body: str) -> str:
        """See `Carrier.send_text`; not repeated. Raises `DialRefused` when Twilio will not send it."""
        client = self._connect()
        message = await _refusable(lambda: client.messages.create_async(to=to, from_=self._from, body=body))
        return str(message.sid)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = self._client = None

    def _connect(self) -> Any:
        if self._client is None:
            self._http = _HttpClient(self._base_url)
            self._client = Client(self._sid, self._secret.get_secret_value(), http_client=self._http)
        return self._client


class _HttpClient(AsyncTwilioHttpClient):  # type: ignore[misc]
    """The official asynchronous client with another host in front of the path."""

    def __init__(self, base_url: str | None) -> None:
        super().__init__()
        self._base_url = base_url.rstrip("/") if base_url else None

    async def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        if self._base_url is not None:
            parts = urlsplit(url)
            url = self._base_url + parts.path + (f"?{parts.query}" if parts.query else "")
        return await super().request(method, url, *args, **kwargs)


class _Answered(Exception):
    """Twilio took the request and answered with an error of ours (4xx)."""

    def __init__(self, status: int, code: int, reason: str) -> None:
        super().__init__(f"Twilio answered {status}: {reason}" + (f" (error {code})" if code else ""))
        self.status = status
        self.code = code
        self.reason = reason


_CALL_NOT_IN_PROGRESS = 21220
"""Twilio's error for changing a call that has ended."""


async def _once(ask: Callable[[], Awaitable[T]], deadline_s: float) -> T:
    try:
        async with asyncio.timeout(deadline_s):
            return await ask()
    except TimeoutError as error:
        raise CarrierUnavailable(f"Twilio did not answer within {deadline_s:g} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise CarrierUnavailable(f"Twilio can't be reached: {type(error).__name__}: {error}") from error
    except ValueError as error:
        raise CarrierUnavailable("Twilio answered with something that is not JSON") from error
    except TwilioException as error:
        answered = _answered(error)
        if not _REFUSALS[0] <= answered.status < _REFUSALS[1]:
            raise CarrierUnavailable(str(answered)) from error
        raise answered from error


def _answered(error: TwilioException) -> _Answered:
    """The client's two kinds of exception in one. Their own texts hold colour codes and the whole request."""
    if isinstance(error, TwilioRestException):
        return _Answered(error.status, error.code or 0, str(error.msg))
    for argument in error.args:  # a list that could not be fetched: ("Unable to fetch page", response)
        if isinstance(argument, Response):
            return _Answered(argument.status_code, 0, "no list of calls")
    return _Answered(0, 0, type(error).__name__)


async def _refusable(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask once; a refusal becomes a `DialRefused`, which says for sure that nothing happened."""
    try:
        return await _once(ask, PLACE_DEADLINE_S)
    except _Answered as error:
        if error.status in _CREDENTIALS:
            message = (
                f"Twilio refused the account ({error.reason}): check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN."
            )
        else:
            message = error.reason
        raise DialRefused(message, str(error.code or error.status)) from error


async def _repeated(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until there is an answer, `ATTEMPTS` times at most. Raises `CarrierUnavailable` and `_Answered`."""
    retrying = AsyncRetrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.2, max=2.0),
        retry=retry_if_exception(_is_passing),
        before_sleep=lambda state: log.warning("twilio.again", attempt=state.attempt_number),
        reraise=True,
    )
    return await retrying(_once, ask, REQUEST_DEADLINE_S)


def _is_passing(error: BaseException) -> bool:
    return isinstance(error, CarrierUnavailable) or (isinstance(error, _Answered) and error.status == _TOO_MANY)


def _status(call: CallInstance) -> CarrierStatus:
    try:
        return CarrierStatus(str(call.status))
    except ValueError:
        # A state that Twilio adds one day: taken as one that has not ended, so that it is hung up.
        return CarrierStatus.IN_PROGRESS


def _began(call: CallInstance) -> datetime | None:
    began: datetime | None = call.start_time or call.date_created
    return began.replace(tzinfo=UTC) if began is not None and began.tzinfo is None else began
