"""The conversation with a person: the opening, then turn after turn until one of them ends it.

It only converses. Silence, length, a line that drops and a person who cancels are watched from outside (`line`),
which may cancel this at any moment.
"""

from __future__ import annotations

from worker.call import phrases, prompt, tools, watchdog
from worker.call.callee_turns import CalleeTurns, Turn
from worker.call.contract import Answer, Ending
from worker.call.hold import Hold, asks_to_hold
from worker.call.journal import TurnTimes
from worker.call.on_line import End, OnLine
from worker.call.patience import LONG_S, WithFiller
from worker.call.reply import Reply, SpeechSource
from worker.call.speaking import How, Spoken
from worker.model.language_model import ModelUnavailable
from worker.speech.voice import VoiceUnavailable

COLLISION_S = 0.8
"""Who speaks within so long of Floyd's first sound had not finished; a listener needs longer to object."""


class Dialogue:
    def __init__(self, line: OnLine) -> None:
        self.floyds_turn_since: float | None = None
        """Since when Floyd owes an answer of which nothing is audible yet."""
        self.open_question = ""
        """What the owner is being asked."""
        self.disclosed = False
        """The callee knows who calls."""
        self.turns = CalleeTurns(line, lambda text: self._prepare(callee_is_saying=text))
        self._line = line
        self._hold = Hold(line, on_late_answer=self._answered)
        self._apologised = False
        self._asked_to_wait = -1
        """The turn in which the callee was told that it takes a moment."""
        self._replies: list[str] = []
        self._reply: Reply | None = None
        """The one being spoken."""
        self._concluded: End | None = None
        """The end that was decided on, while the last words are being said."""
        self._asked: set[str] = set()
        self._expired = ""
        """The question that the owner did not answer in time."""
        self._leaves_hold: list[tools.Action] = []
        """What ends the hold, although the owner has not answered."""

    @property
    def on_hold(self) -> bool:
        return self._hold.active

    @property
    def conclusion(self) -> End | None:
        """The end that Floyd has decided on, even if its last words are still being said."""
        if self._concluded is not None or self._reply is None:
            return self._concluded
        return next((self._end_of(action) for action in self._actions(self._reply) if self._end_of(action)), None)

    async def run(self) -> End:
        try:
            end = await self._open()
            return end or await self._turn_by_turn()
        finally:
            await self.turns.close()

    async def go_on(self) -> End:
        """Floyd has the line again."""
        self.turns.begin_again()
        try:
            return await self._turn_by_turn()
        finally:
            await self.turns.close()

    def interrupted(self) -> None:
        """`run` or `go_on` was cancelled because others have the line: what was decided in it no longer holds."""
        self.open_question = ""
        self._concluded = None

    async def close(self) -> None:
        await self._hold.close()

    async def _turn_by_turn(self) -> End:
        end: End | None = None
        while end is None:
            turn = await self.turns.next()
            end = await self._respond(turn, prepared=turn.reply)
        return end

    # -- the opening ------------------------------------------------------------------------------------------

    async def _open(self) -> End | None:
        line = self._line
        turn = await self.turns.greeting()
        # The first answer is computed while the disclosure plays.
        reply = self._prepare(floyd_is_saying=line.disclosure.text)
        try:
            spoken = await line.mouth.say(line.disclosure, interruptible=False)
            line.ledger.disclosed(line.clock.epoch_ms())
            self._record(turn, spoken, None)
            self.disclosed = True
            line.on_disclosed()
            while line.control.steering.owner_speaks:
                await line.changed.wait(None)  # until whoever was told cancels this
            if not self.turns.spoke_since(spoken.first_sent_at or 0.0):
                return await self._respond(self.turns.new(line.clock.now()), prepared=reply)
        finally:
            await reply.cancel()
        # They spoke meanwhile: what was prepared does not answer that.
        self.turns.owed = True
        return None

    # -- Floyd's turns ----------------------------------------------------------------------------------------

    def _prepare(self, *, floyd_is_saying: str = "", callee_is_saying: str = "") -> Reply:
        """Begin the answer to what has been said, or will have been said by then."""
        line = self._line
        line.take_hints()
        messages = line.memory.messages(floyd_is_saying=floyd_is_saying, callee_is_saying=callee_is_saying)

        def instead(breach: object) -> str:
            question = getattr(breach, "question", "")
            return "" if question in self._asked else phrases.check_first(line.brief.person_name)

        return line.reply(
            prompt.converse(line.brief, line.started, messages),
            callee_said=messages[-1].content if callee_is_saying else None,
            instead=instead,
        )

    async def _respond(self, turn: Turn, *, prepared: Reply | None = None) -> End | None:
        """Answer the callee; None: the conversation goes on."""
        self.turns.owed = False
        failures = problems = 0
        said_something = False
        while True:
            if prepared is not None and self._has_hints():
                await prepared.cancel()
                prepared = None
            reply = prepared or self._prepare()
            prepared = None
            self._reply = reply
            self.floyds_turn_since = self._line.clock.now()
            try:
                spoken = await self._line.mouth.say(
                    await self._with_filler(reply, turn), interruptible=True, overtaken=self._has_hints
                )
                if spoken.how is How.WITHDRAWN:
                    continue
                self._record(turn, spoken, reply)
            finally:
                self.floyds_turn_since = None
                self._reply = None
                await reply.cancel()
            if spoken.how is not How.PLAYED:
                asked = [action for action in self._actions(reply) if isinstance(action, tools.AskOwner)]
                if spoken.how is How.NOT_BEGUN or not asked:
                    if spoken.how is How.NOT_BEGUN or turn_was_cut_short(spoken):
                        self.turns.spoke_on(turn)
                    # What stopped Floyd may turn out to be a cough: then it goes on by itself.
                    self.turns.owed = True
                    return None
            said_something = said_something or bool(spoken.heard and reply.text)
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
                    self._line.memory.note(prompt.tool_problem(problem.message), lasts=False)
                    continue
                if reply.breach is not None:
                    return await self._call_back(reply.breach.question)
                return None if said_something else await self._say_again(None)
            again, end = await self._carry_out(self._actions(reply), reply.text)
            if not again:
                return end
            turn = self.turns.new(self._line.clock.now())
            failures = problems = 0

    def _has_hints(self) -> bool:
        return self._line.control.steering.has_hints

    async def _with_filler(self, reply: Reply, turn: Turn) -> SpeechSource:
        """The reply; if it takes long, Floyd says so."""
        if reply.ready or self._asked_to_wait == turn.number:
            return reply
        filler = self._line.ready_made.at_hand(phrases.ONE_MOMENT)
        if filler is None:
            return reply
        self._asked_to_wait = turn.number
        return WithFiller(reply, filler, turn.endpointed + LONG_S - self._line.clock.now())

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
                    return False, await self._after_goodbye()
                case tools.CallBackLater(question):
                    return False, await self._call_back(question, said=said)
                case tools.AskOwner(question):
                    if self._expired:
                        return False, await self._call_back(self._expired)
                    return await self._ask_owner(question, said)
        if self._expired:
            # The model was told to offer a call-back and did not: code does.
            return False, await self._call_back(self._expired)
        return False, None

    async def _ask_owner(self, question: str, said: str) -> tuple[bool, End | None]:
        """Ask while the callee holds. First: whether the model is to go on at once."""
        self._asked.add(question)
        self.open_question = question
        self._leaves_hold = []
        answer = await self._hold.until_answered(
            question, say_one_moment=not asks_to_hold(said), on_hint=self._speak_while_holding
        )
        self.open_question = ""
        if self._leaves_hold:
            # Something was said with these: no goodbye of the code's own is needed.
            return await self._carry_out(self._leaves_hold, said or question)
        if answer is None:
            self._expired = question
        self._answered(question, answer)
        return True, None

    def _answered(self, question: str, answer: str | None) -> None:
        """What the owner said to a question, or that nothing came in time."""
        if answer is not None:
            self._line.answers.append(Answer(question, answer))
        self._line.memory.note(prompt.owner_answer(question, answer))

    async def _speak_while_holding(self) -> bool:
        """The owner whispers while the callee waits for Floyd: so Floyd says something. True: what the model wants
        to be done ends the hold."""
        reply = self._prepare()
        try:
            spoken = await self._line.mouth.say(reply, interruptible=True)
        finally:
            await reply.cancel()
        if spoken.how is How.PLAYED and spoken.failure is None:
            actions = self._actions(reply)
            self._leaves_hold = [action for action in actions if not isinstance(action, tools.AskOwner)]
        return bool(self._leaves_hold)

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

    async def _call_back(self, question: str, *, said: str = "") -> End | None:
        self._concluded = End(Ending.CALL_BACK, question=question)
        if not said:
            await self._line.say(phrases.GOODBYE_CALL_BACK)
        return await self._after_goodbye()

    async def _after_goodbye(self) -> End | None:
        """The end that was decided on, unless the callee wants something more."""
        if await self.turns.want_more():
            self._concluded = None
        return self._concluded

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
                discarded=turn.discarded,
                discarded_tokens=turn.discarded_tokens,
            )
        )


def turn_was_cut_short(spoken: Spoken) -> bool:
    """The callee spoke on while Floyd had hardly begun: it was not an interruption, the turn was not over."""
    return spoken.how is How.INTERRUPTED and spoken.heard_s < COLLISION_S
