"""A machine answered: wait for the beep, leave one message, and that is all."""

from __future__ import annotations

from collections.abc import AsyncIterator

from worker.call import prompt
from worker.call.answered_by import GREETING_END_SILENCE_S, GREETING_MAX_S, Answerer
from worker.call.contract import Ending
from worker.call.on_line import End, OnLine
from worker.call.reply import ClauseAudio, Reply

FALLBACK_MESSAGE = "Sorry to have missed you. We will call again. Goodbye."


async def leave_message(line: OnLine) -> End:
    """Leave the message once the greeting is over. The disclosure comes first here too."""
    if line.answerer is Answerer.FAX:
        return End(Ending.FAILED, detail="A fax machine answered.")
    reply = _begin(line)
    try:
        await _greeting_over(line)
        if line.control.steering.has_hints:
            await reply.cancel()
            reply = _begin(line)
        _note_greeting(line)
        spoken = await line.mouth.say(_Message(line, reply), interruptible=False)
        if line.disclosure.text in spoken.heard:
            line.ledger.disclosed(line.clock.epoch_ms())
        if spoken.failure is not None or not reply.text:
            await line.say(FALLBACK_MESSAGE)
    finally:
        await reply.cancel()
    return End(Ending.VOICEMAIL)


def _begin(line: OnLine) -> Reply:
    hints = line.take_hints()
    asked = prompt.leave_message(line.brief, line.started, line.disclosure.text, _greeting_so_far(line), hints)
    return line.reply(asked)


class _Message:
    """The disclosure and the model's words as one saying."""

    def __init__(self, line: OnLine, reply: Reply) -> None:
        self._line = line
        self._reply = reply

    async def clauses(self) -> AsyncIterator[ClauseAudio]:
        yield self._line.disclosure
        async for clause in self._reply.clauses():
            yield clause


async def _greeting_over(line: OnLine) -> None:
    """Until the carrier says so, or the machine has been silent for long enough after speaking."""
    while line.answerer is not Answerer.VOICEMAIL_LISTENING:
        listening = line.listening
        waited_s = line.clock.now() - listening.opened_at
        silence_s = listening.silence_s()
        if waited_s >= GREETING_MAX_S or (not listening.gate.speaking and silence_s >= GREETING_END_SILENCE_S):
            return
        # While it speaks, only a change matters; but the longest greeting has an end too.
        wait_s = GREETING_MAX_S - waited_s
        if not listening.gate.speaking:
            wait_s = min(wait_s, GREETING_END_SILENCE_S - silence_s)
        await line.changed.wait(max(wait_s, 0.01))


def _greeting_so_far(line: OnLine) -> str:
    return f"{line.memory.last_callee_text()} {line.listening.words.text}".strip()


def _note_greeting(line: OnLine) -> None:
    greeting = line.listening.take()
    if greeting is not None:
        line.note_callee(greeting)
