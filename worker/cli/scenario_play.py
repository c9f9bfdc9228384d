"""Playing one scenario: its person asks, its owner answers, and the end is compared with what it expects."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from worker.cli.control import RehearsalControl
from worker.cli.follow import follow
from worker.cli.knowledge import add_contacts, add_facts
from worker.cli.session import Session, connect, make_known
from worker.cli.supervise.running import Running
from worker.cli.view import words
from worker.cli.view.drivers import Draw
from worker.cli.view.words import Show
from worker.deployment.client import DeploymentUnavailable, FunctionError
from worker.settings import Settings


@dataclass(frozen=True)
class Verdict:
    scenario: str
    problems: tuple[str, ...]
    seconds: float
    person: str
    request_id: str | None = None
    status: str = ""
    outcome: str = ""
    calls: int = 0

    @property
    def passed(self) -> bool:
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        return {
            "scenario": self.scenario,
            "passed": self.passed,
            "problems": list(self.problems),
            "requestId": self.request_id,
            "person": self.person,
            "status": self.status,
            "outcome": self.outcome,
            "calls": self.calls,
            "seconds": round(self.seconds, 1),
        }


async def play(settings: Settings, running: Running, name: str, limit_s: float, draw: Draw) -> Verdict:
    """Play a scenario to its end, or to `limit_s`. Raises CliError for an unknown scenario."""
    control = RehearsalControl(str(running.control_url))
    scenario = await control.start(name)
    # A person of its own, so that what other runs left behind is not known.
    person = f"rehearsal-{name}-{secrets.token_hex(3)}"
    started = time.monotonic()
    last: Show | None = None
    problems: list[str] = []
    async with connect(settings, running.url, person, running) as connection:
        request_id = await _file(connection, scenario)
        async with _owner(connection, scenario) as owner:
            try:
                async with asyncio.timeout(limit_s):
                    async for show in follow(connection, request_id, owner.nothing_to_come):
                        draw(show)
                        owner.look(show)
                        last = show
            except TimeoutError:
                problems.append(f"not over after {limit_s:g} s")
            problems.extend(owner.problems)
    notes = await control.calls()
    if last is not None:
        problems.extend(differences(scenario["expect"], last, notes))
    return Verdict(
        scenario=name,
        problems=tuple(problems),
        seconds=time.monotonic() - started,
        person=person,
        request_id=request_id,
        status=last["request"]["status"] if last else "",
        outcome=_kind(last) if last else "",
        calls=len(last["calls"]) if last else 0,
    )


async def _file(connection: Session, scenario: dict[str, Any]) -> str:
    person = scenario["person"]
    await make_known(connection, person["name"], None, None)
    await add_facts(connection, person["facts"])
    await add_contacts(connection, person["contacts"])
    return str(await connection.mutation("requests:create", text=scenario["request"]))


def differences(expect: dict[str, Any], show: Show, notes: list[dict[str, Any]]) -> list[str]:
    """What is not as the scenario expects. `notes` are the callees' own, of all calls so far."""
    problems = []
    status, kind = show["request"]["status"], _kind(show)
    if status != expect["status"]:
        problems.append(f"status is {status}, not {expect['status']}")
    if expect.get("outcome") and kind != expect["outcome"]:
        problems.append(f"outcome is {kind or 'missing'}, not {expect['outcome']}")
    if len(show["calls"]) != expect["calls"]:
        problems.append(f"{len(show['calls'])} calls, not {expect['calls']}")
    sids = {call.get("callSid") for call in show["calls"]}
    heard = "\n".join(line["text"] for note in notes if note["sid"] in sids for line in note["heard"])
    problems += [f'the callee did not hear "{p}"' for p in expect.get("heard", []) if not _found(p, heard)]
    problems += [f'the callee heard "{p}"' for p in expect.get("not_heard", []) if _found(p, heard)]
    asked = "\n".join(question["text"] for question in show["questions"])
    problems += [f'the owner was not asked "{p}"' for p in expect.get("asked", []) if not _found(p, asked)]
    return problems


def _kind(show: Show) -> str:
    return str((show["request"].get("outcome") or {}).get("kind", ""))


def _found(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


@dataclass
class Owner:
    """Answers Floyd's questions as the scenario's person would."""

    connection: Session
    replies: list[dict[str, Any]]
    expected_status: str
    problems: list[str] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)
    _answers: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def look(self, show: Show) -> None:
        for question in words.open_questions(show):
            if question["_id"] not in self._seen:
                self._seen.add(question["_id"])
                self._react(question)

    def _react(self, question: Show) -> None:
        reply = next((reply for reply in self.replies if _found(reply["asks"], question["text"])), None)
        if reply is None:
            return
        self.replies.remove(reply)
        if reply.get("answer"):
            self._answers[question["_id"]] = asyncio.create_task(
                self._answer(question["_id"], reply["answer"], reply["after"])
            )

    async def _answer(self, question_id: str, text: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        try:
            await self.connection.mutation("questions:answer", id=question_id, text=text)
        except (FunctionError, DeploymentUnavailable) as error:
            self.problems.append(f"the owner's answer was not taken: {error}")

    def nothing_to_come(self, show: Show) -> bool:
        """Over for good: a final state; or waiting for this owner, who has nothing to say. A scenario that
        expects failure waits for the question to expire."""
        status = show["request"]["status"]
        if status == "needsInput":
            coming = any(question["_id"] in self._answers for question in words.open_questions(show))
            return not coming and self.expected_status != "failed"
        return status in words.FINAL

    async def leave(self) -> None:
        for task in self._answers.values():
            task.cancel()
        await asyncio.gather(*self._answers.values(), return_exceptions=True)


@contextlib.asynccontextmanager
async def _owner(connection: Session, scenario: dict[str, Any]) -> Any:
    owner = Owner(connection, list(scenario["owner"]), scenario["expect"]["status"])
    try:
        yield owner
    finally:
        await owner.leave()
