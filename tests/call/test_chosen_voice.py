"""A person's own voice speaks on their calls; a name that no voice has costs nobody a call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from test_real_wire import BRIEF, House, nobody_answers, rehearsal

from worker.call import phrases
from worker.call.contract import CallControl, Ending


@asynccontextmanager
async def noting(openai_url: str, asked: list[tuple[str, str]]) -> AsyncIterator[str]:
    """In front of the stand-in: which voice was asked for which text."""

    async def pass_on(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        asked.append((str(body["voice"]), str(body["input"])))
        headers = {"Authorization": request.headers["Authorization"]}
        speech = openai_url + "/audio/speech"
        async with aiohttp.ClientSession(headers=headers) as http, http.post(speech, json=body) as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)

    app = web.Application()
    app.router.add_post("/audio/speech", pass_on)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@pytest.mark.timeout(90)
@pytest.mark.parametrize(("chosen", "speaks"), [("nova", "nova"), ("nobodys", "alloy")])
async def test_the_voice_that_the_person_chose(tmp_path: Path, chosen: str, speaks: str) -> None:
    asked: list[tuple[str, str]] = []
    async with rehearsal() as line, noting(line["openaiUrl"], asked) as url:
        house: Any = House({**line, "openaiUrl": url}, tmp_path)
        script = await house.control("POST", "/scenarios/busy/start")
        brief = replace(BRIEF, to=script["calls"][0]["number"], voice=chosen)
        async with house.standing() as calls:
            report = await calls.place(brief, CallControl(nobody_answers))
    assert report.ending is Ending.BUSY
    # What was not refused was spoken.
    assert (speaks, phrases.disclosure(brief.person_name)) in asked
    assert {voice for voice, _ in asked} == {chosen, speaks}
