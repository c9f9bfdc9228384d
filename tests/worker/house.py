"""A worker as tests run it: the real daemon on a real deployment, with a line, a model and a carrier that do what
the test says. What is put in for the line keeps to the same writes as a real call, so that the deployment's rules
apply."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from deployment_process import DeploymentProcess

from worker.call.contract import CallBrief, CallControl, CallReport, Ending, SpokenLine, StopReason
from worker.daemon.health import Readiness
from worker.daemon.identity import Identity
from worker.daemon.metrics import Metrics
from worker.daemon.worker import Worker
from worker.deployment.client import Deployment
from worker.deployment.http import HttpDeployment
from worker.deployment.subscription import Subscriptions
from worker.model.language_model import Finished, ModelEvent, ModelUnavailable, Prompt, TextDelta
from worker.phone.carrier import CarrierCall, CarrierStatus, DialOrder
from worker.request.run import Means

SCHOOL = "+14155550134"
WAIT_S = 15.0
"""Of every wait in these tests; what they wait for takes milliseconds."""


@dataclass
class Placed:
    """A call on the test's line."""

    brief: CallBrief
    control: CallControl
    deployment: Deployment
    call_id: str = ""
    lines: list[SpokenLine] = field(default_factory=list)

    async def say(self, speaker: str, text: str) -> None:
        line = SpokenLine(len(self.lines), speaker, text)
        self.lines.append(line)
        row = {"seq": line.seq, "speaker": speaker, "text": text}
        times = {
            "startedAt": 1.8e12 + line.seq * 1000,
            "endedAt": 1.8e12 + line.seq * 1000 + 500,
            "interrupted": False,
        }
        await self.deployment.mutation(
            "transcript:append", {"callId": self.call_id, "token": self.brief.token, "lines": [row | times]}
        )

    def report(self, ending: Ending, **details: Any) -> CallReport:
        return CallReport(ending, call_id=self.call_id, lines=tuple(self.lines), **details)


Talk = Callable[[Placed], Awaitable[CallReport]]


class Line:
    """Fulfils `Caller`. Calls that were begun are in `placed`, in order."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.deployment: Deployment | None = None
        self.placed: list[Placed] = []
        self.broken_off = 0

    async def place(self, brief: CallBrief, control: CallControl) -> CallReport:
        assert self.deployment is not None
        call = Placed(brief, control, self.deployment)
        begun = await self.deployment.mutation(
            "calls:begin",
            {
                "requestId": brief.request_id,
                "token": brief.token,
                "to": brief.to,
                "mediaTokenHash": hashlib.sha256(secrets.token_bytes(8)).hexdigest(),
                "workerId": "ignored",
            },
        )
        call.call_id = begun["callId"]
        sid = f"CA{secrets.token_hex(16)}"
        await self.deployment.mutation(
            "calls:dialed", {"callId": call.call_id, "token": brief.token, "callSid": sid}
        )
        self.placed.append(call)
        try:
            report = await self.talk(call)
        except asyncio.CancelledError:
            self.broken_off += 1
            raise
        finally:
            with contextlib.suppress(Exception):
                await self.deployment.mutation(
                    "calls:end",
                    {"callId": call.call_id, "token": brief.token, "endReason": "goodbye"},
                    patience_s=2,
                )
        return report


class Model:
    """Fulfils `LanguageModel`: an answer per task, a text or an exception; prompts are kept."""

    def __init__(self, **answers: str | Exception) -> None:
        self.answers: dict[str, str | Exception] = {
            "choose_facts": '{"facts": ["f1"]}',
            "plan": "Say that Mara is ill.",
            "find_number": '{"contact": "c1"}',
            "wrap_up": json.dumps(
                {"kind": "done", "summary": "They know.", "reported": [{"text": "Noted.", "lines": [1]}]}
            ),
            **answers,
        }
        self.prompts: list[tuple[str, Prompt]] = []
        self.gate: asyncio.Event | None = None
        """When set, the plan waits for it."""

    async def stream(self, prompt: Prompt) -> AsyncIterator[ModelEvent]:
        task = prompt.messages[0].content.split("<task>")[1].split("</task>")[0]
        self.prompts.append((task, prompt))
        if self.gate is not None and task == "plan":
            await self.gate.wait()
        answer = self.answers[task]
        if isinstance(answer, Exception):
            raise answer
        for word in answer.split(" "):
            yield TextDelta(word + " ")
        yield Finished("stop")

    async def complete(self, prompt: Prompt) -> str:
        return "".join([event.text async for event in self.stream(prompt) if isinstance(event, TextDelta)])

    async def warm_up(self) -> None: ...

    async def close(self) -> None: ...

    def seen(self) -> str:
        return "\n".join(message.content for _, prompt in self.prompts for message in prompt.messages)


class Switchboard:
    """Fulfils `Carrier`: what was hung up, and what the carrier would find."""

    def __init__(self, *calls: CarrierCall) -> None:
        self.calls = list(calls)
        self.hung_up: asyncio.Queue[str] = asyncio.Queue()
        self.texts: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def place(self, order: DialOrder) -> str:
        raise AssertionError("nothing may be dialled here")

    async def hang_up(self, call_sid: str) -> None:
        self.hung_up.put_nowait(call_sid)

    async def find(self, to: str, since_ms: float) -> list[CarrierCall]:
        return [call for call in self.calls if call.to == to]

    async def send_text(self, to: str, body: str) -> str:
        self.texts.put_nowait((to, body))
        return f"SM{secrets.token_hex(16)}"

    async def close(self) -> None: ...


class House:
    """A running worker, and a person of its own who uses it."""

    def __init__(self, process: DeploymentProcess, line: Line, model: Model, **options: Any) -> None:
        self.line, self.model = line, model
        self.metrics, self.readiness = Metrics(), Readiness()
        self.carrier = options.pop("carrier", None) or Switchboard()
        self.functions = process.as_worker()
        line.deployment = self.functions
        self.person = process.as_person(f"p{secrets.token_hex(6)}")
        self._process = process
        self._watching: Subscriptions | None = None
        self.identity = options.pop("identity", None) or Identity(
            f"w-{secrets.token_hex(4)}", secrets.token_hex(8)
        )
        self.worker = Worker(
            deployment=self.functions,
            token=process.worker_token(),
            identity=self.identity,
            carrier=self.carrier,
            means=Means(model=model, caller=line, override=options.pop("override", None)),
            max_calls=options.pop("max_calls", 5),
            drain_s=options.pop("drain_s", 5.0),
            metrics=self.metrics,
            readiness=self.readiness,
            address=options.pop("address", None),
        )
        assert not options, options
        self.running: asyncio.Task[bool] | None = None

    async def open(self, **user: Any) -> None:
        """The person moves in, with a fact of each kind and a contact; then the worker starts."""
        await self.person.mutation(
            "users:ensure", {"name": "Alex Rivera", "timezone": "America/Los_Angeles", **user}
        )
        for text, sharing in (("Mara is in 4B", "free"), ("Alex works from home", "free"), ("Rent is late", "ask"),
                              ("The alarm code is 1357", "never")):  # fmt: skip
            await self.person.mutation("facts:add", {"text": text, "sharing": sharing})
        await self.person.mutation(
            "contacts:add", {"name": "Lincoln Elementary", "phone": SCHOOL, "aliases": ["school"]}
        )
        self.start()

    def start(self) -> None:
        self.running = asyncio.create_task(self.worker.run())

    async def ask(self, text: str = "Call the school: Mara is ill", **more: Any) -> str:
        return str(await self.person.mutation("requests:create", {"text": text, **more}))

    async def request(self, request_id: str) -> dict[str, Any]:
        row: dict[str, Any] = await self.person.query("requests:get", {"requestId": request_id})
        return row

    async def show(self, request_id: str) -> dict[str, Any]:
        row: dict[str, Any] = await self.person.query("requests:show", {"requestId": request_id})
        return row

    async def until(self, request_id: str, *statuses: str) -> dict[str, Any]:
        """The request once it has one of these statuses, by a live query as a client has it."""
        return await self.until_true(request_id, lambda row: row["request"]["status"] in statuses)

    async def until_true(self, request_id: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        if self._watching is None:
            token = self.person._headers["Authorization"].removeprefix("Bearer ")
            self._watching = Subscriptions(self._process.url, token)
        async with asyncio.timeout(WAIT_S):
            async for row in self._watching.open("requests:show", {"requestId": request_id}):
                if wanted(row):
                    return dict(row["request"])
        raise AssertionError("the live query ended")

    async def close(self) -> bool:
        """Stop the worker politely, then everything else. True if the worker ended as told."""
        as_told = True
        if self.running is not None:
            self.worker.stop()
            async with asyncio.timeout(WAIT_S * 2):
                as_told = await self.running
        if self._watching is not None:
            self._watching.close()
        await self.person.close()
        await self.functions.close()
        return as_told


@contextlib.asynccontextmanager
async def house(
    process: DeploymentProcess,
    talk: Talk,
    model: Model | None = None,
    *,
    user: dict[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[House]:
    made = House(process, Line(talk), model or Model(), **options)
    try:
        await made.open(**(user or {}))
        yield made
    finally:
        await made.close()


async def chat(call: Placed) -> CallReport:
    """The usual call: Floyd says what it wants, the callee takes note, goodbye."""
    await call.say("floyd", "Mara is ill today.")
    await call.say("callee", "Thank you, I have noted it.")
    return call.report(Ending.GOODBYE, reason="done")


async def held(call: Placed) -> CallReport:
    """A call that goes on until it is told to stop."""
    await call.say("callee", "Hello, hello?")
    reason = await call.control.stop
    endings = {
        StopReason.CANCELLED: Ending.CANCELLED,
        StopReason.LEASE_LOST: Ending.LEASE_LOST,
        StopReason.DRAIN: Ending.DRAINED,
    }
    return call.report(endings[reason])


async def within(awaitable: Awaitable[Any]) -> Any:
    async with asyncio.timeout(WAIT_S):
        return await awaitable


def unavailable() -> ModelUnavailable:
    return ModelUnavailable("the language model is away")


__all__ = [
    "SCHOOL",
    "CarrierCall",
    "CarrierStatus",
    "House",
    "HttpDeployment",
    "Line",
    "Model",
    "Placed",
    "Switchboard",
    "chat",
    "held",
    "house",
    "unavailable",
    "within",
]  # fmt: skip
