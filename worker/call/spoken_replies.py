"""The replies of one call whose session hears, thinks and speaks, and a memory that keeps the session informed.

The session knows what it heard and what it said. From the memory it learns what it can't know: what was said by
code, what the program notes, and how much of its own words the callee really heard.
"""

from __future__ import annotations

from collections.abc import Callable

from worker.call.bounds import Breach
from worker.call.clock import Clock
from worker.call.memory import SILENCE, Memory
from worker.call.spoken_pieces import Pace
from worker.call.spoken_reply import SpokenReply
from worker.call.usage import Usage
from worker.model.language_model import Message, Prompt
from worker.model.speech_to_speech import SpokenSession
from worker.speech.voice import Voice


class SpokenReplies:
    """Fulfils `worker.call.replies.Replies`. `unanswered()` gives the callee's words that are in no memory yet."""

    def __init__(
        self,
        session: SpokenSession,
        voice: Voice,
        clock: Clock,
        *,
        usage: Usage,
        unanswered: Callable[[], str],
    ) -> None:
        self.memory = _SharedMemory(self)
        self._session = session
        self._voice = voice
        self._clock = clock
        self._usage = usage
        self._unanswered = unanswered
        self._pace = Pace()
        self._speaking: SpokenReply | None = None
        self._foretold = ""
        session.remind_by(self._conversation)

    def reply(
        self,
        prompt: Prompt,
        *,
        guard: Callable[[str], Breach | None],
        instead: Callable[[Breach], str],
        on_ready: Callable[[], None],
    ) -> SpokenReply:
        self._foretell(prompt)
        return SpokenReply(
            prompt,
            session=self._session,
            voice=self._voice,
            clock=self._clock,
            pace=self._pace,
            usage=self._usage,
            on_spoken=self._on_spoken,
            guard=guard,
            instead=instead,
            on_ready=on_ready,
        )

    async def close(self) -> None:
        """The session is closed by whoever opened it."""

    def floyd_said(self, heard: str) -> None:
        reply, self._speaking = self._speaking, None
        others = heard.strip() if reply is None else reply.heard(heard.strip())
        foretold, self._foretold = self._foretold, ""
        if others and others != foretold:
            self._session.tell(Message("assistant", others))

    def noted(self, text: str) -> None:
        self._session.tell(Message("system", text))

    def _on_spoken(self, reply: SpokenReply) -> None:
        self._speaking = reply

    def _foretell(self, prompt: Prompt) -> None:
        """A line that is being said while the reply to it is prepared comes before that in the conversation."""
        last = next((message.content for message in reversed(prompt.messages) if message.role == "assistant"), "")
        if last and last not in (self.memory.last_floyd_text(), self._foretold):
            self._foretold = last
            self._session.tell(Message("assistant", last))

    def _conversation(self) -> list[Message]:
        said = [message for message in self.memory.messages() if message.content != SILENCE]
        unanswered = self._unanswered().strip()
        return [*said, Message("user", unanswered)] if unanswered else said


class _SharedMemory(Memory):
    def __init__(self, replies: SpokenReplies) -> None:
        super().__init__()
        self._replies = replies

    def floyd_said(self, heard: str) -> None:
        super().floyd_said(heard)
        self._replies.floyd_said(heard)

    def note(self, text: str, *, lasts: bool = True) -> None:
        super().note(text, lasts=lasts)
        self._replies.noted(text)
