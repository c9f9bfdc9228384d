"""Twilio's webhooks: signatures, TwiML, callbacks, and what is refused."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET

import aiohttp
import pytest
from phone_support import (
    AUTH_TOKEN,
    CALL_SID,
    DEADLINE_S,
    FLOYD,
    SCHOOL,
    make_settings,
    running_line,
    start_message,
)

from worker.phone.carrier import CarrierStatus
from worker.phone.urls import public_base, public_urls

VOICE = {"CallSid": CALL_SID, "From": FLOYD, "To": SCHOOL, "CallStatus": "in-progress"}


async def test_the_answer_connects_the_media_stream_and_then_hangs_up() -> None:
    async with running_line() as line:
        status, text = await line.post("/twilio/voice/call1", VOICE)
    assert status == 200
    response = ET.fromstring(text)
    assert [verb.tag for verb in response] == ["Connect", "Hangup"]
    stream = response.find("Connect/Stream")
    assert stream is not None
    assert stream.get("url") == "wss://floyd.example.com/twilio/media/call1"
    parameter = stream.find("Parameter")
    assert parameter is not None
    assert parameter.attrib == {"name": "token", "value": "single-use"}


async def test_a_call_nobody_knows_is_hung_up() -> None:
    async with running_line() as line:
        status, text = await line.post("/twilio/voice/other", VOICE)
    assert status == 200
    assert [verb.tag for verb in ET.fromstring(text)] == ["Hangup"]


async def test_callbacks_reach_the_directory() -> None:
    async with running_line() as line:
        assert (await line.post("/twilio/status/call1", {"CallSid": CALL_SID, "CallStatus": "no-answer"}))[
            0
        ] == 204
        form = {"CallSid": CALL_SID, "AnsweredBy": "machine_end_beep"}
        assert (await line.post("/twilio/answered-by/call1", form))[0] == 204
        sms = {"From": SCHOOL, "To": FLOYD, "Body": "Up to 60 $, büro & co", "MessageSid": "SM1", "MediaUrl": ""}
        assert (await line.post("/twilio/sms", sms))[0] == 200
        [(call_id, update)] = line.directory.statuses
        assert (call_id, update.call_sid, update.status) == ("call1", CALL_SID, CarrierStatus.NO_ANSWER)
        assert line.directory.answered == [("call1", CALL_SID, "machine_end_beep")]
        assert line.directory.texts == [(SCHOOL, FLOYD, "Up to 60 $, büro & co", "SM1")]


PATHS = ["/twilio/voice/call1", "/twilio/status/call1", "/twilio/answered-by/call1", "/twilio/sms"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("signature", ["", "nonsense", "ümläut"])
async def test_unsigned_requests_get_403(path: str, signature: str) -> None:
    async with running_line() as line:
        status, text = await line.post(path, VOICE, signature=signature)
        assert status == 403
        assert "FLOYD_PUBLIC_URL" in text
        assert AUTH_TOKEN not in text
        assert not line.directory.statuses
        assert not line.directory.texts


async def test_a_signature_for_another_call_or_other_fields_gets_403() -> None:
    async with running_line() as line:
        other = line.sign(line.public_url + "/twilio/status/call2", VOICE)
        assert (await line.post("/twilio/status/call1", VOICE, signature=other))[0] == 403
        own = line.sign(line.public_url + "/twilio/status/call1", VOICE)
        assert (await line.post("/twilio/status/call1", VOICE | {"CallStatus": "busy"}, signature=own))[0] == 403


@pytest.mark.parametrize(
    "public_url",
    [
        "https://floyd.example.com/",
        "https://example.com/a/floyd/",
        "http://127.0.0.1:8080",
        "https://[::1]:8443/x",
    ],
)
async def test_the_signed_address_is_the_public_one(public_url: str) -> None:
    async with running_line(public_url) as line:
        form = VOICE | {"CallStatus": "ringing"}
        assert (await line.post("/twilio/status/call1", form))[0] == 204
        # What the worker sees is not what was signed.
        here = line.sign(f"{line.here}/twilio/status/call1", form)
        assert (await line.post("/twilio/status/call1", form, signature=here))[0] == 403


async def test_a_proxy_may_leave_the_public_path_on() -> None:
    async with running_line("https://example.com/floyd") as line:
        assert (await line.post("/twilio/voice/call1", VOICE, place="/floyd"))[0] == 200
        assert (await line.post("/twilio/voice/call1", VOICE))[0] == 200


async def test_twilio_may_write_the_port_of_the_scheme_and_a_query() -> None:
    async with running_line() as line:
        signed = line.sign("https://floyd.example.com:443/twilio/voice/call1", VOICE)
        assert (await line.post("/twilio/voice/call1", VOICE, signature=signed))[0] == 200
        sms = {"From": SCHOOL, "To": FLOYD, "Body": "hi", "MessageSid": "SM1"}
        assert (await line.post("/twilio/sms?a=b%20c", sms))[0] == 200


@pytest.mark.parametrize(
    ("path", "form", "names"),
    [
        ("/twilio/status/call1", {"CallSid": CALL_SID}, "CallStatus"),
        ("/twilio/status/call1", {"CallSid": CALL_SID, "CallStatus": "melting"}, "CallStatus"),
        ("/twilio/status/call1", {"CallStatus": "ringing"}, "CallSid"),
        ("/twilio/answered-by/call1", {"CallSid": CALL_SID}, "AnsweredBy"),
        ("/twilio/sms", {"From": SCHOOL, "Body": "hi", "MessageSid": "SM1"}, "To"),
    ],
)
async def test_a_missing_or_wrong_field_is_named(path: str, form: dict[str, str], names: str) -> None:
    async with running_line() as line:
        status, text = await line.post(path, form)
    assert status == 400
    assert names in text


async def test_large_bodies_and_other_content_are_refused() -> None:
    async with running_line() as line:
        assert (await line.post("/twilio/sms", {"Body": "x" * 20_000}))[0] == 413
        headers = {"X-Twilio-Signature": "x"}
        url = f"{line.here}/twilio/sms"

        async def endless() -> object:
            for _ in range(100):
                yield b"x" * 1024

        async with line.session.post(url, data=endless(), headers=headers) as response:
            assert response.status == 413
        async with line.session.post(url, json={"a": 1}, headers=headers) as response:
            assert response.status == 400
        for body in (b"a=%ff%fe", b"\xff\xfe", b"&".join(b"f%d=1" % n for n in range(200))):
            form = headers | {"Content-Type": "application/x-www-form-urlencoded"}
            async with line.session.post(url, data=body, headers=form) as response:
                assert response.status == 400


@pytest.mark.parametrize("call_id", ["a" * 65, "..%2f..", "a b"])
async def test_strange_call_ids_are_not_found(call_id: str) -> None:
    async with running_line() as line:
        assert (await line.post(f"/twilio/voice/{call_id}", VOICE))[0] == 404


async def test_the_socket_must_be_signed() -> None:
    async with running_line() as line:
        for signed in ("", "nonsense"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await line.connect(signed=signed)
            assert refused.value.status == 403
        assert not line.directory.serving.is_set()


@pytest.mark.parametrize("prefix", ["wss://floyd.example.com", "https://floyd.example.com"])
@pytest.mark.parametrize("end", ["", "/"])
async def test_the_ways_twilio_signs_a_handshake(prefix: str, end: str) -> None:
    async with running_line() as line:
        socket = await line.connect(signed=line.sign(f"{prefix}/twilio/media/call1{end}"))
        assert await socket.close()


async def test_a_second_socket_for_a_call_is_refused_and_the_first_goes_on() -> None:
    async with running_line() as line:
        first = await line.connect()
        await first.send_json(start_message())
        await asyncio.wait_for(line.directory.serving.wait(), DEADLINE_S)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await line.connect()
        assert refused.value.status == 409
        assert not first.closed
        await first.close()


@pytest.mark.parametrize("token", ["", "wrong", "used"])
async def test_a_wrong_token_closes_the_socket(token: str) -> None:
    async with running_line() as line:
        socket = await line.connect()
        await socket.send_json(start_message(token))
        message = await socket.receive(timeout=DEADLINE_S)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == aiohttp.WSCloseCode.POLICY_VIOLATION
        assert not line.directory.serving.is_set()


async def test_a_token_is_good_once() -> None:
    async with running_line() as line:
        first = await line.connect()
        await first.send_json(start_message())
        await asyncio.wait_for(line.directory.serving.wait(), DEADLINE_S)
        await first.close()
        await asyncio.wait_for(line.directory.served.wait(), DEADLINE_S)
        again = await line.connect()
        await again.send_json(start_message())
        assert (await again.receive(timeout=DEADLINE_S)).data == aiohttp.WSCloseCode.POLICY_VIOLATION


async def test_plain_http_on_the_socket_is_refused() -> None:
    async with running_line() as line:
        signature = line.sign("https://floyd.example.com/twilio/media/call1")
        headers = {"X-Twilio-Signature": signature}
        async with line.session.get(f"{line.here}/twilio/media/call1", headers=headers) as response:
            assert response.status == 400


def test_public_addresses() -> None:
    urls = public_urls(make_settings(floyd_public_url="https://example.com/floyd/"), "abc")
    assert urls.voice == "https://example.com/floyd/twilio/voice/abc"
    assert urls.status == "https://example.com/floyd/twilio/status/abc"
    assert urls.answered_by == "https://example.com/floyd/twilio/answered-by/abc"
    assert urls.media == "wss://example.com/floyd/twilio/media/abc"
    local = make_settings(floyd_port=3999)
    assert public_urls(local, "abc").media == "ws://127.0.0.1:3999/twilio/media/abc"


@pytest.mark.parametrize("wrong", ["https://example.com/?a=b", "https://user:pw@example.com"])
def test_a_public_address_that_can_not_be_built_upon_is_named(wrong: str) -> None:
    with pytest.raises(ValueError, match="FLOYD_PUBLIC_URL"):
        public_base(make_settings(floyd_public_url=wrong))
