"""Twilio's side of a call: the REST API that dials, the callbacks, the TwiML, and the Media Stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from call.callee import Callee
from call.media import MediaStream
from call.notes import CallNote
from call.playback import Playback
from call.script import Script
from call.sound import Sounds
from call.ticker import Ticker
from call.websocket import Refused
from rehearsal.twilio import twiml
from rehearsal.twilio.errors import ApiError, CallProblem
from rehearsal.twilio.resource import FINAL, CallOrder, CallResource
from rehearsal.twilio.signature import HEADER, sign
from rehearsal.twilio.webhooks import CallbackQueue, fetch, timestamp

RINGS_S = 0.3
ANSWERED_BY_AFTER_S = 2.5
"""From the pick-up to the verdict of answering-machine detection: a greeting and 1.2 s of silence."""
PATH = "/2010-04-01/Accounts/{account}/Calls"


@dataclass(frozen=True)
class Exchange:
    """What a call needs of everything around it."""

    auth_token: str
    sounds: Sounds
    ticker: Ticker
    session: aiohttp.ClientSession
    script_of: Callable[[str], Script | None]
    note_of: Callable[[str], CallNote]


class Carrier:
    def __init__(self, account_sid: str, exchange: Exchange) -> None:
        self.calls: dict[str, PhoneCall] = {}
        self._account_sid = account_sid
        self._exchange = exchange

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(f"{PATH}.json", self._place),
            web.get(f"{PATH}.json", self._list),
            web.get(f"{PATH}/{{sid}}.json", self._show),
            web.post(f"{PATH}/{{sid}}.json", self._update),
        ]

    def finish(self) -> None:
        """Let every callee say goodbye next."""
        for call in self.calls.values():
            call.finish()

    async def _place(self, request: web.Request) -> web.Response:
        posted = await request.post()
        fields = {name: value for name, value in posted.items() if isinstance(value, str)}
        events = [value for value in posted.getall("StatusCallbackEvent", []) if isinstance(value, str)]
        try:
            order = CallOrder.read(fields, events)
        except ApiError as error:
            return web.json_response(error.body(), status=error.status)
        call = PhoneCall(CallResource(self._account_sid, order), self._exchange)
        self.calls[call.resource.sid] = call
        return web.json_response(call.resource.as_json(), status=201)

    async def _list(self, request: web.Request) -> web.Response:
        to = request.query.get("To")
        found = [call.resource.as_json() for call in self.calls.values() if to in (None, call.resource.order.to)]
        page = {"page": 0, "page_size": 50, "next_page_uri": None, "uri": request.path}
        return web.json_response({"calls": found[::-1][:50], **page})

    async def _show(self, request: web.Request) -> web.Response:
        return web.json_response(self._call(request).resource.as_json())

    async def _update(self, request: web.Request) -> web.Response:
        call = self._call(request)
        if call.resource.status in FINAL:
            error = ApiError(400, 21220, "Call is not in-progress. Cannot redirect.")
            return web.json_response(error.body(), status=400)
        call.end()
        return web.json_response(call.resource.as_json())

    def _call(self, request: web.Request) -> PhoneCall:
        call = self.calls.get(request.match_info["sid"])
        if call is None:
            raise web.HTTPNotFound
        return call


class PhoneCall:
    def __init__(self, resource: CallResource, exchange: Exchange) -> None:
        self.resource = resource
        self._exchange = exchange
        self._note = exchange.note_of(resource.order.to)
        self._ended = asyncio.Event()
        self._callee: Callee | None = None
        self._sequence = 0
        self._callbacks = CallbackQueue(exchange.session, exchange.auth_token, self._problem)
        self._task = asyncio.create_task(self._run(), name=f"call {resource.sid}")

    def finish(self) -> None:
        if self._callee is not None:
            self._callee.finish = True

    def end(self) -> None:
        """As the REST API is asked to: `Status=completed`."""
        self._ended.set()

    async def _run(self) -> None:
        try:
            await self._live()
        except (CallProblem, Refused) as error:
            self._note.ended_by = str(error)
        finally:
            self._note.ended_at = time.monotonic()
            self.resource.set_status("completed")
            self._post("completed", CallDuration=str(self.resource.duration_s))
            await self._callbacks.close()

    async def _live(self) -> None:
        self._post("initiated")
        self.resource.set_status("ringing")
        self._post("ringing")
        script = self._exchange.script_of(self.resource.order.to)
        if script is None:
            raise CallProblem(13224, "nobody is at this number")
        await asyncio.sleep(RINGS_S)
        self.resource.answered = time.time()
        self.resource.set_status("in-progress")
        self._post("answered")
        exchange, order = self._exchange, self.resource.order
        assert order.url is not None
        document = await fetch(
            exchange.session, exchange.auth_token, "POST", order.url, self.resource.parameters()
        )
        for verb in twiml.parse(document):
            if isinstance(verb, twiml.Connect):
                await self._talk(verb, script)

    async def _talk(self, verb: twiml.Connect, script: Script) -> None:
        exchange, playback = self._exchange, Playback()
        self._note.answered_at = time.monotonic()
        self._callee = Callee(script, exchange.sounds, playback, self._note)
        stream = MediaStream(self._callee, playback, self._note, jitter=script.jitter)
        start = {
            "accountSid": self.resource.account_sid,
            "callSid": self.resource.sid,
            "tracks": ["inbound"],
            "customParameters": verb.parameters,
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        }
        await stream.open(verb.url, {HEADER: sign(exchange.auth_token, verb.url)}, start)
        verdict = asyncio.get_running_loop().call_later(ANSWERED_BY_AFTER_S, self._answered_by_human)
        hung_up = asyncio.create_task(self._ended.wait())
        exchange.ticker.add(stream)
        try:
            waiting: set[asyncio.Future[Any]] = {stream.over, hung_up}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            verdict.cancel()
            hung_up.cancel()
            exchange.ticker.remove(stream)
            self._note.ended_by = stream.over.result() if stream.over.done() else "floyd"
            self._note.spoken_s = playback.played_ms / 1000
            stream.close()

    def _answered_by_human(self) -> None:
        order = self.resource.order
        if order.async_amd and order.async_amd_callback:
            found = {"CallSid": self.resource.sid, "AnsweredBy": "human"}
            self._callbacks.put(order.async_amd_callback_method, order.async_amd_callback, found)

    def _post(self, event: str, **more: str) -> None:
        order = self.resource.order
        sequence, self._sequence = self._sequence, self._sequence + 1
        if order.status_callback is None or event not in order.events:
            return
        params = self.resource.parameters() | {"SequenceNumber": str(sequence), "Timestamp": timestamp(), **more}
        if event == "initiated":
            params["CallStatus"] = "initiated"
        self._callbacks.put(order.status_callback_method, order.status_callback, params)

    def _problem(self, code: int, message: str) -> None:
        self._note.ended_by = self._note.ended_by or f"{code} {message}"
