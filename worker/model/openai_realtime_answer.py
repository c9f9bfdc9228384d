"""One answer of a realtime session, from the order to what becomes of it in the model's memory. No I/O."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from worker.model import openai_realtime_events as wire
from worker.model.language_model import Finished, ModelUnavailable, TextDelta, ToolCall
from worker.model.speech_to_speech import AnswerEvent, SpeechDelta

BYTES_PER_S = 8_000

CARRIED_ON = "Received. The program's messages tell what came of it."
"""Answers every tool call: what it gave is told by a system message, as to any other model."""


@dataclass(slots=True)
class _Items:
    """What an answer has added to the conversation, in order."""

    speech: dict[str, int] = field(default_factory=dict)
    """Messages, and the bytes of their audio."""
    calls: dict[str, str] = field(default_factory=dict)
    """Function calls, and the names by which they are answered."""


class Answer:
    """Fulfils `SpokenAnswer`. `stop(answer)` and `settle(answer)` are the session's."""

    def __init__(
        self,
        name: str,
        max_tokens: int,
        *,
        stop: Callable[[Answer], None],
        settle: Callable[[Answer], None],
    ) -> None:
        self.name = name
        self.max_tokens = max_tokens
        self.id: str | None = None
        """The server's; None until it has begun."""
        self.is_over = False
        """Nothing more comes of it: the server said so, or it was never asked for."""
        self._stop = stop
        self._settle = settle
        self._events: asyncio.Queue[AnswerEvent | ModelUnavailable] = asyncio.Queue()
        self._is_closed = False
        """Nobody is told anything more."""
        self._items = _Items()
        self._verdict: float | None = None
        self._is_judged = False

    # -- the reader's side -------------------------------------------------------------------------------------

    async def events(self) -> AsyncIterator[AnswerEvent]:
        while True:
            event = await self._events.get()
            if isinstance(event, ModelUnavailable):
                raise event
            yield event
            if isinstance(event, Finished):
                return

    def cancel(self) -> None:
        if not self._is_closed:
            self._close(Finished("cancelled"))
            self._stop(self)

    def heard(self, audio_s: float | None) -> None:
        if self._is_judged:
            return
        self._is_judged, self._verdict = True, audio_s
        self.cancel()
        if self.is_over:
            self._settle(self)

    # -- the session's side ------------------------------------------------------------------------------------

    def take(self, event: wire.ItemBegun | wire.Words | wire.Audio | wire.Call) -> None:
        match event:
            case wire.ItemBegun(_, item, is_speech) if is_speech:
                self._items.speech.setdefault(item, 0)
            case wire.Audio(_, item, mulaw):
                self._items.speech[item] = self._items.speech.get(item, 0) + len(mulaw)
                self._put(SpeechDelta(mulaw))
            case wire.Words(_, text):
                self._put(TextDelta(text))
            case wire.Call(_, item, call, name, arguments):
                self._items.calls[item] = call
                self._put(ToolCall(name, arguments))

    def finish(self, done: wire.AnswerDone) -> None:
        if done.status == "failed":
            reason = done.problem.message or done.problem.code or "no reason was given"
            self.fail(f"the speech-to-speech model failed: {reason}")
        else:
            self._close(Finished(done.status, done.input_tokens, done.output_tokens))

    def fail(self, message: str) -> None:
        self._close(ModelUnavailable(message))

    def forget(self) -> None:
        """The conversation it belonged to is lost."""
        self._items = _Items()

    def consequences(self) -> list[str]:
        """What the server is to be told now that all of it is there; nothing before it is known what was heard."""
        if not self._is_judged:
            return []
        if self._verdict is None:
            return [wire.answer_call(call, CARRIED_ON) for call in self._items.calls.values()]
        messages = []
        left = int(self._verdict * BYTES_PER_S)
        for item, size in self._items.speech.items():
            if left <= 0:
                messages.append(wire.delete(item))
            elif left < size:
                messages.append(wire.truncate(item, left * 1000 // BYTES_PER_S))
            left -= size
        return messages + [wire.delete(item) for item in self._items.calls]

    def _put(self, event: AnswerEvent | ModelUnavailable) -> None:
        if not self._is_closed:
            self._events.put_nowait(event)

    def _close(self, last: Finished | ModelUnavailable) -> None:
        self._put(last)
        self._is_closed = True
