"""The parts of one open line that those who converse on it share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from worker.call import prompt
from worker.call.answered_by import Answerer
from worker.call.bounds import Bounds, Breach, bounds_of
from worker.call.clock import Clock, Signal
from worker.call.contract import Answer, CallBrief, CallControl, Ending
from worker.call.journal import Journal
from worker.call.ledger import Ledger
from worker.call.listening import Listening, Utterance
from worker.call.memory import Memory
from worker.call.ready_made import ReadyMade, RecordedClause
from worker.call.replies import Replies
from worker.call.reply import Reply
from worker.call.speaking import Mouth, Spoken
from worker.call.told import FactWords
from worker.call.usage import Usage
from worker.model.language_model import Prompt
from worker.speech.voice import VoiceUnavailable


@dataclass(frozen=True, slots=True)
class End:
    """How the conversation ended, as `CallReport` will say it."""

    ending: Ending
    reason: str = ""
    question: str = ""
    detail: str = ""


class TakingOver(Protocol):
    """The owner speaks, and Floyd is silent."""

    active: bool
    """The owner has the line."""
    said_something: bool
    """Words of the owner's are known."""

    async def run(self) -> bool:
        """Until Floyd has the line again. False: because the owner is gone."""
        ...


@dataclass(slots=True)
class OnLine:
    """One call whose line is open."""

    call_id: str
    brief: CallBrief
    control: CallControl
    replies: Replies
    clock: Clock
    changed: Signal
    listening: Listening
    mouth: Mouth
    journal: Journal
    ledger: Ledger
    memory: Memory
    ready_made: ReadyMade
    disclosure: RecordedClause
    facts: tuple[FactWords, ...]
    started: datetime
    on_machine: Callable[[], None]
    """The greeting turned out to be a machine's."""
    on_disclosed: Callable[[], None]
    """The callee knows who calls."""
    take_over: Callable[[], TakingOver]
    """Give the line to the owner."""
    usage: Usage
    answerer: Answerer = Answerer.UNKNOWN
    answers: list[Answer] = field(default_factory=list)
    """All the owner's answers so far."""

    def reply(
        self,
        asked: Prompt,
        *,
        callee_said: str | None = None,
        instead: Callable[[Breach], str] = lambda breach: "",
    ) -> Reply:
        """Begin the model's answer, with every clause checked before it is spoken. `callee_said` is what it
        answers; None: what is in the memory last."""
        bounds = self.bounds()

        def guard(clause: str) -> Breach | None:
            said = self.memory.last_callee_text() if callee_said is None else callee_said
            return bounds.breach(clause, said)

        reply = self.replies.reply(asked, guard=guard, instead=instead, on_ready=self.changed.set)
        reply.start()
        return reply

    def bounds(self) -> Bounds:
        return bounds_of(
            max_spend_usd=self.brief.max_spend_usd,
            request_text=self.brief.request_text,
            facts=self.facts,
            asked=[fact for fact in self.brief.facts if fact.sharing == "ask"],
            answers=self.answers,
        )

    def take_hints(self) -> list[str]:
        """Let the model know what the owner whispers: it is about to be asked. Returns what is new."""
        hints = self.control.steering.take_hints()
        for hint in hints:
            self.memory.note(prompt.hint(hint.text))
        if hints:
            self.ledger.hints_taken([hint.hint_id for hint in hints])
        return [hint.text for hint in hints]

    def note_callee(self, utterance: Utterance) -> None:
        """Write down what the callee said."""
        self.journal.line("callee", utterance.text, started_at=utterance.started_at, ended_at=utterance.ended_at)

    async def say(self, phrase: str, *, interruptible: bool = False) -> Spoken | None:
        """Say a ready-made phrase. None if the voice has failed and the phrase was never rendered."""
        try:
            clause = await self.ready_made.get(phrase)
        except VoiceUnavailable:
            return None
        return await self.mouth.say(clause, interruptible=interruptible)
