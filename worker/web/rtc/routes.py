"""The routes by which pages get audio (JSON, `Authorization: Bearer <person token>`):

    GET  /rtc/ice                      -> {"iceServers": [...]}   for the page's RTCPeerConnection
    POST /rtc/listen  {callId, sdp}    -> {sdp}   hear a call
    POST /rtc/speak   {callId, sdp}    -> {sdp}   speak on it while it is taken over
    POST /rtc/line    {callId, sdp}    -> {sdp}   be the phone that is called (FLOYD_LINE=browser)
    POST /rtc/dictate {sdp, hold?}     -> {sdp}   a spoken request as words; `hold`: its end is not a silence

A page makes one connection for each, with its offer complete (no candidates come later), and closes it by closing
the connection. Messages go over its data channel `events`: `dictate` and `worker.phone.browser_line_phone` say
which; on listen and speak the worker sends {"kind": "ended"} when the call is over, and {"kind": "replaced"} to a
page that spoke when another one begins to.

Whoever may see a call may hear it: the deployment is asked, with the person's own token.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

from worker.call.on_air import OnAir
from worker.deployment.client import DeploymentUnavailable, FunctionError
from worker.deployment.http import HttpDeployment
from worker.phone.browser_line import LineHub, NotRinging
from worker.speech.recognizer import Recognizer
from worker.speech.vad import VoiceActivityDetectors
from worker.web.access import CallAccess, Person, may_reach, person_of
from worker.web.body import json_object, text_field
from worker.web.errors import refused
from worker.web.rtc.dictate import Hearing, dictate
from worker.web.rtc.ice import Ice, read_servers
from worker.web.rtc.listen import listen_in
from worker.web.rtc.offer import MAX_SDP_BYTES, BadOffer, Offer, read_offer
from worker.web.rtc.peers import Peers, Serve
from worker.web.rtc.speak import Speakers

if TYPE_CHECKING:
    from worker.settings import Settings

MAX_BODY_BYTES = MAX_SDP_BYTES + 4_096
MAX_ID_CHARS = 64

LANGUAGE = "en-US"
"""Of a person who has said nothing else."""

ABOUT_S = 2.0
"""For the person's language and contacts. Without them recognition is a little worse; nobody waits for that."""

MAX_HINTS = 100


class Calls(Protocol):
    def on_air(self, call_id: str) -> OnAir | None: ...


class BrowserAudio:
    """`line` is None unless the browser is the phone. `deployment_url` is where tokens are checked."""

    def __init__(
        self,
        *,
        deployment_url: str,
        calls: Calls,
        recognizer: Recognizer,
        detectors: VoiceActivityDetectors,
        settings: Settings,
        line: LineHub | None = None,
    ) -> None:
        self.peers = Peers(ice_of(settings))
        self._url = deployment_url
        self._calls = calls
        self._recognizer = recognizer
        self._detectors = detectors
        self._line = line
        self._speakers = Speakers()

    async def close(self) -> None:
        """End all connections."""
        await self.peers.close()

    async def ice(self, request: web.Request) -> web.Response:
        await person_of(request, self._url)
        return web.json_response({"iceServers": self.peers.ice.as_json()}, headers={"Cache-Control": "no-store"})

    async def listen(self, request: web.Request) -> web.Response:
        person, offer, _, on_air = await self._call(request, "recvonly")
        return await self._answer(person, offer, lambda transport: listen_in(transport, on_air))

    async def speak(self, request: web.Request) -> web.Response:
        person, offer, call_id, on_air = await self._call(request, "sendrecv")
        return await self._answer(
            person, offer, lambda transport: self._speakers.speak_on(call_id, transport, on_air)
        )

    async def dictate(self, request: web.Request) -> web.Response:
        person = await person_of(request, self._url)
        body = await json_object(request, MAX_BODY_BYTES)
        offer = _offer(body, "sendonly")
        hold = body.get("hold", False)
        if not isinstance(hold, bool):
            raise refused(web.HTTPBadRequest, "BAD_INPUT", "`hold` must be true or false")
        language, hints = await _about(person)
        hearing = Hearing(self._recognizer, self._detectors, language, hints)
        return await self._answer(person, offer, lambda transport: dictate(transport, hearing, hold=hold))

    async def line(self, request: web.Request) -> web.Response:
        person = await person_of(request, self._url)
        body = await json_object(request, MAX_BODY_BYTES)
        offer = _offer(body, "sendrecv")
        call_id = text_field(body, "callId", MAX_ID_CHARS)
        if self._line is None:
            raise refused(web.HTTPNotFound, "NO_LINE", "Calls go over the telephone here (FLOYD_LINE)")
        try:
            phone = await self._line.pick_up(call_id, person)
        except NotRinging as error:
            raise refused(web.HTTPConflict, error.code, str(error)) from None
        try:
            return await self._answer(person, offer, phone.talk)
        except BaseException:
            phone.put_back()
            raise

    async def _call(self, request: web.Request, direction: str) -> tuple[Person, Offer, str, OnAir]:
        person = await person_of(request, self._url)
        body = await json_object(request, MAX_BODY_BYTES)
        offer = _offer(body, direction)
        access = await may_reach(person, text_field(body, "callId", MAX_ID_CHARS))
        return person, offer, access.call_id, self._on_air(access)

    def _on_air(self, access: CallAccess) -> OnAir:
        on_air = self._calls.on_air(access.call_id)
        if on_air is not None:
            return on_air
        if access.status == "ended":
            raise refused(web.HTTPConflict, "ENDED", "The call is over")
        raise refused(web.HTTPConflict, "ELSEWHERE", "This worker does not have the call")

    async def _answer(self, person: Person, offer: Offer, serve: Serve) -> web.Response:
        sdp = await self.peers.answer(person.user_id, offer, serve)
        return web.json_response({"sdp": sdp}, headers={"Cache-Control": "no-store"})


def routes(audio: BrowserAudio) -> list[web.RouteDef]:
    return [
        web.get("/rtc/ice", audio.ice),
        web.post("/rtc/listen", audio.listen),
        web.post("/rtc/speak", audio.speak),
        web.post("/rtc/dictate", audio.dictate),
        web.post("/rtc/line", audio.line),
    ]


def ice_of(settings: Settings) -> Ice:
    servers = settings.floyd_ice_servers
    return Ice(read_servers(servers.get_secret_value()) if servers else (), settings.floyd_rtc_host)


def _offer(body: dict[str, Any], direction: str) -> Offer:
    """An offer whose audio goes the way it is wanted, or both ways."""
    try:
        offer = read_offer(text_field(body, "sdp", MAX_SDP_BYTES))
    except BadOffer as error:
        raise refused(web.HTTPBadRequest, "BAD_INPUT", f"`sdp` can't be used: {error}") from None
    if offer.direction not in ("sendrecv", direction):
        raise refused(web.HTTPBadRequest, "BAD_INPUT", f"`sdp` can't be used: its audio must be {direction}")
    return offer


async def _about(person: Person) -> tuple[str, list[str]]:
    """The language somebody speaks, and names that they may say."""
    deployment = HttpDeployment(person.deployment_url, person.token)
    try:
        async with asyncio.timeout(ABOUT_S):
            me, contacts = await asyncio.gather(
                deployment.query("users:me", {}), deployment.query("contacts:list", {})
            )
    except (TimeoutError, DeploymentUnavailable, FunctionError):
        return LANGUAGE, []
    finally:
        await deployment.close()
    names = [str(name) for contact in contacts for name in (contact["name"], *contact["aliases"])]
    return str((me or {}).get("language") or LANGUAGE), names[:MAX_HINTS]
