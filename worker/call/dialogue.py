"""The conversation with a person: the opening, then turn after turn until one of them ends it.

It only converses. Silence, length, a line that drops and a person who cancels are watched from outside (`line`),
which may cancel this at any moment.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from worker.call import answered_by, barge_in, endpointing, opening, phrases, prompt, tools, watchdog
from worker.call.contract import Answer, Ending
from worker.call.hold import Hold, asks_to_hold
from worker.call.journal import TurnTimes
from worker.call.on_line import End, OnLine
from worker.call.reply import Reply
from worker.call.speaking import How, Spoken
from worker.model.language_model import ModelUnavailable
from worker.speech.voice import VoiceUnavailable

OWED_S = 1.2
"""Floyd stopped for a voice that said nothing: after so long a silence it goes on."""

LINGER_S = 0.9
"""After the goodbye, for the callee's own, and for a "wait, one more thing"."""

LINGER_MAX_S = 5.0

GREETING_TURNS = 2
"""A machine's greeting has pauses: it may go on for so many turns. After them, somebody talks with Floyd."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that the callee has finished. Times are the loop's seconds."""

    number: int
    speech_ended: float
    final_transcript: float | None
    endpointed: float


class Dialogue:
    """`prompts` counts "Are you still there?" since the callee's last word."""

    def __init__(self, line: OnLine) -> None:
        self.floyds_turn_since: float | None = None
        """Since when Floyd owes an answer of which nothing is audible yet."""
        self.heard_turns = 0
        self.prompts = 0
        self.open_question = ""
        self._line = line
        self._hold = Hold(line)
        self._nudged = False
        self._owed = False
        """Floyd has something to say although the callee says nothing."""
        self._turns = 0
        self._apologised = False
        self._replies: list[str] = []
        self._reply: Reply | None = None
        """The one being spoken."""
        self._concluded: End | None = None
        """The end that was decided on, while the last words are being said."""
        self._asked: set[str] = set()
        self._expired = ""
        """The question that the owner did not answer in time."""

    @property
    def on_hold(self) -> bool:
        return self._hold.active

    @property
    def conclusion(self) -> End | None:
        """The end that Floyd has decided on, even if its last words are still being said."""
        if self._concluded is not None or self._reply is None:
            return self._concluded
        return next((self._end_of(action) for action in self._actions(self._reply) if self._end_of(action)), None)

    def nudge(self) -> None:
        """Ask whether the callee is still there, as soon as Floyd listens."""
        self._nudged = True
        self._line.changed.set()

    async def run(self) -> End:
        end = await self._open()
        while end is None:
            end = await self._respond(await self._next_turn())
        return end

    # -- the opening ------------------------------------------------------------------------------------------

    async def _open(self) -> End | None:
        line = self._line
        turn = await self._await_greeting()
        greeting = line.listening.take()
        if greeting is not None:
            line.journal.line("callee", greeting.text, started_at=greeting.started_at, ended_at=greeting.ended_at)
            line.memory.callee_said(greeting.text)
            await self._leave_if_machine(greeting.text)
        # The first answer is computed while the disclosure plays.
        reply = self._prepare(floyd_is_saying=line.disclosure.text)
        try:
            spoken = await line.mouth.say(line.disclosure, interruptible=False)
            line.ledger.disclosed(line.clock.epoch_ms())
            self._record(turn, spoken, None)
            if not self._callee_has_the_word(since=spoken.first_sent_at or 0.0):
                return await self._respond(self._new_turn(line.clock.now(), None), prepared=reply)
        finally:
            await reply.cancel()
        # They spoke meanwhile: what was prepared does not answer that.
        self._owed = True
        return None

    def _callee_has_the_word(self, *, since: float) -> bool:
        """Whether they began to speak after `since`; a noise that went on before is none."""
        listening = self._line.listening
        words = listening.words.text
        speaking = listening.talking() and listening.gate.started_at >= since
        return speaking or bool(words and not barge_in.is_back_channel(words))

    async def _leave_if_machine(self, words: str) -> None:
        """Hand over if these are a machine's words."""
        if answered_by.from_greeting(words) is answered_by.Answerer.VOICEMAIL:
            self._line.on_machine()
            await asyncio.Event().wait()  # until whoever was told cancels this

    async def _await_greeting(self) -> Turn:
        """Wait until it is polite to speak."""
        line = self._line
        while True:
            listening, now = line.listening, line.clock.now()
            gate = listening.gate
            first, last = gate.first_voiced_at, gate.last_voiced_at
            verdict = opening.decide(
                opening.View(
                    since_answer_s=now - listening.opened_at,
                    speaking=gate.speaking,
                    voiced_s=last - first if first is not None and last is not None else 0.0,
                    silence_s=listening.silence_s(),
                    has_words=bool(listening.words.text),
                    since_words_s=listening.since_words_s(),
                )
            )
            if verdict.speak:
                return self._new_turn(last or listening.opened_at, listening.words.settled_at)
            await line.changed.wait(verdict.look_again_s)

    # -- the callee's turns -----------------------------------------------------------------------------------

    async def _next_turn(self) -> Turn:
        line = self._line
        listening = line.listening
        while True:
            words = listening.words
            verdict = endpointing.decide(listening.turn_view())
            if verdict.over:
                turn = self._take_turn()
                if turn is None:
                    continue
                if self.heard_turns <= GREETING_TURNS:
                    await self._leave_if_machine(line.memory.last_callee_text())
                return turn
            if self._nudged and not listening.talking() and not words.text:
                self._nudged = False
                self.prompts += 1
                await line.say(phrases.STILL_THERE, interruptible=True)
                continue
            wait_s = verdict.look_again_s
            if self._owed and not words.text and not listening.talking():
                silence_s = min(listening.quiet_s(), line.clock.now() - line.mouth.last_active_at)
                if silence_s >= OWED_S:
                    return self._new_turn(line.clock.now(), None)
                wait_s = OWED_S - silence_s
            await line.changed.wait(wait_s)

    def _take_turn(self) -> Turn | None:
        """The callee's words as a turn; None for words that need no answer."""
        line = self._line
        utterance = line.listening.take()
        if utterance is None:
            return None
        line.journal.line("callee", utterance.text, started_at=utterance.started_at, ended_at=utterance.ended_at)
        self._nudged = False
        self.prompts = 0
        floyd_until = line.mouth.last_active_at
        if not self._owed and not barge_in.is_answer(utterance.text, utterance.ended_at, floyd_until):
            return None
        self.heard_turns += 1
        line.memory.callee_said(utterance.text)
        return self._new_turn(utterance.ended_at, utterance.settled_at)

    def _new_turn(self, speech_ended: float, final_transcript: float | None) -> Turn:
        turn = Turn(self._turns, speech_ended, final_transcript, self._line.clock.now())
        self._turns += 1
        return turn

    # -- Floyd's turns ----------------------------------------------------------------------------------------

    def _prepare(self, *, floyd_is_saying: str = "") -> Reply:
        line = self._line
        messages = line.memory.messages(floyd_is_saying=floyd_is_saying)

        def instead(breach: object) -> str:
            question = getattr(breach, "question", "")
            return "" if question in self._asked else phrases.check_first(line.brief.person_name)

        return line.reply(prompt.converse(line.brief, line.started, messages), instead=instead)

    async def _respond(self, turn: Turn, *, prepared: Reply | None = None) -> End | None:
        """Answer the callee; None: the conversation goes on."""
        self._owed = False
        failures = problems = 0
        said_something = False
        while True:
            reply = prepared or self._prepare()
            prepared = None
            self._reply = reply
            self.floyds_turn_since = self._line.clock.now()
            try:
                spoken = await self._line.mouth.say(reply, interruptible=True)
                self._record(turn, spoken, reply)
            finally:
                self.floyds_turn_since = None
                self._reply = None
                await reply.cancel()
            if spoken.how is not How.PLAYED:
                asked = [action for action in self._actions(reply) if isinstance(action, tools.AskOwner)]
                if spoken.how is How.NOT_BEGUN or not asked:
                    # What stopped Floyd may turn out to be a cough: then it goes on by itself.
                    self._owed = True
                    return None
            said_something = said_something or bool(spoken.heard)
            if isinstance(spoken.failure, VoiceUnavailable):
                return await self._give_up(f"The voice failed: {spoken.failure}")
            if spoken.failure is not None or not (reply.text or reply.tool_calls or reply.breach):
                failures += 1
                if failures == 1:
                    continue
                if said_something:
                    return None
                return await self._say_again(spoken.failure)
            self._replies.append(reply.text)
            if watchdog.is_loop(self._replies):
                return await self._give_up("The language model said the same thing over and over.")
            problem = self._problem(reply)
            if problem is not None:
                problems += 1
                if problems == 1:
                    self._line.memory.note(prompt.tool_problem(problem.message))
                    continue
                if reply.breach is not None:
                    return await self._call_back(reply.breach.question)
                return None if said_something else await self._say_again(None)
            again, end = await self._carry_out(self._actions(reply), reply.text)
            if not again:
                return end
            turn = self._new_turn(self._line.clock.now(), None)
            failures = problems = 0

    def _actions(self, reply: Reply) -> list[tools.Action]:
        if reply.breach is not None:
            return [] if reply.breach.question in self._asked else [tools.AskOwner(reply.breach.question)]
        parsed = [tools.parse(call) for call in reply.tool_calls]
        return [action for action in parsed if not isinstance(action, tools.Problem)]

    def _problem(self, reply: Reply) -> tools.Problem | None:
        if reply.breach is not None and reply.breach.question in self._asked:
            return tools.Problem(
                "you may not agree to that or tell that; the owner was asked and did not allow it"
            )
        parsed = [tools.parse(call) for call in reply.tool_calls]
        return next((item for item in parsed if isinstance(item, tools.Problem)), None)

    async def _carry_out(self, actions: list[tools.Action], said: str) -> tuple[bool, End | None]:
        """Do what the model's tools ask for. First: whether the model is to go on at once."""
        for action in actions:
            match action:
                case tools.PressKeys(keys):
                    await self._hold.press(keys)
                case tools.EndCall():
                    self._concluded = self._end_of(action)
                    if not said:
                        await self._line.say(phrases.GOODBYE)
                    if await self._wants_more():
                        self._concluded = None
                    return False, self._concluded
                case tools.CallBackLater(question):
                    return False, await self._call_back(question, said=said)
                case tools.AskOwner(question):
                    if self._expired:
                        return False, await self._call_back(self._expired)
                    await self._ask_owner(question, said)
                    return True, None
        if self._expired:
            # The model was told to offer a call-back and did not: code does.
            return False, await self._call_back(self._expired)
        return False, None

    async def _ask_owner(self, question: str, said: str) -> None:
        line = self._line
        self._asked.add(question)
        self.open_question = question
        answer = await self._hold.until_answered(question, say_one_moment=not asks_to_hold(said))
        self.open_question = ""
        if answer is None:
            self._expired = question
        else:
            line.answers.append(Answer(question, answer))
        line.memory.note(prompt.owner_answer(question, answer))

    def _end_of(self, action: tools.Action) -> End | None:
        match action:
            case tools.EndCall(reason) if self._expired and reason == "other":
                return End(Ending.CALL_BACK, question=self._expired)
            case tools.EndCall(reason):
                return End(Ending.GOODBYE, reason=reason)
            case tools.CallBackLater(question):
                return End(Ending.CALL_BACK, question=question)
            case _:
                return None

    async def _call_back(self, question: str, *, said: str = "") -> End:
        self._concluded = End(Ending.CALL_BACK, question=question)
        if not said:
            await self._line.say(phrases.GOODBYE_CALL_BACK)
        await self._wants_more()
        return self._concluded

    async def _wants_more(self) -> bool:
        """Give the callee a moment for their own goodbye. True if they want something more."""
        line = self._line
        deadline = line.clock.now() + LINGER_S
        latest = line.clock.now() + LINGER_MAX_S
        while (now := line.clock.now()) < min(deadline, latest):
            if line.listening.talking() or line.listening.words.interim:
                deadline = now + LINGER_S
            await line.changed.wait(min(deadline, latest) - now)
        words = line.listening.words.text
        wants_more = bool(words) and not barge_in.is_back_channel(words) and not barge_in.is_farewell(words)
        if wants_more:
            self._owed = True
            return True
        utterance = line.listening.take()
        if utterance is not None:
            line.journal.line(
                "callee", utterance.text, started_at=utterance.started_at, ended_at=utterance.ended_at
            )
        return False

    # -- trouble ----------------------------------------------------------------------------------------------

    async def _say_again(self, failure: ModelUnavailable | None) -> End | None:
        detail = failure.message if failure is not None else "The language model gave no usable answer."
        if self._apologised:
            return await self._give_up(detail)
        self._apologised = True
        await self._line.say(phrases.SAY_AGAIN)
        return None

    async def _give_up(self, detail: str) -> End:
        await self._line.say(phrases.GOODBYE_TROUBLE)
        return End(Ending.ERROR, detail=detail)

    def _record(self, turn: Turn, spoken: Spoken, reply: Reply | None) -> None:
        times = reply.times if reply is not None else None
        self._line.journal.turn(
            TurnTimes(
                turn=turn.number,
                speech_ended=turn.speech_ended,
                final_transcript=turn.final_transcript,
                endpointed=turn.endpointed,
                model_asked=times.model_asked if times else None,
                first_token=times.first_token if times else None,
                first_clause=times.first_clause if times else None,
                first_audio=times.first_audio if times else None,
                first_sent=spoken.first_sent_at,
                first_played=spoken.started_at,
                interrupted=spoken.how is How.INTERRUPTED,
            )
        )
