"""In every scenario the callees and the rehearsed model fit together.

Each is played without a clock and without Floyd: a caller with perfect manners says the disclosure and what the
model has for each of the callee's lines, stops when interrupted, and asks the scenario's owner. Voice and ear are
real.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from rehearsal import g711
from rehearsal.callee import FRAME_BYTES, SILENCE, Callee
from rehearsal.ear import Ear, PhraseBook
from rehearsal.lines import render_lines
from rehearsal.scenario import CalleeCall, ModelTurn, OwnerReply, Scenario, found
from rehearsal.scenario_files import BUILT_IN_FOLDER, load_folder
from rehearsal.voice import Voice

VOICE = Voice()
ANSWERED = {
    scenario.name: scenario
    for scenario in load_folder(BUILT_IN_FOLDER)
    if scenario.calls[0].answer in ("person", "voicemail")
}
# How long a caller goes on after being interrupted, and waits for a reply or for the owner.
YIELD_S, PATIENCE_S, OWNER_DEADLINE_S = 0.3, 20.0, 25.0
LIMIT_S = 180.0


class Caller:
    def __init__(
        self, scenario: Scenario, call: CalleeCall, dial: int, owner: list[OwnerReply], known: str
    ) -> None:
        self.scenario, self.dial, self.owner, self.known = scenario, dial, owner, known
        self.asked: list[str] = []
        self.book = PhraseBook()
        lines = asyncio.run(render_lines(VOICE, self.book, call.spoken(), name=call.voice))
        self.callee = Callee(call, lines, Ear(self.book))
        self.turns = list(scenario.model.turns)
        self.answered = 0
        """How many of the callee's lines were answered."""

    def play(self) -> None:
        disclosure = f"Hi, this is Floyd, an AI assistant calling for {self.scenario.person.name}."
        if self.callee.is_machine:
            self.until(lambda: self.callee.beeped_at_s is not None)
            self.say(f"{disclosure} {self.scenario.model.message}")
        else:
            self.until(lambda: self.callee.greeted_at_s is not None)
            self.answered = len(self.callee.said)
            last: ModelTurn | None = self.turn_for("(start)")
            assert last is not None, "the model has no first words"
            self.say(f"{disclosure} {last.say}")
            while last is not None and not self.over(last):
                last = self.next_turn(last)
        self.wait(6.0)
        self.callee.line_closed()

    def over(self, turn: ModelTurn) -> bool:
        return turn.tool is not None and turn.tool.name in ("end_call", "call_back_later")

    def next_turn(self, last: ModelTurn) -> ModelTurn | None:
        """React to the owner or the callee; None when the line is dead."""
        if turn := self.ask_owner(last):
            self.say(turn.say)
            return turn
        self.until(lambda: self.line_gone() or self.reply() is not None)
        if self.line_gone():
            return None
        reply = self.reply()
        assert reply is not None
        self.answered = len(self.callee.said)
        turn = self.turn_for(reply)
        assert turn is not None, f"the model has no words for: {reply}"
        self.say(turn.say)
        return turn

    def reply(self) -> str | None:
        """What the callee said since the last answer, when they have finished."""
        new = self.callee.said[self.answered :]
        return None if self.callee.speaking or not new else " ".join(note.text for note in new)

    def line_gone(self) -> bool:
        drop = self.scenario.calls[0].drop_after
        return self.callee.hung_up or (drop is not None and self.callee.now_s > drop)

    def ask_owner(self, last: ModelTurn) -> ModelTurn | None:
        if last.tool is None or last.tool.name != "ask_owner":
            return None
        question = str(last.tool.arguments["question"])
        self.asked.append(question)
        reply = answer_to(self.owner, question)
        if reply is not None and reply.answer is not None:
            self.wait(reply.after)
            return self.turn_for(f"(owner) {reply.answer}")
        self.wait(OWNER_DEADLINE_S)
        self.answered = len(self.callee.said)
        return self.turn_for("(owner silent)")

    def turn_for(self, prompt: str) -> ModelTurn | None:
        for turn in self.turns:
            knows = turn.knows is None or found(turn.knows, self.known)
            if turn.call in (None, self.dial) and knows and found(turn.when, prompt):
                self.turns.remove(turn)
                return turn
        return None

    def say(self, text: str) -> None:
        """Speak, and stop soon after the callee begins to."""
        speech = VOICE.render(text, voice="en-us+f5")
        self.book.add(speech)
        spoken_before = len(self.callee.said)
        yielding_s: float | None = None
        for frame in frames(g711.encode(speech.pcm16_8k)):
            self.callee.tick(frame)
            if len(self.callee.said) > spoken_before:
                yielding_s = yielding_s or self.callee.now_s
                if self.callee.now_s - yielding_s > YIELD_S:
                    return

    def wait(self, seconds: float) -> None:
        end = self.callee.now_s + seconds
        self.until(lambda: self.callee.now_s >= end or self.callee.hung_up)

    def until(self, ready: Callable[[], bool]) -> None:
        start = self.callee.now_s
        while not ready():
            waited = self.callee.now_s - start
            assert waited < PATIENCE_S + OWNER_DEADLINE_S, f"nothing comes; said so far: {self.callee.said}"
            assert self.callee.now_s < LIMIT_S
            self.callee.tick(SILENCE)


def frames(audio: bytes) -> Iterator[bytes]:
    for start in range(0, len(audio), FRAME_BYTES):
        frame = audio[start : start + FRAME_BYTES]
        yield frame + SILENCE[len(frame) :]


def answer_to(owner: list[OwnerReply], question: str) -> OwnerReply | None:
    reply = next((reply for reply in owner if found(reply.asks, question)), None)
    if reply is not None:
        owner.remove(reply)
    return reply


@pytest.mark.parametrize("scenario", ANSWERED.values(), ids=ANSWERED)
def test_callee_and_model_fit(scenario: Scenario) -> None:
    owner = list(scenario.owner)
    known = " ".join(fact.text for fact in scenario.person.facts if fact.sharing != "never")
    heard: list[str] = []
    said: list[str] = []
    asked: list[str] = []
    for dial in range(1, scenario.expect.calls + 1):
        caller = Caller(scenario, scenario.calls[min(dial, len(scenario.calls)) - 1], dial, owner, known)
        caller.play()
        heard += [note.text for note in caller.callee.heard]
        said += [note.text for note in caller.callee.said]
        asked += caller.asked
        if dial < scenario.expect.calls:
            later = answer_to(owner, " ".join(asked))
            assert later is not None
            assert later.answer, "the second call needs an answer"
            known += " " + later.answer
    story = f"heard: {heard}\nsaid: {said}"
    for pattern in scenario.expect.heard:
        assert found(pattern, "\n".join(heard)), f"not heard: {pattern}\n{story}"
    for pattern in scenario.expect.not_heard:
        assert not found(pattern, "\n".join(heard)), f"heard: {pattern}\n{story}"
    if scenario.model.outcome is not None:
        for fact in scenario.model.outcome.reported:
            assert found(fact.evidence, "\n".join(said)), f"nobody said {fact.evidence}\n{story}"
    if scenario.expect.outcome == "done":
        wanted = len([turn for turn in scenario.model.turns if turn.tool and turn.tool.name == "end_call"])
        assert wanted == 1, "a call that is to be done ends by the model's end_call"
