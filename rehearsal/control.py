"""The control API: for tests, ``floyd up`` and ``floyd rehearse``, not for Floyd itself.

    GET  /healthz                    {ok: true}
    GET  /demo                       the person a first run starts with
    GET  /scenarios                  [{name, summary, request}]
    GET  /scenarios/NAME             the scenario
    POST /scenarios/NAME/start       {number?}: begin it anew, perhaps at another number; the scenario as it now is
    GET  /calls                      notes of all calls, oldest first; ?scenario=NAME, ?to=NUMBER, ?sid=SID
    GET  /calls/SID/recording.wav    the message left on a voicemail
    GET  /messages                   text messages that were sent
    GET  /recognised                 what the recogniser sent lately, oldest first: [{text, final, atMs}]
    GET, POST /delays                how long the stand-ins take; POST changes those it names
    GET, POST /faults                what shall go wrong next: a fault or a list; GET tells which still wait
    DELETE /faults

Bad input is answered with 400 and {error, field}, an unknown name with 404.
"""

from __future__ import annotations

import io
import wave
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from rehearsal import g711
from rehearsal.callee import Note
from rehearsal.casting import UnknownScenario
from rehearsal.scenario import E164, Fault
from rehearsal.state import RehearsalState
from rehearsal.twilio.account import Account
from rehearsal.twilio.call import PhoneCall
from rehearsal.twilio.turns import AnsweredTurn

STATE = web.AppKey("state", RehearsalState)
ACCOUNT = web.AppKey("account", Account)

_FAULTS = TypeAdapter(list[Fault])


def add_routes(app: web.Application, state: RehearsalState, account: Account) -> None:
    app[STATE], app[ACCOUNT] = state, account
    app.router.add_get("/healthz", _health)
    app.router.add_get("/demo", _demo)
    app.router.add_get("/scenarios", _scenarios)
    app.router.add_get("/scenarios/{name}", _scenario)
    app.router.add_post("/scenarios/{name}/start", _start)
    app.router.add_get("/calls", _calls)
    app.router.add_get("/calls/{sid}/recording.wav", _recording)
    app.router.add_get("/messages", _messages)
    app.router.add_get("/recognised", _recognised)
    app.router.add_get("/delays", _get_delays)
    app.router.add_post("/delays", _set_delays)
    app.router.add_get("/faults", _get_faults)
    app.router.add_post("/faults", _add_faults)
    app.router.add_delete("/faults", _clear_faults)


async def _health(_: web.Request) -> web.Response:
    return web.json_response({"ok": True})


async def _demo(request: web.Request) -> web.Response:
    return web.json_response(request.app[STATE].demo.model_dump())


async def _scenarios(request: web.Request) -> web.Response:
    every = request.app[STATE].scenarios.all()
    return web.json_response([{"name": s.name, "summary": s.summary, "request": s.request} for s in every])


async def _scenario(request: web.Request) -> web.Response:
    try:
        scenario = request.app[STATE].scenarios.named(request.match_info["name"])
    except UnknownScenario as error:
        raise _refused(404, str(error), "name") from None
    return web.json_response(scenario.model_dump())


async def _start(request: web.Request) -> web.Response:
    state = request.app[STATE]
    body = await _json(request)
    number = body.get("number") if isinstance(body, dict) else None
    if not isinstance(body, dict) or body.keys() - {"number"}:
        raise _refused(400, 'send {} or {"number": "+14155550134"}', "")
    if number is not None and not (isinstance(number, str) and E164.fullmatch(number)):
        raise _refused(400, 'must be an E.164 number such as "+14155550134"', "number")
    try:
        scenario = state.scenarios.start(request.match_info["name"], number)
    except UnknownScenario as error:
        raise _refused(404, str(error), "name") from None
    state.faults.arm(scenario.faults, scenario=scenario.name)
    return web.json_response(scenario.model_dump())


async def _calls(request: web.Request) -> web.Response:
    query = request.query
    notes = [_notes(request, call) for call in request.app[ACCOUNT].calls.values()]
    wanted = [
        note for note in notes if all(query.get(name) in (None, note[name]) for name in ("scenario", "to", "sid"))
    ]
    return web.json_response(wanted)


def _notes(request: web.Request, call: PhoneCall) -> dict[str, Any]:
    """What happened in a call, as the callee saw it. Times are epoch ms."""
    resource, callee = call.resource, call.callee
    answered_ms = (resource.answered or 0.0) * 1000

    def lines(notes: list[Note]) -> list[dict[str, object]]:
        return [{"text": note.text, "atMs": answered_ms + note.at_s * 1000} for note in notes]

    note: dict[str, Any] = {
        "sid": resource.sid,
        "to": resource.order.to,
        "from": resource.order.from_,
        "scenario": call.role.scenario,
        "dial": call.role.dial,
        "status": resource.status,
        "answeredBy": resource.answered_by,
        "createdAt": resource.created * 1000,
        "answeredAt": resource.answered and answered_ms,
        "endedAt": resource.ended and resource.ended * 1000,
        "heard": lines(callee.heard) if callee else [],
        "said": lines(callee.said) if callee else [],
        "turns": [_turn(turn) for turn in call.turns],
        "keys": callee.keys_heard if callee else "",
        "problems": [{"code": problem.code, "message": problem.message} for problem in call.problems],
        "lateSteps": call.late_steps,
    }
    if callee is not None and callee.recording:
        note["recordingUrl"] = str(request.url.origin() / "calls" / resource.sid / "recording.wav")
    return note


def _turn(turn: AnsweredTurn) -> dict[str, float]:
    times = {"lastVoicedAtMs": turn.last_voiced_at * 1000, "firstAudioAtMs": turn.first_audio_at * 1000}
    if turn.first_heard_at is not None:
        times["firstHeardAtMs"] = turn.first_heard_at * 1000
    return times


async def _recording(request: web.Request) -> web.Response:
    call = request.app[ACCOUNT].calls.get(request.match_info["sid"])
    if call is None or call.callee is None or not call.callee.recording:
        raise _refused(404, "this call has no recording; voicemails have one", "sid")
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(g711.SAMPLE_RATE)
        out.writeframes(g711.decode(bytes(call.callee.recording)).astype("<i2").tobytes())
    return web.Response(body=file.getvalue(), content_type="audio/wav")


async def _messages(request: web.Request) -> web.Response:
    return web.json_response([message.as_json() for message in request.app[ACCOUNT].messages.values()])


async def _recognised(request: web.Request) -> web.Response:
    results = request.app[STATE].recognised
    return web.json_response([{"text": one.text, "final": one.final, "atMs": one.at_ms} for one in results])


async def _get_delays(request: web.Request) -> web.Response:
    return web.json_response(request.app[STATE].delays.model_dump(by_alias=True))


async def _set_delays(request: web.Request) -> web.Response:
    delays = request.app[STATE].delays
    body = await _json(request)
    if not isinstance(body, dict):
        raise _refused(400, 'send an object such as {"modelFirstTokenMs": 0}', "")
    known = {info.alias or name: name for name, info in type(delays).model_fields.items()}
    for key in body.keys() - known.keys():
        raise _refused(400, f"there is no such delay; allowed: {', '.join(known)}", key)
    try:
        checked = type(delays).model_validate(delays.model_dump(by_alias=True) | body)
    except ValidationError as error:
        raise _invalid(error) from None
    for name in known.values():
        setattr(delays, name, getattr(checked, name))  # in place: every stand-in holds this object
    return web.json_response(delays.model_dump(by_alias=True))


async def _get_faults(request: web.Request) -> web.Response:
    return web.json_response([fault.model_dump() for fault in request.app[STATE].faults.waiting()])


async def _add_faults(request: web.Request) -> web.Response:
    body = await _json(request)
    try:
        faults = _FAULTS.validate_python(body if isinstance(body, list) else [body])
    except ValidationError as error:
        raise _invalid(error) from None
    request.app[STATE].faults.arm(faults)
    return await _get_faults(request)


async def _clear_faults(request: web.Request) -> web.Response:
    request.app[STATE].faults.clear()
    return web.json_response([])


async def _json(request: web.Request) -> Any:
    if not request.can_read_body:
        return {}
    try:
        return await request.json()
    except ValueError:
        raise _refused(400, "the body is not JSON", "") from None


def _refused(status: int, error: str, field: str) -> web.HTTPException:
    kind = web.HTTPNotFound if status == 404 else web.HTTPBadRequest
    return kind(text=web.json_response({"error": error, "field": field}).text, content_type="application/json")


def _invalid(error: ValidationError) -> web.HTTPException:
    first = error.errors()[0]
    return _refused(400, first["msg"], ".".join(str(step) for step in first["loc"]))
