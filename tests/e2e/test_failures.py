"""What goes wrong in the middle of a call, and what is left of it."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import aiohttp
import pytest
from parts import SCENARIOS, Parts, Show, assert_whole, once, talking

pytestmark = pytest.mark.timeout(150)

OUTAGE_S = 20.0


async def test_a_worker_killed_in_mid_call_never_dials_again(tmp_path: Path) -> None:
    async with Parts.standing(tmp_path, scenarios=SCENARIOS) as parts:
        under_way, look = once(lambda show: talking(show, 2))
        shown: list[Show] = []
        playing = asyncio.create_task(parts.play("absence", lambda show: (look(show), shown.append(show))[0]))
        async with asyncio.timeout(60):
            await under_way.wait()
        acknowledged = shown[-1]["transcript"]
        await parts.worker.kill()
        await parts.start_worker()
        verdict = await playing
        show = await parts.show(verdict)
        assert verdict.status == "failed"
        assert verdict.outcome == "interrupted"
        assert len(show["calls"]) == 1
        assert show["calls"][0]["status"] == "ended"
        assert [line["text"] for line in show["transcript"]][: len(acknowledged)] == [
            line["text"] for line in acknowledged
        ]
        assert_whole(show)
        notes = await parts.control("GET", "/calls?scenario=absence")
        assert len(notes) == 1
        assert notes[0]["status"] == "completed"  # hung up, not left open


async def test_a_deployment_that_is_away_for_long_does_not_end_the_call(tmp_path: Path) -> None:
    async with Parts.standing(tmp_path) as parts:
        under_way, look = once(lambda show: talking(show, 1))
        playing = asyncio.create_task(parts.play("florist-asks-budget", look))
        async with asyncio.timeout(60):
            await under_way.wait()
        parts.deployment.kill()
        await asyncio.sleep(OUTAGE_S)  # the outage itself
        await asyncio.to_thread(parts.deployment.start)
        verdict = await playing
        show = await parts.show(verdict)
        assert len(show["calls"]) == 1
        assert_whole(show)
        notes = await parts.control("GET", "/calls?scenario=florist-asks-budget")
        assert len(notes) == 1
        # Everything the callee said is there, once and in order.
        said = [note["text"] for note in notes[0]["said"]]
        heard = [line["text"] for line in show["transcript"] if line["speaker"] == "callee"]
        assert " ".join(heard).split() == " ".join(said).split()
        assert show["request"]["status"] in ("completed", "needsInput", "failed")
        assert show["request"]["outcome"]["summary"]


async def test_a_worker_that_is_told_to_stop_says_goodbye(tmp_path: Path) -> None:
    async with Parts.standing(tmp_path, scenarios=SCENARIOS) as parts:
        await parts.worker.kill()
        await parts.start_worker(FLOYD_DRAIN_SECONDS="1")
        under_way, look = once(lambda show: talking(show, 2))
        playing = asyncio.create_task(parts.play("absence", look))
        async with asyncio.timeout(60):
            await under_way.wait()
        parts.worker.signal(signal.SIGTERM)
        assert await parts.worker.ended() == 0
        verdict = await playing
        show = await parts.show(verdict)
        assert verdict.status == "failed"
        assert verdict.outcome == "interrupted"
        assert "goodbye" in show["transcript"][-1]["text"].lower()
        notes = await parts.control("GET", "/calls?scenario=absence")
        assert "goodbye" in notes[0]["heard"][-1]["text"].lower()


async def test_cancelling_hangs_up(tmp_path: Path) -> None:
    async with Parts.standing(tmp_path, scenarios=SCENARIOS) as parts:
        under_way, look = once(lambda show: talking(show, 2))
        seen: list[Show] = []
        playing = asyncio.create_task(parts.play("absence", lambda show: (look(show), seen.append(show))[0]))
        async with asyncio.timeout(60):
            await under_way.wait()
        request = seen[-1]["request"]
        # The scenario's person is the only one who may; its name stands in the token alone.
        person = parts.deployment.as_person(await _person_of(parts, request["userId"]))
        await person.mutation("requests:cancel", {"requestId": request["_id"]})
        await person.close()
        verdict = await playing
        assert verdict.status == "cancelled"
        show = await parts.show(verdict)
        assert [call["status"] for call in show["calls"]] == ["ended"]
        notes = await parts.control("GET", "/calls?scenario=absence")
        assert [note["status"] for note in notes] == ["completed"]


async def _person_of(parts: Parts, user_id: str) -> str:
    rows = await asyncio.to_thread(
        parts.deployment.admin,
        "/api/query",
        {"path": "_system/cli/tableData", "args": _all_users(), "format": "json"},
    )
    page = rows["value"]["page"]
    identifier = next(row["tokenIdentifier"] for row in page if row["_id"] == user_id)
    return str(identifier).split("person:")[1]


def _all_users() -> dict[str, object]:
    return {"table": "users", "order": "desc", "paginationOpts": {"numItems": 50, "cursor": None}}


async def test_webhooks_and_sockets_of_strangers_are_refused(tmp_path: Path) -> None:
    async with Parts.standing(tmp_path) as parts, aiohttp.ClientSession() as http:
        base = f"http://127.0.0.1:{parts.port}/twilio"
        for path in ("/voice/abc", "/status/abc", "/answered-by/abc", "/sms"):
            async with http.post(base + path, data={"CallSid": "CA" + "0" * 32}) as reply:
                assert reply.status == 403, path
            signed = {"X-Twilio-Signature": "bm90IGl0"}
            async with http.post(base + path, data={"CallSid": "CA" + "0" * 32}, headers=signed) as reply:
                assert reply.status == 403, path
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(base + "/media/abc")
        assert refused.value.status == 403
