"""A whole call in memory: a phone line in (virtual) real time, a recogniser, a voice, a model and a database that
keep the promises of their protocols, and a callee who is a few lines of a test.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from worker.call.calls import Calls
from worker.call.contract import CallBrief, CallControl, CallReport, Fact
from worker.deployment.client import Deployment, DeploymentUnavailable, FunctionError, LeaseLost
from worker.model.language_model import (
    Finished,
    LanguageModel,
    Message,
    ModelEvent,
    ModelUnavailable,
    Prompt,
    TextDelta,
    ToolCall,
)
from worker.phone.carrier import CarrierCall, CarrierStatus, CarrierUnavailable, DialOrder
from worker.phone.directory import MediaRefused, StatusUpdate
from worker.phone.media import Frame, MarkPlayed, MediaEvent, Stopped
from worker.settings import load_settings
from worker.speech.recognizer import Recognition, RecognizerUnavailable
from worker.speech.vad import SILENT as SILENT_FRAME
from worker.speech.vad import Activity
from worker.speech.voice import VoiceUnavailable

VOICED, SILENT = b"\x10" * 160, b"\xff" * 160
CHARS_PER_S = 15.0
FINAL_AFTER_S = 0.35


def now() -> float:
    return asyncio.get_running_loop().time()


def spoken_s(text: str) -> float:
    return len(text) / CHARS_PER_S


class PhoneLine:
    """The media stream, the far end's ear, and the callee's mouth. Plays what it is sent in real time."""

    def __init__(self) -> None:
        self.events_in: asyncio.Queue[MediaEvent] = asyncio.Queue()
        self.heard: list[tuple[float, str]] = []
        """Words that were played to the end, with the moment they ended."""
        self.clears = 0
        self.closed = False
        self.frozen = False
        self._buffer: list[tuple[str, Any]] = []  # ("audio", [bytes left]) and ("mark", name)
        self._plain = bytearray()
        self._saying: list[tuple[str, float, float]] = []  # text, from, until
        self._hearing: list[asyncio.Task[None]] = []
        self._noise: list[tuple[float, float]] = []
        self._ticker = asyncio.create_task(self._tick())
        self._news = asyncio.Condition()
        self.recognition: FakeRecognition | None = None
        self._frames = 0

    # the carrier's side
    async def events(self) -> AsyncIterator[MediaEvent]:
        while True:
            event = await self.events_in.get()
            yield event
            if isinstance(event, Stopped):
                return

    async def send_audio(self, mulaw: bytes) -> None:
        self._buffer.append(("audio", bytearray(mulaw)))

    def take_pairs(self, wanted: bool) -> None: ...

    async def send_mark(self, name: str) -> None:
        self._buffer.append(("mark", name))

    async def clear(self) -> None:
        self.clears += 1
        marks = [name for kind, name in self._buffer if kind == "mark"]
        self._buffer.clear()
        self._plain.clear()
        for name in marks:
            self.events_in.put_nowait(MarkPlayed(name))

    async def close(self) -> None:
        self.hang_up(clean=True)

    def hang_up(self, *, clean: bool = True) -> None:
        if not self.closed:
            self.closed = True
            self._ticker.cancel()
            self.events_in.put_nowait(Stopped(clean))

    # the callee's side
    async def say(self, text: str, *, final: bool = True, words: str | None = None) -> None:
        """Speak to the end. Words are recognised one by one; the final comes a little later."""
        start, length = now(), spoken_s(text)
        self._saying.append((text, start, start + length))
        assert self.recognition is not None
        understood = text if words is None else words
        hearing = self.recognition.understand(understood, start, length, final=final)
        self._hearing.append(asyncio.create_task(hearing))
        await asyncio.sleep(length)

    async def noise(self, seconds: float) -> None:
        """A voice without words."""
        start = now()
        self._noise.append((start, start + seconds))
        await asyncio.sleep(seconds)

    async def hears(self, words: str, within_s: float = 30, times: int = 1) -> None:
        """Until these words have been played to their end, so many times."""
        async with asyncio.timeout(within_s):
            while self.all_heard.lower().count(words.lower()) < times:
                async with self._news:
                    await self._news.wait()

    async def hears_quiet(self, seconds: float = 0.3) -> None:
        """Until nothing has been played for a while."""
        quiet_since = now()
        while now() - quiet_since < seconds:
            await asyncio.sleep(0.02)
            if self._buffer:
                quiet_since = now()

    @property
    def all_heard(self) -> str:
        return " ".join(text for _, text in self.heard)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            if self.frozen:
                continue
            await self._play()
            at = now()
            voiced = any(start < at <= end for _, start, end in self._saying) or any(
                start < at <= end for start, end in self._noise
            )
            self._frames += 1
            self.events_in.put_nowait(Frame(VOICED if voiced else SILENT, self._frames * 20))

    async def _play(self) -> None:
        left = 160
        while self._buffer:
            kind, content = self._buffer[0]
            if kind == "mark":
                self.events_in.put_nowait(MarkPlayed(content))
                self._buffer.pop(0)
                continue
            if left == 0:
                return
            piece, rest = content[:left], content[left:]
            left -= len(piece)
            await self._hear(bytes(piece))
            if rest:
                self._buffer[0] = ("audio", rest)
                return
            self._buffer.pop(0)

    async def _hear(self, audio: bytes) -> None:
        """The fake voice writes each letter as a run of its own byte, so that hearing is reading."""
        self._plain += audio.replace(b"\xff", b"")  # silence is no letter
        text = letters(self._plain)
        if text and text[-1] in " .,?!":
            word = text.strip()
            if word:
                self.heard.append((now(), word))
            del self._plain[: len(text) * BYTES_PER_CHAR]
            async with self._news:
                self._news.notify_all()


BYTES_PER_CHAR = int(8000 / CHARS_PER_S)
SOFT_BYTES = 40
"""At the beginning of a letter, which may come in softly."""


def voice_of(text: str) -> bytes:
    return b"".join(bytes([ord(char) & 0x7F]) * BYTES_PER_CHAR for char in f"{text.strip()} ")


def letters(audio: bytes | bytearray) -> str:
    whole = len(audio) // BYTES_PER_CHAR
    return "".join(chr(audio[index * BYTES_PER_CHAR + SOFT_BYTES]) for index in range(whole))


class FakeRecognition:
    def __init__(self) -> None:
        self._results: asyncio.Queue[Recognition | RecognizerUnavailable | None] = asyncio.Queue()
        self.fed = 0

    def feed(self, mulaw: bytes) -> None:
        self.fed += len(mulaw)

    async def results(self) -> AsyncIterator[Recognition]:
        while (result := await self._results.get()) is not None:
            if isinstance(result, RecognizerUnavailable):
                raise result
            yield result

    async def understand(self, text: str, start: float, length: float, *, final: bool) -> None:
        words = text.split()
        for count in range(1, len(words) + 1):
            await asyncio.sleep(max(0, start + length * count / len(words) + 0.12 - now()))
            self._put(" ".join(words[:count]), is_final=False)
        if final:
            await asyncio.sleep(max(0, start + length + FINAL_AFTER_S - now()))
            self._put(text, is_final=True)

    def die(self) -> None:
        self._results.put_nowait(RecognizerUnavailable("the stream broke for good"))

    async def close(self) -> None:
        self._results.put_nowait(None)

    def _put(self, text: str, *, is_final: bool) -> None:
        self._results.put_nowait(Recognition(text, is_final, 0.9, self.fed / 8000))


Ear = TypeVar("Ear", bound=FakeRecognition)


class FakeRecognizer:
    def __init__(self, theatre: Theatre) -> None:
        self._theatre = theatre
        self.fails = 0

    async def open(self, *, language: str, hints: Sequence[str]) -> FakeRecognition:
        if self.fails:
            self.fails -= 1
            raise RecognizerUnavailable("no connection")
        return self._theatre.opened(FakeRecognition())

    async def warm_up(self) -> None: ...
    async def close(self) -> None: ...


class FakeVoice:
    first_byte_s = 0.15
    speed = 4.0

    def __init__(self) -> None:
        self.spoken: list[str] = []
        self.broken = False
        self.break_for: int = 0

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        await asyncio.sleep(self.first_byte_s)
        if self.broken or self.break_for:
            self.break_for = max(0, self.break_for - 1)
            raise VoiceUnavailable("the voice is away")
        self.spoken.append(text)
        audio = voice_of(text)
        for start in range(0, len(audio), 2000):
            yield audio[start : start + 2000]
            await asyncio.sleep(2000 / 8000 / self.speed)

    async def warm_up(self) -> None: ...
    async def close(self) -> None: ...


def tool(name: str, **arguments: Any) -> ToolCall:
    return ToolCall(name, json.dumps(arguments))


Answer = str | ToolCall | ModelUnavailable | None
Script = Callable[[list[Message]], Sequence[Answer]]


class FakeModel:
    """`script` gives the parts of the answer to the messages (without the system prompt)."""

    first_token_s = 0.2

    def __init__(self, script: Script) -> None:
        self.script = script
        self.prompts: list[list[Message]] = []
        self.summaries: list[Prompt] = []
        self.summary: str | ModelUnavailable = "They talked."

    async def stream(self, prompt: Prompt) -> AsyncIterator[ModelEvent]:
        self.prompts.append(list(prompt.messages))
        parts = self.script(list(prompt.messages))
        await asyncio.sleep(self.first_token_s)
        for part in parts:
            match part:
                case None:
                    await asyncio.sleep(3600)
                case ModelUnavailable():
                    raise part
                case ToolCall():
                    yield part
                case str():
                    for word in part.split(" "):
                        yield TextDelta(f"{word} ")
                        await asyncio.sleep(0.02)
        yield Finished("stop")

    async def complete(self, prompt: Prompt) -> str:
        """A summary: what else a call asks for without a stream."""
        assert prompt.messages[0].content.startswith("<task>summarise</task>")
        self.summaries.append(prompt)
        await asyncio.sleep(self.first_token_s)
        if isinstance(self.summary, ModelUnavailable):
            raise self.summary
        return self.summary

    async def warm_up(self) -> None: ...
    async def close(self) -> None: ...


class FakeDeployment:
    """Keeps what is written as convex/ would: lines once, in order; one socket per token."""

    def __init__(self) -> None:
        self.writes: list[tuple[str, dict[str, Any]]] = []
        self.lines: list[dict[str, Any]] = []
        self.turns: dict[int, dict[str, Any]] = {}
        self.away = False
        self.lose_answers = 0
        """So many writes go through, but their answers are lost."""
        self.lease_lost = False
        self.refuse_begin: FunctionError | None = None
        self._opened = False
        self.token_hash = ""

    async def query(self, path: str, args: dict[str, Any], *, patience_s: float = 5) -> Any:
        raise NotImplementedError

    async def mutation(self, path: str, args: dict[str, Any], *, patience_s: float = 5) -> Any:
        await asyncio.sleep(0.005)
        if self.away:
            await asyncio.sleep(patience_s)
            raise DeploymentUnavailable("nobody answers")
        if self.lease_lost and path == "requests:setStage":
            raise LeaseLost("LEASE_LOST", "another worker has it")
        self.writes.append((path, args))
        result: Any = None
        match path:
            case "calls:begin":
                if self.refuse_begin is not None:
                    raise self.refuse_begin
                self.token_hash = args["mediaTokenHash"]
                result = {"callId": "call1", "attempt": 1.0}
            case "calls:openMedia":
                if self._opened or args["tokenHash"] != self.token_hash:
                    raise FunctionError("FORBIDDEN", "the media token has been used")
                self._opened = True
            case "transcript:append":
                for line in args["lines"]:
                    if line["seq"] < len(self.lines):
                        continue
                    if line["seq"] > len(self.lines):
                        raise FunctionError("BAD_INPUT", "a line is missing", "lines.seq")
                    self.lines.append(line)
            case "turns:record":
                for turn in args["turns"]:
                    self.turns[turn["turn"]] = turn
        if self.lose_answers:
            self.lose_answers -= 1
            raise DeploymentUnavailable("the answer was lost")
        return result

    def of(self, path: str) -> list[dict[str, Any]]:
        return [args for name, args in self.writes if name == path]

    async def close(self) -> None: ...


class FakeDetector:
    def feed(self, mulaw: bytes) -> Activity:
        return Activity(1.0, True) if mulaw == VOICED else SILENT_FRAME


class FakeDetectors:
    async def acquire(self) -> FakeDetector:
        return FakeDetector()


Callee = Callable[["PhoneLine"], Awaitable[None]]


@dataclass
class FakeCarrier:
    """Dials by telling the directory what Twilio would."""

    theatre: Theatre
    rings_s: float = 1.0
    place_s: float = 0.05
    outcome: CarrierStatus = CarrierStatus.IN_PROGRESS
    answered_by: str | None = None
    answered_by_after_s: float = 0.0
    place_error: Exception | None = None
    exists_anyway: bool = False
    no_media: bool = False
    hang_up_fails: int = 0
    orders: list[DialOrder] = field(default_factory=list)
    hung_up: list[str] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def place(self, order: DialOrder) -> str:
        await asyncio.sleep(self.place_s)
        self.orders.append(order)
        if self.place_error is None or self.exists_anyway:
            self.tasks.append(asyncio.create_task(self._ring(order)))
        if self.place_error is not None:
            raise self.place_error
        return "CA1"

    async def hang_up(self, call_sid: str) -> None:
        if self.hang_up_fails:
            self.hang_up_fails -= 1
            raise CarrierUnavailable("no answer")
        self.hung_up.append(call_sid)
        self.theatre.line.hang_up()

    async def find(self, to: str, since_ms: float) -> list[CarrierCall]:
        return [CarrierCall("CA1", to, CarrierStatus.RINGING)] if self.exists_anyway else []

    async def send_text(self, to: str, body: str) -> str:
        raise NotImplementedError

    async def close(self) -> None: ...

    async def _ring(self, order: DialOrder) -> None:
        calls, call_id = self.theatre.calls, order.status_url.rsplit("/", 1)[1]

        async def tell(status: CarrierStatus) -> None:
            await calls.on_status(call_id, StatusUpdate("CA1", status, 1_800_000_000_000))

        await tell(CarrierStatus.RINGING)
        await asyncio.sleep(self.rings_s)
        await tell(self.outcome)
        if self.outcome is not CarrierStatus.IN_PROGRESS or self.no_media:
            return
        token = calls.media_token(call_id, "CA1")
        if token is None:
            return
        self.theatre.token = token
        self.tasks.append(asyncio.create_task(self._media(call_id, token)))
        if self.answered_by:
            await asyncio.sleep(self.answered_by_after_s)
            await calls.on_answered_by(call_id, "CA1", self.answered_by)

    async def _media(self, call_id: str, token: str) -> None:
        callee = asyncio.create_task(self.theatre.play_callee())
        try:
            await self.theatre.calls.run_media(call_id, "CA1", token, self.theatre.line)
        except MediaRefused as error:
            self.theatre.refused.append(str(error))
        finally:
            callee.cancel()
            result = await asyncio.gather(callee, return_exceptions=True)
            if isinstance(result[0], Exception):
                self.theatre.callee_error = result[0]
            await self.theatre.line.close()


BRIEF = CallBrief(
    request_id="request1",
    token="lease1",
    to="+14155550134",
    callee_name="Lincoln Elementary School",
    request_text="Call the school and let them know Mara is home sick today",
    person_name="Alex Rivera",
    timezone="America/Los_Angeles",
    language="en-US",
    plan="Tell them.",
    facts=(Fact("Mara Rivera is in class 4B; her teacher is Ms. Ortiz", "free", "fact1"),),
)


async def nobody_answers(question: str, call_id: str) -> str | None:
    return None


class Theatre:
    """Everything around one call. Make it inside the running loop."""

    def __init__(self, tmp_path: Path, script: Script, callee: Callee) -> None:
        self.line = PhoneLine()
        self.recognition_open = asyncio.Event()
        self.carrier = FakeCarrier(self)
        self.recognizer = FakeRecognizer(self)
        self.voice = FakeVoice()
        self.model = FakeModel(script)
        self.deployment = FakeDeployment()
        self.detectors = FakeDetectors()
        self.owners_recognition: FakeRecognition | None = None
        self.token = ""
        self.refused: list[str] = []
        self.callee_error: Exception | None = None
        self._callee = callee
        settings = load_settings(env_files=(), floyd_data_dir=tmp_path, floyd_public_url="https://floyd.example")
        voice: Any = self.voice
        deployment: Deployment = self.deployment
        model: LanguageModel = self.model
        self.calls = Calls(
            deployment=deployment,
            carrier=self.carrier,
            recognizer=self.recognizer,
            voice=voice,
            model=model,
            detectors=self.detectors,
            settings=settings,
        )

    def opened(self, recognition: Ear) -> Ear:
        """The first listens to the callee, all others to the owner."""
        if self.line.recognition is None:
            self.line.recognition = recognition
            self.recognition_open.set()
        else:
            self.owners_recognition = recognition
        return recognition

    async def play_callee(self) -> None:
        await self.recognition_open.wait()
        await self._callee(self.line)

    async def call(self, control: CallControl | None = None, **changes: Any) -> CallReport:
        report = await self.calls.place(replace(BRIEF, **changes), control or CallControl(nobody_answers))
        await asyncio.gather(*self.carrier.tasks, return_exceptions=True)
        await self.calls.close()
        if self.callee_error is not None:
            raise self.callee_error
        assert self.calls.active == 0
        return report

    def transcript(self) -> list[str]:
        return [f"{line['speaker']}: {line['text']}" for line in self.deployment.lines]
