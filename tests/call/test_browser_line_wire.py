"""A whole call over the browser line, with somebody who types what the callee says: the words are rendered by the
voice, recognised, and answered, over the vendors' wire protocols. Only the network to the page is left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from stage import BRIEF, FakeDeployment, nobody_answers
from test_real_wire import rehearsal

from worker.call.calls import Calls
from worker.call.contract import CallControl, CallReport, Ending
from worker.model.openai import OpenAIModel
from worker.phone.browser_line import LineHub
from worker.phone.carrier_of import carrier_of
from worker.settings import load_settings
from worker.speech.choose import recognizer_of, voice_of
from worker.speech.detectors import Detectors
from worker.web.rtc.transport import FRAME_S, SILENT_FRAME, AudioTransport

WAIT_S = 40.0
"""For anything that a call brings; each takes some seconds on an idle machine."""


class Deployment(FakeDeployment):
    """Tells when something was written."""

    def __init__(self) -> None:
        super().__init__()
        self._news = asyncio.Event()

    async def mutation(self, path: str, args: dict[str, Any], *, patience_s: float = 5) -> Any:
        result = await super().mutation(path, args, patience_s=patience_s)
        self._news.set()
        return result

    async def until(self, so: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not so():
                self._news.clear()
                await self._news.wait()

    def said(self, speaker: str) -> str:
        return " ".join(line["text"] for line in self.lines if line["speaker"] == speaker)

    def status(self, word: str) -> bool:
        return any(args["status"] == word for args in self.of("calls:carrierStatus"))


@dataclass
class Florist:
    """Somebody at a page: hears in real time, and types."""

    transport: AudioTransport = field(default_factory=AudioTransport)
    heard_frames: int = 0

    def types(self, text: str) -> None:
        self._send({"kind": "say", "text": text})

    def hangs_up(self) -> None:
        self._send({"kind": "hangUp"})

    def _send(self, message: dict[str, str]) -> None:
        assert self.transport.got_message(orjson.dumps(message).decode())

    async def listen(self) -> None:
        self.transport.is_connected()
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self.heard_frames += self.transport.next_frame() != SILENT_FRAME
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - loop.time()))


@dataclass
class House:
    calls: Calls
    hub: LineHub
    deployment: Deployment

    @asynccontextmanager
    async def on_the_phone(self, florist: Florist) -> AsyncIterator[asyncio.Task[CallReport]]:
        """A call for a request of nobody's script, which rang and was picked up."""
        brief = replace(
            BRIEF,
            to="+14155550142",
            callee_name="Rose's Flowers",
            request_text="Call Rose's Flowers and ask whether they are open on Sunday",
            facts=(),
        )
        call = asyncio.create_task(self.calls.place(brief, CallControl(nobody_answers)))
        await self.deployment.until(lambda: self.deployment.status("ringing"))
        phone = await self.hub.pick_up("call1", "the owner")
        tasks = [
            call,
            asyncio.create_task(florist.listen()),
            asyncio.create_task(phone.talk(florist.transport)),
        ]
        try:
            yield call
        finally:
            florist.transport.end()
            tasks[1].cancel()
            _, left = await asyncio.wait(tasks, timeout=WAIT_S)
            assert not left


@dataclass(frozen=True)
class Ringing:
    status: str = "ringing"


async def everybody(person: object, call_id: str) -> Ringing:
    return Ringing()


@asynccontextmanager
async def house(folder: Path, **more: Any) -> AsyncIterator[House]:
    async with rehearsal() as line:
        settings = load_settings(
            env_files=(),
            floyd_line="browser",
            floyd_data_dir=folder,
            openai_base_url=line["openaiUrl"],
            google_speech_endpoint=line["speechEndpoint"],
            google_speech_plaintext=True,
            google_tts_endpoint=line["speechEndpoint"],
            google_tts_plaintext=True,
            **more,
        )
        voice, recognizer, model = voice_of(settings), recognizer_of(settings), OpenAIModel(settings)
        hub = carrier_of(settings, voice, everybody)
        assert isinstance(hub, LineHub)
        deployment = Deployment()
        calls = Calls(
            deployment=deployment,
            carrier=hub,
            recognizer=recognizer,
            voice=voice,
            model=model,
            detectors=Detectors(),
            settings=settings,
        )
        hub.serve(calls)
        try:
            yield House(calls, hub, deployment)
        finally:
            await calls.close()
            for part in (hub, recognizer, voice, model):
                await part.close()


@pytest.mark.timeout(120)
async def test_typed_answers_are_understood_and_the_call_comes_to_its_end(tmp_path: Path) -> None:
    async with house(tmp_path, floyd_voice="google") as floyd:
        florist = Florist()
        async with floyd.on_the_phone(florist) as call:
            florist.types("Rose's Flowers, good morning.")
            await floyd.deployment.until(lambda: "open on Sunday" in floyd.deployment.said("floyd"))
            florist.types("Yes, we are open on Sunday from ten to four.")
            async with asyncio.timeout(WAIT_S):
                report = await call
        assert report.ending is Ending.GOODBYE, report
        assert report.reason == "done"
        # What was typed is in the transcript word for word, though only its sound went over the line.
        assert floyd.deployment.said("callee") == (
            "Rose's Flowers, good morning. Yes, we are open on Sunday from ten to four."
        )
        assert "AI assistant" in floyd.deployment.said("floyd")
        assert florist.heard_frames > 200
        (begun,) = floyd.deployment.of("calls:begin")
        assert begun["carrier"] == "browser"
        statuses = [args["status"] for args in floyd.deployment.of("calls:carrierStatus")]
        assert statuses == ["ringing", "answered", "completed"]
        assert floyd.deployment.of("calls:disclosed")


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("leaves", "ending"),
    [(Florist.hangs_up, Ending.CALLEE_HUNG_UP), (lambda florist: florist.transport.end(), Ending.DROPPED)],
    ids=["lays down", "vanishes"],
)
async def test_laying_down_and_vanishing_are_told_apart(
    leaves: Callable[[Florist], None], ending: Ending, tmp_path: Path
) -> None:
    async with house(tmp_path) as floyd:
        florist = Florist()
        async with floyd.on_the_phone(florist) as call:
            await floyd.deployment.until(lambda: floyd.deployment.status("answered"))
            leaves(florist)
            async with asyncio.timeout(WAIT_S):
                report = await call
        assert report.ending is ending
