"""Who makes the replies of a call: a language model and a voice, or the session that listens too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from worker.call.bounds import Breach
from worker.call.clock import Clock
from worker.call.folding import Folding
from worker.call.memory import Memory
from worker.call.reply import CascadedReply, Reply
from worker.call.spoken_replies import SpokenReplies
from worker.call.usage import Usage
from worker.model.language_model import LanguageModel, Prompt
from worker.model.speech_to_speech import SpokenSession
from worker.speech.recognizer import RecognitionSession
from worker.speech.voice import Voice


class Replies(Protocol):
    @property
    def memory(self) -> Memory:
        """What the replies are made from, and what has to be told of what became of them."""
        ...

    def reply(
        self,
        prompt: Prompt,
        *,
        guard: Callable[[str], Breach | None],
        instead: Callable[[Breach], str],
        on_ready: Callable[[], None],
    ) -> Reply:
        """A reply that was not started yet."""
        ...

    async def close(self) -> None: ...


class CascadedReplies:
    def __init__(self, model: LanguageModel, voice: Voice, clock: Clock) -> None:
        self.memory = Memory()
        self._folding = Folding(self.memory, model)
        self._model = model
        self._voice = voice
        self._clock = clock

    def reply(
        self,
        prompt: Prompt,
        *,
        guard: Callable[[str], Breach | None],
        instead: Callable[[Breach], str],
        on_ready: Callable[[], None],
    ) -> Reply:
        self._folding.look()
        return CascadedReply(
            prompt,
            model=self._model,
            voice=self._voice,
            clock=self._clock,
            guard=guard,
            instead=instead,
            on_ready=on_ready,
        )

    async def close(self) -> None:
        await self._folding.close()


def replies_of(
    session: RecognitionSession,
    *,
    model: LanguageModel,
    voice: Voice,
    clock: Clock,
    usage: Usage,
    unanswered: Callable[[], str],
) -> Replies:
    """`unanswered()` gives the callee's final words that are in no memory yet; `usage` counts what a session that
    answers uses."""
    if isinstance(session, SpokenSession):
        return SpokenReplies(session, voice, clock, usage=usage, unanswered=unanswered)
    return CascadedReplies(model, voice, clock)
