"""Twilio's requests to the worker: TwiML, callbacks, messages and the media socket.

    POST /twilio/voice/{callId}        a call was answered: what to do with it (TwiML)
    POST /twilio/status/{callId}       its CallStatus changed
    POST /twilio/answered-by/{callId}  who answered (asynchronous answering-machine detection)
    POST /twilio/sms                   a text message came in
    GET  /twilio/media/{callId}        the WebSocket of `<Connect><Stream>`

Each is signed (X-Twilio-Signature: HMAC-SHA1 of the exact public address, and for a form of its sorted fields,
with the account's auth token); anything unsigned gets 403 before it is looked at any further. The media socket
also needs a single-use token, which rides in the TwiML as a `<Parameter>` since a stream's address can hold no
query; the call directory checks it. `<Connect>` blocks while the stream is open, and what follows it is
`<Hangup/>`: otherwise a stream that ends would leave the line open. (Twilio: "Webhooks security",
"TwiML Voice: Stream", "Call resource: StatusCallback", "Answering machine detection".)
"""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import structlog
from aiohttp import WSCloseCode, web
from multidict import MultiDict
from twilio.request_validator import RequestValidator
from twilio.twiml.messaging_response import MessagingResponse
from twilio.twiml.voice_response import Connect, Stream, VoiceResponse

from worker.phone.carrier import CarrierStatus
from worker.phone.directory import CallDirectory, MediaRefused, StatusUpdate
from worker.phone.media_stream import (
    MAX_MESSAGE_BYTES,
    ProtocolError,
    TwilioMediaStream,
)
from worker.phone.urls import PREFIX, public_base, public_urls

if TYPE_CHECKING:
    from worker.settings import Settings

log = structlog.get_logger(__name__)

SIGNATURE = "X-Twilio-Signature"
MAX_BODY_BYTES = 16 * 1024
"""Twilio's callbacks are one to two KB; an SMS is at most 1,600 characters, up to nine bytes each as a form."""
MAX_FIELDS = 100
TOKEN = "token"
"""The `<Parameter>` that carries the media token."""

_CALL_ID = "{callId:[A-Za-z0-9_-]{1,64}}"


def routes(directory: CallDirectory, settings: Settings) -> list[web.RouteDef]:
    """The routes, to be added to the worker's application. They stand under FLOYD_PUBLIC_URL's path as well,
    for a proxy that does not take it off. Raises `ValueError`, naming the setting, when one is wrong."""
    handlers = _Webhooks(directory, settings)
    places = {"", public_base(settings).path}
    return [
        route
        for place in sorted(places)
        for route in (
            web.post(f"{place}{PREFIX}/voice/{_CALL_ID}", handlers.voice),
            web.post(f"{place}{PREFIX}/status/{_CALL_ID}", handlers.status),
            web.post(f"{place}{PREFIX}/answered-by/{_CALL_ID}", handlers.answered_by),
            web.post(f"{place}{PREFIX}/sms", handlers.sms),
            web.get(f"{place}{PREFIX}/media/{_CALL_ID}", handlers.media, allow_head=False),
        )
    ]


class _Webhooks:
    def __init__(self, directory: CallDirectory, settings: Settings) -> None:
        if settings.twilio_auth_token is None:
            raise ValueError("TWILIO_AUTH_TOKEN is not set: it verifies Twilio's webhooks")
        self._directory = directory
        self._settings = settings
        self._base = public_base(settings)
        self._validator = RequestValidator(settings.twilio_auth_token.get_secret_value())
        self._open_media: set[str] = set()

    async def voice(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        call_id, call_sid = request.match_info["callId"], _field(form, "CallSid")
        token = self._directory.media_token(call_id, call_sid)
        answer = VoiceResponse()
        if token is None:
            log.warning("twilio.unknown_call", call=call_id, sid=call_sid)
        else:
            stream = Stream(url=public_urls(self._settings, call_id).media)
            stream.parameter(name=TOKEN, value=token)
            connect = Connect()
            connect.append(stream)
            answer.append(connect)
        answer.hangup()
        return _twiml(answer)

    async def status(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        value = _field(form, "CallStatus")
        try:
            status = CarrierStatus(value)
        except ValueError:
            raise _bad_request(f"CallStatus: {value[:40]!r} is not a status of a call") from None
        update = StatusUpdate(
            call_sid=_field(form, "CallSid"),
            status=status,
            # Twilio's own Timestamp has whole seconds only.
            at_ms=time.time() * 1000,
            answered_by=form.get("AnsweredBy") or None,
        )
        await self._directory.on_status(request.match_info["callId"], update)
        return web.Response(status=204)

    async def answered_by(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        await self._directory.on_answered_by(
            request.match_info["callId"], _field(form, "CallSid"), _field(form, "AnsweredBy")
        )
        return web.Response(status=204)

    async def sms(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        await self._directory.on_text(
            _field(form, "From"), _field(form, "To"), form.get("Body", ""), _field(form, "MessageSid")
        )
        # An empty answer: whatever Floyd has to say, it sends itself.
        return _twiml(MessagingResponse())

    async def media(self, request: web.Request) -> web.StreamResponse:
        self._check_signature(request, MultiDict())
        call_id = request.match_info["callId"]
        if call_id in self._open_media:
            log.warning("twilio.second_media_socket", call=call_id)
            raise web.HTTPConflict(text="This call's media socket is open already.\n")
        # Compression would cost more than it saves on 160 bytes of base64. Nor is anybody pinged: a frame is due
        # every 20 ms, and without any for ten seconds the call's watchdog hangs up.
        socket = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES, compress=False)
        if not socket.can_prepare(request):
            raise _bad_request("This address is for a WebSocket only")
        self._open_media.add(call_id)
        try:
            await socket.prepare(request)
            await self._serve(call_id, TwilioMediaStream(socket, request.transport))
        finally:
            self._open_media.discard(call_id)
        return socket

    async def _serve(self, call_id: str, stream: TwilioMediaStream) -> None:
        try:
            start = await stream.start()
            token = start.parameters.get(TOKEN, "")
            await self._directory.run_media(call_id, start.call_sid, token, stream)
        except ProtocolError as error:
            log.warning("twilio.media_protocol", call=call_id, reason=str(error))
            await stream.close_with(WSCloseCode.PROTOCOL_ERROR, str(error))
        except MediaRefused as error:
            log.warning("twilio.media_refused", call=call_id, reason=str(error))
            await stream.close_with(WSCloseCode.POLICY_VIOLATION, "refused")
        finally:
            await stream.close()

    async def _form(self, request: web.Request) -> MultiDict[str]:
        """The fields of a signed form. Raises 403 when it is not signed, 400 or 413 when it is no form."""
        if SIGNATURE not in request.headers:
            raise _forbidden(request, "no signature")
        body = await _read_body(request)
        if request.content_type != "application/x-www-form-urlencoded":
            raise _bad_request("Content-Type: must be application/x-www-form-urlencoded")
        try:
            fields = parse_qsl(
                body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"
            )
        except ValueError:
            raise _bad_request(f"The body must be a form of at most {MAX_FIELDS} fields, in UTF-8") from None
        form = MultiDict(fields)
        self._check_signature(request, form)
        return form

    def _check_signature(self, request: web.Request, form: MultiDict[str]) -> None:
        given = request.headers.get(SIGNATURE, "")
        if not given.isascii():
            raise _forbidden(request, "no signature")
        for address in self._addresses(request):
            if hmac.compare_digest(self._validator.compute_signature(address, form), given):
                return
        raise _forbidden(request, "wrong signature" if given else "no signature")

    def _addresses(self, request: web.Request) -> list[str]:
        """What Twilio may have signed: the public address, which it at times writes with the scheme's port;
        for the socket with ws or http, and with a slash at the end."""
        path = request.raw_path
        if self._base.path and path.startswith(self._base.path + "/"):
            path = path.removeprefix(self._base.path)
        origins = [self._base.url]
        scheme, _, rest = self._base.origin.partition("://")
        if ":" not in rest.rpartition("]")[2]:
            port = 443 if scheme == "https" else 80
            origins.append(f"{self._base.origin}:{port}{self._base.path}")
        addresses = [origin + path for origin in origins]
        if request.method == "GET":
            addresses += ["ws" + address.removeprefix("http") for address in addresses]
            addresses += [address + "/" for address in addresses]
        return addresses


async def _read_body(request: web.Request) -> bytes:
    body = b""
    if (request.content_length or 0) <= MAX_BODY_BYTES:
        while chunk := await request.content.read(MAX_BODY_BYTES + 1 - len(body)):
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                break
        else:
            return body
    raise web.HTTPRequestEntityTooLarge(
        max_size=MAX_BODY_BYTES,
        actual_size=request.content_length or len(body),
        text=f"The body may have {MAX_BODY_BYTES} bytes at most.\n",
    )


def _field(form: MultiDict[str], name: str) -> str:
    value = form.get(name)
    if not value:
        raise _bad_request(f"{name}: missing")
    return value


def _twiml(answer: VoiceResponse | MessagingResponse) -> web.Response:
    return web.Response(text=str(answer), content_type="text/xml")


def _bad_request(message: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=message + "\n")


def _forbidden(request: web.Request, reason: str) -> web.HTTPForbidden:
    log.warning("twilio.forbidden", path=request.path, reason=reason)
    return web.HTTPForbidden(
        text="This is not signed by Twilio for this address. If it was, check TWILIO_AUTH_TOKEN and that "
        "FLOYD_PUBLIC_URL is exactly the address that Twilio was given.\n"
    )
