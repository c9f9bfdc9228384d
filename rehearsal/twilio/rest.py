"""Twilio's REST API, version 2010-04-01: the parts that place, watch and end calls, and send text messages.

    POST /2010-04-01/Accounts/{Sid}/Calls.json         place a call: 201
    GET  /2010-04-01/Accounts/{Sid}/Calls.json         list, newest first: To, From, Status, StartTime,
                                                       StartTime<, StartTime>, PageSize, Page
    GET  /2010-04-01/Accounts/{Sid}/Calls/{Sid}.json   one call
    POST /2010-04-01/Accounts/{Sid}/Calls/{Sid}.json   Status=completed|canceled, or a new Url or Twiml
    POST and GET .../Messages.json, GET .../Messages/{Sid}.json

Requests are form encoded and carry Basic authentication with account SID and auth token.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from rehearsal.twilio.account import Account
from rehearsal.twilio.errors import ApiError, bad_parameter, not_authenticated, not_found
from rehearsal.twilio.program import Instructions
from rehearsal.twilio.resource import STATUSES, CallOrder, CallResource, read_method, read_url

ACCOUNT = web.AppKey("account", Account)
DEFAULT_PAGE, MAX_PAGE = 50, 1000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(account: Account) -> web.Application:
    """The API of one account, to be mounted at ``/2010-04-01``."""
    app = web.Application(middlewares=[_answer_errors])
    app[ACCOUNT] = account
    base = "/Accounts/{account_sid}"
    app.router.add_post(f"{base}/Calls.json", _place_call)
    app.router.add_get(f"{base}/Calls.json", _list_calls)
    app.router.add_get(f"{base}/Calls/{{sid}}.json", _get_call)
    app.router.add_post(f"{base}/Calls/{{sid}}.json", _update_call)
    app.router.add_post(f"{base}/Messages.json", _send_message)
    app.router.add_get(f"{base}/Messages.json", _list_messages)
    app.router.add_get(f"{base}/Messages/{{sid}}.json", _get_message)
    app.router.add_get(f"{base}.json", _get_account)
    return app


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        _authenticate(request)
        return await handler(request)
    except ApiError as error:
        headers = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if error.status == 401 else {}
        return web.json_response(error.body(), status=error.status, headers=headers)
    except web.HTTPNotFound:
        return web.json_response(not_found(request.path).body(), status=404)
    except web.HTTPMethodNotAllowed:
        return web.json_response(ApiError(405, 20004, "Method not allowed").body(), status=405)


def _authenticate(request: web.Request) -> None:
    account = request.config_dict[ACCOUNT]
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        login, _, password = base64.b64decode(encoded, validate=True).partition(b":")
    except ValueError:
        raise not_authenticated() from None
    known = hmac.compare_digest(login, account.sid.encode())
    if scheme.lower() != "basic" or not (hmac.compare_digest(password, account.auth_token.encode()) and known):
        raise not_authenticated()
    if request.match_info.get("account_sid", account.sid) != account.sid:
        raise not_found(request.path)


async def _form(request: web.Request) -> tuple[dict[str, str], list[str]]:
    """The form's fields, and the values of the one that may be repeated."""
    posted = await request.post()
    fields = {name: value for name, value in posted.items() if isinstance(value, str)}
    events = [value for value in posted.getall("StatusCallbackEvent", []) if isinstance(value, str)]
    return fields, events


async def _place_call(request: web.Request) -> web.Response:
    account = request.config_dict[ACCOUNT]
    order = CallOrder.read(*await _form(request))
    fault = account.state.faults.take("carrier", scenario=account.state.scenarios.scenario_at(order.to))
    if fault is not None:
        raise ApiError(503, 20503, "Service unavailable (a fault that the rehearsal was asked for)")
    return web.json_response(account.dial(order).resource.as_json(), status=201)


async def _get_call(request: web.Request) -> web.Response:
    account = request.config_dict[ACCOUNT]
    call = account.calls.get(request.match_info["sid"])
    if call is None:
        raise not_found(request.path)
    return web.json_response(call.resource.as_json())


async def _update_call(request: web.Request) -> web.Response:
    account = request.config_dict[ACCOUNT]
    call = account.calls.get(request.match_info["sid"])
    if call is None:
        raise not_found(request.path)
    form, _ = await _form(request)
    status, document = form.get("Status"), form.get("Twiml") or None
    url = read_url(form, "Url", 21205)
    if status:
        if status not in ("completed", "canceled"):
            raise bad_parameter("Status", status, "completed, canceled")
        call.hang_up(status)
    elif url or document:
        call.redirect(Instructions(url, read_method(form, "Method"), document))
    return web.json_response(call.resource.as_json())


async def _list_calls(request: web.Request) -> web.Response:
    account = request.config_dict[ACCOUNT]
    query = request.query
    status = query.get("Status")
    if status is not None and status not in STATUSES:
        raise bad_parameter("Status", status, ", ".join(STATUSES))
    since, until = _start_bounds(request)

    def wanted(call: CallResource) -> bool:
        began = datetime.fromtimestamp(call.answered or call.created, UTC)
        return (
            query.get("To") in (None, call.order.to)
            and query.get("From") in (None, call.order.from_)
            and status in (None, call.status)
            and (since is None or began >= since)
            and (until is None or began < until)
        )

    found = [call.resource for call in reversed(account.calls.values()) if wanted(call.resource)]
    return _page(request, "calls", [call.as_json() for call in found])


def _start_bounds(request: web.Request) -> tuple[datetime | None, datetime | None]:
    """StartTime, StartTime> and StartTime<: dates or times in UTC; whole days where no time is given."""
    exact = _time(request, "StartTime")
    if exact is not None:
        return exact, exact + timedelta(days=1)
    return _time(request, "StartTime>"), _time(request, "StartTime<")


def _time(request: web.Request, name: str) -> datetime | None:
    given = request.query.get(name)
    if not given:
        return None
    try:
        moment = datetime.fromisoformat(given.replace("Z", "+00:00"))
    except ValueError:
        raise bad_parameter(name, given, "a date as 2026-01-31, or a time as 2026-01-31T10:00:00Z") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


async def _send_message(request: web.Request) -> web.Response:
    account = request.config_dict[ACCOUNT]
    form, _ = await _form(request)
    return web.json_response(account.send(form).as_json() | {"status": "queued"}, status=201)


async def _list_messages(request: web.Request) -> web.Response:
    account = request.config_dict[ACCOUNT]
    to = request.query.get("To")
    found = [message for message in reversed(account.messages.values()) if to in (None, message.to)]
    return _page(request, "messages", [message.as_json() for message in found])


async def _get_message(request: web.Request) -> web.Response:
    account = request.config_dict[ACCOUNT]
    message = account.messages.get(request.match_info["sid"])
    if message is None:
        raise not_found(request.path)
    return web.json_response(message.as_json())


async def _get_account(request: web.Request) -> web.Response:
    account = request.config_dict[ACCOUNT]
    return web.json_response(
        {"sid": account.sid, "friendly_name": "Rehearsal", "status": "active", "type": "Full", "uri": request.path}
    )


def _page(request: web.Request, name: str, found: Sequence[dict[str, Any]]) -> web.Response:
    size, page = _count(request, "PageSize", DEFAULT_PAGE), _count(request, "Page", 0)
    size = max(1, min(size, MAX_PAGE))
    start = page * size
    shown = found[start : start + size]

    def uri(number: int) -> str:
        query = {**request.query, "PageSize": str(size), "Page": str(number)}
        return f"{request.path}?{urlencode(query)}"

    return web.json_response(
        {
            name: shown,
            "page": page,
            "page_size": size,
            "start": start,
            "end": start + max(0, len(shown) - 1),
            "uri": uri(page),
            "first_page_uri": uri(0),
            "next_page_uri": uri(page + 1) if start + size < len(found) else None,
            "previous_page_uri": uri(page - 1) if page else None,
        }
    )


def _count(request: web.Request, name: str, default: int) -> int:
    given = request.query.get(name, str(default))
    if not given.isdecimal():
        raise bad_parameter(name, given, "a whole number from 0")
    return int(given)
