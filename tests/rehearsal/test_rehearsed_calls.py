"""The stand-in Twilio's REST API and the life of its calls, driven with the official client."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from application import ACCOUNT_SID, AUTH_TOKEN
from standin import FROM, TO, StandIn, scenario, stand_in
from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from rehearsal.twilio.errors import CallProblem
from rehearsal.twilio.twiml import parse

PERSON = {"greeting": "Bakery.", "silence": {"after": 30.0}}
SHORT = {"greeting": "Hi.", "silence": {"after": 0.5, "times": 0}}
"""Somebody who hangs up half a second after the greeting."""
VOICEMAIL = {"answer": "voicemail", "greeting": "Leave a message.", "silence": {"after": 2.0}}


async def test_a_call_goes_through_its_states_and_tells_of_each_signed_and_in_order() -> None:
    async with stand_in(scenario(SHORT)) as line:
        call = await line.dial()
        assert (call.status, call.direction, call.to, call.from_formatted) == ("queued", "outbound-api", TO, FROM)
        await line.ended(call.sid)
        application = line.application
        assert application.statuses() == ["initiated", "ringing", "in-progress", "completed"]
        assert all(posted.signed for posted in application.posted)
        last = await application.callback("/status", CallStatus="completed")
        assert last.params["CallSid"] == call.sid
        assert last.params["AccountSid"] == ACCOUNT_SID
        assert last.params["CallbackSource"] == "call-progress-events"
        assert int(last.params["CallDuration"]) in range(5)
        numbers = [posted.params["SequenceNumber"] for posted in application.posted if posted.path == "/status"]
        assert numbers == ["0", "1", "2", "3"]
        voice = await application.callback("/voice")
        assert voice.params["CallStatus"] == "in-progress"
        assert voice.params["To"] == TO
        fetched = await line.fetch(call.sid)
        assert fetched.status == "completed"
        assert fetched.start_time is not None
        assert fetched.end_time is not None
        assert fetched.end_time >= fetched.start_time


async def test_only_the_events_asked_for_are_told() -> None:
    async with stand_in(scenario(SHORT)) as line:
        call = await line.dial(status_callback_event=["answered"])
        await line.ended(call.sid)
        assert line.application.statuses() == ["in-progress"]
        call = await line.dial(status_callback_event=None)
        await line.ended(call.sid)
        assert line.application.statuses()[1:] == ["completed"]


@pytest.mark.parametrize(("answer", "status"), [("busy", "busy"), ("noAnswer", "no-answer"), ("failed", "failed")])
async def test_a_call_that_nobody_takes(answer: str, status: str) -> None:
    async with stand_in(scenario({"answer": answer})) as line:
        call = await line.dial()
        note = await line.ended(call.sid)
        assert note["status"] == status
        assert note["heard"] == note["said"] == []
        assert line.application.statuses() == ["initiated", "ringing", status]
        assert (await line.fetch(call.sid)).duration == "0"
        assert not [posted for posted in line.application.posted if posted.path == "/voice"]


async def test_ringing_ends_at_the_timeout_of_the_caller() -> None:
    async with stand_in(scenario({**PERSON, "after": 60})) as line:
        call = await line.dial(timeout=1)
        assert (await line.ended(call.sid))["status"] == "no-answer"


async def test_a_call_ends_at_its_time_limit() -> None:
    async with stand_in(scenario(PERSON)) as line:
        call = await line.dial(time_limit=1)
        socket = await line.application.socket()
        note = await line.ended(call.sid)
        assert note["status"] == "completed"
        assert 900 < note["endedAt"] - note["answeredAt"] < 3000
        assert socket.events("stop")


async def test_the_caller_hangs_up() -> None:
    async with stand_in(scenario(PERSON)) as line:
        call = await line.dial()
        socket = await line.application.socket()
        assert (await line.fetch(call.sid)).status == "in-progress"
        await line.update(call.sid, status="canceled")
        assert (await line.fetch(call.sid)).status == "in-progress", "canceled ends only what was not answered"
        await line.update(call.sid, status="completed")
        await socket.until_closed()
        assert socket.messages[-1]["event"] == "stop"
        assert socket.messages[-1]["stop"] == {"accountSid": ACCOUNT_SID, "callSid": call.sid}
        assert (await line.ended(call.sid))["status"] == "completed"
        with pytest.raises(TwilioRestException) as refused:
            await line.update(call.sid, status="completed")
        assert (refused.value.status, refused.value.code) == (400, 21220)


@pytest.mark.parametrize("status", ["canceled", "completed"])
async def test_a_call_that_still_rings_is_cancelled(status: str) -> None:
    async with stand_in(scenario({**PERSON, "after": 60})) as line:
        call = await line.dial()
        await line.application.callback("/status", CallStatus="ringing")
        await line.update(call.sid, status=status)
        assert (await line.ended(call.sid))["status"] == "canceled"
        assert line.application.statuses() == ["initiated", "ringing", "canceled"]


async def test_the_callee_hangs_up() -> None:
    async with stand_in(scenario(SHORT)) as line:
        call = await line.dial()
        socket = await line.application.socket()
        note = await line.ended(call.sid)
        assert note["status"] == "completed"
        assert [said["text"] for said in note["said"]] == ["Hi."]
        assert socket.messages[-1]["event"] == "stop"


async def test_a_line_that_drops_says_no_word() -> None:
    async with stand_in(scenario({**PERSON, "drop_after": 1.0})) as line:
        call = await line.dial()
        socket = await line.application.socket()
        await socket.until_closed()
        assert not socket.events("stop")
        assert (await line.ended(call.sid))["status"] == "completed"
        assert line.application.statuses()[-1] == "completed"


async def test_later_dials_meet_later_callees_and_start_begins_anew() -> None:
    async with stand_in(scenario({"answer": "busy"}, {"answer": "failed"})) as line:

        async def dial() -> str:
            return str((await line.ended((await line.dial()).sid))["status"])

        assert [await dial(), await dial(), await dial()] == ["busy", "failed", "failed"]
        await line.control("POST", "/scenarios/test/start")
        assert await dial() == "busy"


async def test_one_scenario_can_run_at_another_number() -> None:
    async with stand_in(scenario({"answer": "busy"}, owner=[{"asks": "x", "answer": f"It is {TO}"}])) as line:
        moved = await line.control("POST", "/scenarios/test/start", {"number": "+14155550177"})
        assert moved["calls"][0]["number"] == "+14155550177"
        assert moved["owner"][0]["answer"] == "It is +14155550177"
        call = await line.dial(to="+14155550177")
        assert (await line.ended(call.sid))["scenario"] == "test"


async def test_a_number_of_no_scenario_is_a_business() -> None:
    async with stand_in() as line:
        call = await line.dial(to="+14155550188")
        socket = await line.application.socket()
        await socket.until(lambda s: len(s.events("media")) > 20)
        note = await line.notes(call.sid)
        assert note["scenario"] is None
        assert "how can I help" in note["said"][0]["text"]


# Answering machine detection.


async def amd(line: StandIn, mode: str) -> dict[str, str]:
    url = f"{line.application.url}/amd"
    await line.dial(machine_detection=mode, async_amd="true", async_amd_status_callback=url)
    posted = await line.application.callback("/amd")
    assert posted.signed
    return posted.params


@pytest.mark.parametrize(
    ("callee", "mode", "answered_by"),
    [
        (PERSON, "Enable", "human"),
        (PERSON, "DetectMessageEnd", "human"),
        (VOICEMAIL | {"greeting": "Hello. This is a voicemail. Leave a message."}, "Enable", "machine_start"),
        (VOICEMAIL, "DetectMessageEnd", "machine_end_beep"),
    ],
)
async def test_who_answered_is_told_by_its_own_callback(
    callee: dict[str, Any], mode: str, answered_by: str
) -> None:
    async with stand_in(scenario(callee)) as line:
        params = await amd(line, mode)
        assert params["AnsweredBy"] == answered_by
        assert int(params["MachineDetectionDuration"]) > 1000


async def test_without_async_amd_the_twiml_waits_for_the_verdict() -> None:
    async with stand_in(scenario(VOICEMAIL)) as line:
        await line.dial(machine_detection="DetectMessageEnd")
        voice = await line.application.callback("/voice")
        assert voice.params["AnsweredBy"] == "machine_end_beep"


async def test_a_voicemail_records_what_was_played_after_the_beep() -> None:
    async with stand_in(scenario(VOICEMAIL)) as line:
        call = await line.dial()
        socket = await line.application.socket()
        async with asyncio.timeout(20):
            while (callee := line.account.calls[call.sid].callee) is None or callee.beeped_at_s is None:
                await socket.more(10)
        await socket.play(await line.clip("Mara is sick today."))
        await socket.mark("end")
        await socket.until_mark("end")
        note = await line.ended(call.sid)
        assert [heard["text"] for heard in note["heard"]] == ["Mara is sick today."]
        async with line.http.get(note["recordingUrl"]) as response:
            assert response.content_type == "audio/wav"
            assert (await response.read())[:4] == b"RIFF"


# TwiML.


async def test_twiml_goes_on_after_the_stream_was_closed() -> None:
    async with stand_in(scenario(PERSON)) as line:
        line.application.twiml = line.application.connect(
            after="<Say>Goodbye from the application.</Say><Hangup/>"
        )
        call = await line.dial()
        socket = await line.application.socket()
        await socket.ws.close()
        note = await line.ended(call.sid)
        assert [heard["text"] for heard in note["heard"]] == ["Goodbye from the application."]
        assert note["problems"] == []
        assert not socket.events("stop")


async def test_say_pause_digits_and_redirect_run_in_order() -> None:
    async with stand_in(scenario(PERSON)) as line:
        line.application.twiml = ""
        url = line.application.url
        call = await line.dial(
            twiml="<Response><Say>Here are the keys.</Say><Pause length='1'/><Play digits='12w#'/>"
            f'<Redirect method="GET">{url}/voice/next?x=1</Redirect></Response>'
        )
        await line.application.socket()
        next_one = await line.application.callback("/voice/next")
        assert next_one.signed
        assert next_one.params["x"] == "1"
        note = await line.notes(call.sid)
        assert note["keys"] == "12#"
        assert [heard["text"] for heard in note["heard"]][:1] == ["Here are the keys."]


async def test_a_call_is_redirected_while_it_streams() -> None:
    async with stand_in(scenario(PERSON)) as line:
        call = await line.dial()
        socket = await line.application.socket()
        await line.update(call.sid, twiml="<Response><Say>One moment.</Say><Hangup/></Response>")
        await socket.until_closed()
        assert socket.messages[-1]["event"] == "stop"
        note = await line.ended(call.sid)
        assert "One moment." in [heard["text"] for heard in note["heard"]]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("<Response><Say>Hi</Response>", 12100),
        ("", 12100),
        ('<!DOCTYPE x [<!ENTITY e "x">]><Response/>', 12100),
        ("<Answer/>", 12102),
        ("<Response><Dance/></Response>", 12200),
        ("<Response><Connect><Room>x</Room></Connect></Response>", 12200),
        ("<Response><Connect/></Response>", 12200),
        ('<Response><Connect><Stream url="https://x.example"/></Connect></Response>', 12200),
        ('<Response><Connect><Stream url="wss://x.example/?token=1"/></Connect></Response>', 12200),
        ('<Response><Connect><Stream url="wss://x.example/" speed="2"/></Connect></Response>', 12200),
        ('<Response><Connect><Stream url="wss://x.example/" track="both_tracks"/></Connect></Response>', 31941),
        ('<Response><Pause length="long"/></Response>', 12200),
        ('<Response><Play digits="x"/></Response>', 13325),
        ("<Response><Say> </Say></Response>", 13510),
        ("<Response>" + "<Hangup/>" * 10_000 + "</Response>", 11750),
    ],
)
def test_bad_twiml_has_twilios_code(document: str, code: int) -> None:
    with pytest.raises(CallProblem) as raised:
        parse(document)
    assert raised.value.code == code


async def test_bad_twiml_ends_the_call_with_an_apology() -> None:
    async with stand_in(scenario({**PERSON, "greeting": ""})) as line:
        line.application.twiml = "<Response><Dance/></Response>"
        call = await line.dial()
        note = await line.ended(call.sid)
        assert [problem["code"] for problem in note["problems"]] == [12200]
        assert "application error" in note["heard"][0]["text"]
        assert note["status"] == "completed"


async def test_an_application_that_does_not_answer() -> None:
    async with stand_in(scenario(PERSON)) as line:
        url = line.application.url
        call = await line.dial(url=f"{url}/missing", status_callback="http://127.0.0.1:9/")
        note = await line.ended(call.sid)
        codes = [problem["code"] for problem in note["problems"]]
        assert codes == [11200] * 5, "four callbacks to a closed port, and the TwiML"
        assert any("answered 404" in problem["message"] for problem in note["problems"])


async def test_a_refused_stream_is_an_error_and_the_twiml_goes_on() -> None:
    async with stand_in(scenario(PERSON)) as line:
        line.application.refuse_media = True
        call = await line.dial()
        note = await line.ended(call.sid)
        assert [problem["code"] for problem in note["problems"]] == [31920]
        assert note["status"] == "completed"


# The REST API's answers.


@pytest.mark.parametrize(
    ("parameters", "status", "code"),
    [
        ({"to": "911"}, 400, 21211),
        ({"to": "0415 5550122"}, 400, 21211),
        ({"to": ""}, 400, 21201),
        ({"from_": "Floyd"}, 400, 21212),
        ({"to": FROM}, 400, 21225),
        ({"url": "not a url"}, 400, 21205),
        ({"url": None}, 400, 21205),
        ({"status_callback": "ftp://x"}, 400, 21609),
        ({"status_callback_event": ["finished"]}, 400, 21626),
        ({"timeout": 100_000}, 400, 20001),
        ({"time_limit": "soon"}, 400, 20001),
        ({"machine_detection": "Maybe"}, 400, 20001),
        ({"method": "PUT"}, 400, 20001),
    ],
)
async def test_a_call_that_twilio_refuses(parameters: dict[str, Any], status: int, code: int) -> None:
    async with stand_in(scenario(PERSON)) as line:
        with pytest.raises(TwilioRestException) as refused:
            await line.dial(**parameters)
        assert (refused.value.status, refused.value.code) == (status, code)
        assert line.account.calls == {}


async def test_credentials_are_required() -> None:
    async with stand_in(scenario(PERSON)) as line:
        with pytest.raises(TwilioRestException) as refused:
            await asyncio.to_thread(line.client("wrong").calls("CA1").fetch)
        assert (refused.value.status, refused.value.code) == (401, 20003)
        async with line.http.get(f"{line.url}/2010-04-01/Accounts/{ACCOUNT_SID}/Calls.json") as response:
            assert response.status == 401
            assert (await response.json())["code"] == 20003
            assert response.headers["WWW-Authenticate"].startswith("Basic")


async def test_what_is_not_there_is_20404() -> None:
    async with stand_in(scenario(PERSON)) as line:
        with pytest.raises(TwilioRestException) as refused:
            await line.fetch("CA" + "0" * 32)
        assert (refused.value.status, refused.value.code) == (404, 20404)
        headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
        for path in ("Accounts/AC1/Calls.json", f"Accounts/{ACCOUNT_SID}/Conferences.json"):
            async with line.http.get(f"{line.url}/2010-04-01/{path}", headers=headers) as response:
                assert response.status == 404
                assert (await response.json())["code"] == 20404


async def test_calls_are_listed_by_number_status_and_time_newest_first_in_pages() -> None:
    async with stand_in(
        scenario({"answer": "busy"}), scenario({**PERSON, "number": "+14155550133"}, name="b")
    ) as line:
        sids = []
        for _ in range(5):
            sids.append((await line.dial()).sid)
            await line.ended(sids[-1])
        other = await line.dial(to="+14155550133")
        calls = line.client().calls

        async def listed(**filters: Any) -> list[str]:
            return [call.sid for call in await asyncio.to_thread(lambda: calls.list(**filters))]

        assert await listed(to=TO) == sids[::-1]
        assert await listed(to=TO, page_size=2) == sids[::-1]
        assert await listed(to=TO, limit=3) == sids[::-1][:3]
        await line.application.socket()
        assert await listed(status="in-progress") == [other.sid]
        now = datetime.now(UTC)
        assert await listed(to=TO, start_time_after=now - timedelta(hours=1)) == sids[::-1]
        assert await listed(to=TO, start_time_after=now + timedelta(hours=1)) == []
        assert await listed(to=TO, start_time_before=now - timedelta(hours=1)) == []


async def test_text_messages_are_taken_and_kept() -> None:
    async with stand_in() as line:
        client = line.client()
        message = await asyncio.to_thread(
            lambda: client.messages.create(to=TO, from_=FROM, body="What is the budget?")
        )
        assert message.sid.startswith("SM")
        (kept,) = await line.control("GET", "/messages")
        assert (kept["to"], kept["body"]) == (TO, "What is the budget?")
        assert (await asyncio.to_thread(client.messages(message.sid).fetch)).body == "What is the budget?"
        with pytest.raises(TwilioRestException) as refused:
            await asyncio.to_thread(lambda: client.messages.create(to=TO, from_=FROM, body=""))
        assert refused.value.code == 21602


async def test_the_official_asynchronous_client_works_too() -> None:
    class Loopback(AsyncTwilioHttpClient):
        async def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
            return await super().request(method, url.replace("https://api.twilio.com", base), *args, **kwargs)

    async with stand_in(scenario({"answer": "busy"})) as line:
        base = line.url
        http = Loopback(timeout=10)
        try:
            client = Client(ACCOUNT_SID, AUTH_TOKEN, http_client=http)
            call = await client.calls.create_async(to=TO, from_=FROM, twiml="<Response/>")
            await line.ended(call.sid)
            assert (await client.calls(call.sid).fetch_async()).status == "busy"
        finally:
            await http.close()


async def test_a_fault_makes_the_next_dial_fail_once() -> None:
    async with stand_in(scenario({"answer": "busy"})) as line:
        await line.control("POST", "/faults", {"on": "carrier", "kind": "error"})
        with pytest.raises(TwilioRestException) as refused:
            await line.dial()
        assert refused.value.status == 503
        assert line.account.calls == {}
        assert (await line.dial()).status == "queued"
