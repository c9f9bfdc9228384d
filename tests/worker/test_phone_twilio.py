"""The official Twilio client against small servers: what is sent, what is repeated, what never is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import Any

import pytest
from aiohttp import encode_basic_auth, web
from phone_support import ACCOUNT, AUTH_TOKEN, CALL_SID, FLOYD, SCHOOL, make_settings

from worker.phone import twilio
from worker.phone.carrier import Carrier, CarrierStatus, CarrierUnavailable, DialOrder, DialRefused
from worker.phone.twilio import TwilioCarrier

ORDER = DialOrder(
    to=SCHOOL,
    answer_url="https://floyd.example.com/twilio/voice/c",
    status_url="https://floyd.example.com/twilio/status/c",
    answered_by_url="https://floyd.example.com/twilio/answered-by/c",
    ring_timeout_s=30,
    time_limit_s=600,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    """Notes each request and lets `answer` answer it."""

    def __init__(self, answer: Handler) -> None:
        self.answer = answer
        self.requests: list[tuple[str, str, dict[str, list[str]]]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == encode_basic_auth(ACCOUNT, AUTH_TOKEN)
        form = await request.post()
        fields = {name: [str(value) for value in form.getall(name)] for name in form}
        self.requests.append((request.method, request.path, fields))
        return await self.answer(request)


@asynccontextmanager
async def carrier_with(answer: Handler, prefix: str = "") -> AsyncIterator[tuple[Carrier, Api]]:
    api = Api(answer)
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", api.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}{prefix}"
    carrier: Carrier = TwilioCarrier(make_settings(twilio_api_base_url=base))
    try:
        yield carrier, api
    finally:
        await carrier.close()
        await runner.cleanup()


def problem(status: int, code: int, message: str) -> web.Response:
    return web.json_response({"code": code, "message": message, "status": status}, status=status)


async def created(_: web.Request) -> web.Response:
    return web.json_response({"sid": CALL_SID, "status": "queued"}, status=201)


@pytest.mark.parametrize("prefix", ["", "/behind/a/path"])
async def test_placing_a_call(prefix: str) -> None:
    async with carrier_with(created, prefix) as (carrier, api):
        assert await carrier.place(ORDER) == CALL_SID
    [(method, path, form)] = api.requests
    assert (method, path) == ("POST", f"{prefix}/2010-04-01/Accounts/{ACCOUNT}/Calls.json")
    assert form == {
        "To": [SCHOOL],
        "From": [FLOYD],
        "Url": [ORDER.answer_url],
        "Method": ["POST"],
        "StatusCallback": [ORDER.status_url],
        "StatusCallbackMethod": ["POST"],
        "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
        "Timeout": ["30"],
        "TimeLimit": ["600"],
        "MachineDetection": ["DetectMessageEnd"],
        "AsyncAmd": ["true"],
        "AsyncAmdStatusCallback": [ORDER.answered_by_url],
        "AsyncAmdStatusCallbackMethod": ["POST"],
    }


async def test_a_refusal_is_told_in_twilios_words() -> None:
    async def refuse(_: web.Request) -> web.Response:
        return problem(400, 21211, "The 'To' number is not a valid phone number.")

    async with carrier_with(refuse) as (carrier, api):
        with pytest.raises(DialRefused, match="not a valid phone number") as refused:
            await carrier.place(ORDER)
        assert refused.value.code == "21211"
        assert "\x1b" not in refused.value.message
        assert len(api.requests) == 1


async def test_wrong_credentials_name_the_settings_and_not_the_secret() -> None:
    async def deny(_: web.Request) -> web.Response:
        return problem(401, 20003, "Authenticate")

    async with carrier_with(deny) as (carrier, _):
        with pytest.raises(DialRefused, match="TWILIO_AUTH_TOKEN") as refused:
            await carrier.place(ORDER)
        assert AUTH_TOKEN not in str(refused.value)
        with pytest.raises(CarrierUnavailable, match="401") as unavailable:
            await carrier.find(SCHOOL, 0)
        assert AUTH_TOKEN not in str(unavailable.value)


async def broken(_: web.Request) -> web.Response:
    return problem(503, 0, "Service unavailable")


async def html(_: web.Request) -> web.Response:
    return web.Response(status=201, text="<html>a proxy's idea of an answer</html>")


async def cut(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def never(_: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


@pytest.mark.parametrize("answer", [broken, html, cut, never])
async def test_placing_is_never_repeated(answer: Handler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twilio, "PLACE_DEADLINE_S", 0.5)
    async with carrier_with(answer) as (carrier, api):
        with pytest.raises(CarrierUnavailable):
            await carrier.place(ORDER)
        with pytest.raises(CarrierUnavailable):
            await carrier.send_text(SCHOOL, "hello")
        assert len(api.requests) == 2


@pytest.mark.parametrize("answer", [broken, html, cut, never])
async def test_looking_and_hanging_up_are_repeated_and_bounded(
    answer: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio, "REQUEST_DEADLINE_S", 0.3)
    async with carrier_with(answer) as (carrier, api):
        with pytest.raises(CarrierUnavailable):
            await carrier.hang_up(CALL_SID)
        assert len(api.requests) == twilio.ATTEMPTS
        with pytest.raises(CarrierUnavailable):
            await carrier.find(SCHOOL, 0)
        # aiohttp itself asks again when a connection in use was closed, which is fine for looking.
        assert 2 * twilio.ATTEMPTS <= len(api.requests) <= 3 * twilio.ATTEMPTS


async def test_placing_is_not_repeated_on_a_connection_that_was_kept_open() -> None:
    """HTTP clients repeat what they sent on a kept connection that turns out to be closed; this must not."""
    answers = iter([created, cut, created])

    async def handle(request: web.Request) -> web.StreamResponse:
        return await next(answers)(request)

    async with carrier_with(handle) as (carrier, api):
        await carrier.place(ORDER)
        with pytest.raises(CarrierUnavailable):
            await carrier.place(ORDER)
        assert len(api.requests) == 2


async def test_hanging_up_gets_there_at_the_second_attempt() -> None:
    answers = iter([problem(429, 20429, "Too many requests"), web.json_response({"sid": CALL_SID})])

    async def second_time(_: web.Request) -> web.Response:
        return next(answers)

    async with carrier_with(second_time) as (carrier, api):
        await carrier.hang_up(CALL_SID)
    assert [form for _, _, form in api.requests] == [{"Status": ["completed"]}] * 2


@pytest.mark.parametrize(("status", "code"), [(404, 20404), (400, 21220)])
async def test_hanging_up_what_has_ended_is_no_error(status: int, code: int) -> None:
    async def over(_: web.Request) -> web.Response:
        return problem(status, code, "Call is not in-progress")

    async with carrier_with(over) as (carrier, _):
        await carrier.hang_up(CALL_SID)


def call(sid: str, age_s: float, status: str, to: str = SCHOOL, started: bool = True) -> dict[str, Any]:
    created_at = formatdate(time.time() - age_s)
    return {
        "sid": sid,
        "to": to,
        "from": FLOYD,
        "status": status,
        "date_created": created_at,
        "start_time": created_at if started else None,
    }


async def test_finding_calls_since_a_time() -> None:
    async def listing(request: web.Request) -> web.Response:
        assert request.query["To"] == SCHOOL
        assert request.query["From"] == FLOYD
        calls = [
            call("CAqueued", 1, "queued", started=False),
            call("CAnew", 5, "in-progress"),
            call("CAstrange", 6, "on-the-moon"),
            call("CAother", 6, "ringing", to="+14155550199"),
            call("CAold", 600, "completed"),
        ]
        return web.json_response({"calls": calls, "next_page_uri": None, "page_size": 50})

    async with carrier_with(listing) as (carrier, _):
        found = await carrier.find(SCHOOL, (time.time() - 60) * 1000)
    assert [(one.sid, one.status) for one in found] == [
        ("CAqueued", CarrierStatus.QUEUED),
        ("CAnew", CarrierStatus.IN_PROGRESS),
        ("CAstrange", CarrierStatus.IN_PROGRESS),
    ]


async def test_sending_a_text() -> None:
    async def sent(_: web.Request) -> web.Response:
        return web.json_response({"sid": "SM1"}, status=201)

    async with carrier_with(sent) as (carrier, api):
        assert await carrier.send_text(SCHOOL, "Is sixty dollars fine? ünïcode") == "SM1"
    [(_, path, form)] = api.requests
    assert path.endswith("/Messages.json")
    assert form == {"To": [SCHOOL], "From": [FLOYD], "Body": ["Is sixty dollars fine? ünïcode"]}


async def test_nobody_there() -> None:
    carrier = TwilioCarrier(make_settings(twilio_api_base_url="http://127.0.0.1:1"))
    with pytest.raises(CarrierUnavailable, match="can't be reached"):
        await carrier.place(ORDER)
    await carrier.close()
    await carrier.close()


def test_missing_settings_are_named() -> None:
    nothing = {
        "twilio_account_sid": None,
        "twilio_auth_token": None,
        "twilio_api_base_url": None,
        "twilio_phone_number": None,
    }
    with pytest.raises(ValueError, match="TWILIO_ACCOUNT_SID"):
        TwilioCarrier(make_settings(**nothing))
