"""One whole call over the vendors' wire protocols: the carrier's REST, webhooks and media socket, the recogniser's
gRPC, the model's and the voice's streams, all served by the rehearsal in a process of its own. Only the database
is in memory here.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr
from stage import BRIEF, FakeDeployment, nobody_answers

from worker.call.calls import Calls
from worker.call.contract import CallControl, CallReport, Ending, Fact
from worker.model.openai import OpenAIModel
from worker.phone.twilio import TwilioCarrier
from worker.phone.webhooks import routes
from worker.settings import Settings, load_settings
from worker.speech.choose import recognizer_of
from worker.speech.detectors import Detectors
from worker.speech.openai import OpenAIVoice

ROOT = Path(__file__).resolve().parents[2]
READY_S = 30.0
END_S = 10.0


@asynccontextmanager
async def rehearsal() -> AsyncIterator[dict[str, str]]:
    """The stand-ins; yields their addresses and credentials."""
    credentials = {"TWILIO_ACCOUNT_SID": "AC" + secrets.token_hex(16), "TWILIO_AUTH_TOKEN": secrets.token_hex(16)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rehearsal", "serve", "--port", "0", "--speech-port", "0", "--json"),
        *("--scenarios", str(ROOT / "tests" / "scenarios")),
        cwd=ROOT,
        env=credentials,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(READY_S):
            line = await process.stdout.readline()
        yield {**json.loads(line), **credentials}
    finally:
        process.terminate()
        try:
            async with asyncio.timeout(END_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def settings_for(line: dict[str, str], port: int, folder: Path, **more: Any) -> Settings:
    return load_settings(
        env_files=(),
        floyd_data_dir=folder,
        floyd_port=port,
        floyd_public_url=f"http://127.0.0.1:{port}",
        twilio_account_sid=line["TWILIO_ACCOUNT_SID"],
        twilio_auth_token=SecretStr(line["TWILIO_AUTH_TOKEN"]),
        twilio_phone_number="+14155550199",
        twilio_api_base_url=line["twilioUrl"],
        openai_base_url=line["openaiUrl"],
        openai_api_key=SecretStr("rehearsal"),
        google_speech_endpoint=line["speechEndpoint"],
        google_speech_plaintext=True,
        **more,
    )


class House:
    """A worker's calls, with webhooks served on loopback. `more` settings may choose other vendors."""

    def __init__(self, line: dict[str, str], folder: Path, **more: Any) -> None:
        self.line = line
        self.folder = folder
        self.more = more
        self.deployment = FakeDeployment()

    @asynccontextmanager
    async def standing(self) -> AsyncIterator[Calls]:
        # The port must be known before the routes are: they are told the public address.
        server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        settings = settings_for(self.line, port, self.folder, **self.more)
        carrier, recognizer = TwilioCarrier(settings), recognizer_of(settings)
        voice, model = OpenAIVoice(settings), OpenAIModel(settings)
        calls = Calls(
            deployment=self.deployment,
            carrier=carrier,
            recognizer=recognizer,
            voice=voice,
            model=model,
            detectors=Detectors(),
            settings=settings,
        )
        app = web.Application()
        app.add_routes(routes(calls, settings))
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield calls
        finally:
            await calls.close()
            await runner.cleanup()
            for part in (carrier, recognizer, voice, model):
                await part.close()

    async def control(self, method: str, path: str) -> Any:
        async with aiohttp.ClientSession() as http, http.request(method, self.line["controlUrl"] + path) as reply:
            assert reply.status == 200, await reply.text()
            return await reply.json()


async def play(
    house: House, scenario: str, control: CallControl | None = None
) -> tuple[CallReport, dict[str, Any]]:
    """Play a scenario; the carrier's own notes of the call come second."""
    script = await house.control("POST", f"/scenarios/{scenario}/start")
    brief = replace(
        BRIEF,
        request_text=script["request"],
        person_name=script["person"]["name"],
        to=script["calls"][0]["number"],
        callee_name=next(iter(script["person"]["contacts"]), {}).get("name", ""),
        facts=tuple(
            Fact(fact["text"], fact["sharing"]) for fact in script["person"]["facts"] if fact["sharing"] != "never"
        ),
    )
    async with house.standing() as calls:
        report = await calls.place(brief, control or CallControl(nobody_answers))
    (notes,) = await house.control("GET", "/calls")
    return report, notes


@pytest.mark.timeout(120)
async def test_the_school_is_told_over_the_wire(tmp_path: Path) -> None:
    async with rehearsal() as line:
        house = House(line, tmp_path)
        report, notes = await play(house, "absence")
        assert report.ending is Ending.GOODBYE, report
        assert report.reason == "done"
        heard = " ".join(utterance["text"] for utterance in notes["heard"])
        assert "AI assistant" in heard
        assert "four B" in heard
        assert "Elm Street" not in heard
        # What the callee said is in the transcript, in their words and in their order.
        said = [line["text"] for line in house.deployment.lines if line["speaker"] == "callee"]
        assert said[: len(notes["said"])] == [utterance["text"] for utterance in notes["said"]][: len(said)]
        assert [line["seq"] for line in house.deployment.lines] == list(range(len(house.deployment.lines)))
        assert house.deployment.of("calls:end")
        answered = house.deployment.turns[2]
        assert answered["totalMs"] < 5000
