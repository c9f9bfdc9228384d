"""What is said, on its way to the database: lines in order, the words being spoken now, timings, disclosures.

Nothing here is awaited by whoever carries audio. Lines are numbered when they are said; what has gathered while a
write was under way goes out together. The live words are sent at most five times a second, the newest only, and
are dropped rather than repeated: a moment later they are history.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from worker.call.clock import Clock, Signal
from worker.call.contract import SpokenLine
from worker.call.outbox import Outbox, Write
from worker.call.told import FactWords, told
from worker.deployment.client import Deployment, DeploymentUnavailable, FunctionError

LIVE_INTERVAL_S = 0.2
LIVE_WRITES_PER_S = 60
"""Of one worker, whose core is there for what is heard before what is read along: with more than twelve calls, the
words being spoken are written less often."""
LIVE_AFTER_S = 0.01
"""The words that are shown are answered first."""
LIVE_PATIENCE_S = 1.0
LINES_AT_ONCE = 100
MAX_LINE_CHARS = 8_000
"""The deployment's limit for a line."""
MAX_LINES = 5_000
"""The deployment's limit for a call."""

Speaker = Literal["floyd", "callee", "owner"]


@dataclass(frozen=True, slots=True)
class TurnTimes:
    """One turn's moments on the loop's clock; None: did not happen. `voice_asked` is when the first clause was
    handed to the voice."""

    turn: int
    speech_ended: float
    final_transcript: float | None = None
    endpointed: float | None = None
    model_asked: float | None = None
    first_token: float | None = None
    first_clause: float | None = None
    first_audio: float | None = None
    first_sent: float | None = None
    first_played: float | None = None
    interrupted: bool = False
    discarded: int = 0
    """Replies that were begun while the callee still spoke, and thrown away unheard."""
    discarded_tokens: int = 0


def turn_row(times: TurnTimes, clock: Clock) -> dict[str, Any]:
    """The row of `turns`. The whole is from the end of speech to the first audio sent.

    The model is asked before the turn is over, so what each part took overlaps. The parts add up all the same: the
    model's goes from its request to the first clause, the voice's from that to the first audio, endpointing's is
    what was waited for it before the request and after the audio was there, and the rest is Floyd's own."""
    row: dict[str, Any] = {
        "turn": times.turn,
        "speechEndedAt": clock.epoch_ms(times.speech_ended),
        "interrupted": times.interrupted,
    }
    moments = {
        "finalTranscript": times.final_transcript,
        "endpointed": times.endpointed,
        "modelAsked": times.model_asked,
        "firstToken": times.first_token,
        "firstClause": times.first_clause,
        "firstAudio": times.first_audio,
        "firstSent": times.first_sent,
        "firstPlayed": times.first_played,
    }
    row |= {name: _ms(at - times.speech_ended) for name, at in moments.items() if at is not None}
    endpointing = _endpointing_s(times)
    model = _span(times.model_asked, times.first_clause, since=times.speech_ended)
    speech = _span(times.first_clause, times.first_audio, since=times.speech_ended)
    total = _span(times.speech_ended, times.first_sent)
    if times.discarded:
        row |= {"discarded": times.discarded, "discardedTokens": times.discarded_tokens}
    if total is not None and endpointing is not None:
        row["floydMs"] = _ms(max(0.0, total - endpointing - (model or 0.0) - (speech or 0.0)))
    parts = {"endpointingMs": endpointing, "modelMs": model, "speechMs": speech, "totalMs": total}
    row |= {name: _ms(part) for name, part in parts.items() if part is not None}
    return row


def _endpointing_s(times: TurnTimes) -> float | None:
    if times.endpointed is None:
        return None
    asked = times.endpointed if times.model_asked is None else min(times.model_asked, times.endpointed)
    heard = times.endpointed if times.first_audio is None else max(times.first_audio, times.speech_ended)
    return max(0.0, asked - times.speech_ended) + max(0.0, times.endpointed - heard)


def _span(start: float | None, end: float | None, *, since: float = 0.0) -> float | None:
    """How long it took, as far as it lies after `since`: what was prepared before took no time of the turn."""
    return None if start is None or end is None else max(0.0, end - max(start, since))


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


@dataclass(slots=True)
class LivePace:
    """How often a call's live words are written: one for all calls of a worker."""

    calls: int = 0

    @property
    def interval_s(self) -> float:
        return max(LIVE_INTERVAL_S, self.calls / LIVE_WRITES_PER_S)


class Journal:
    """One call's. `facts` are those whose telling is written down."""

    def __init__(
        self,
        deployment: Deployment,
        outbox: Outbox,
        clock: Clock,
        *,
        call_id: str,
        token: str,
        facts: Iterable[FactWords] = (),
        pace: LivePace,
    ) -> None:
        self.lines: list[SpokenLine] = []
        self._deployment = deployment
        self._outbox = outbox
        self._clock = clock
        self._call = {"callId": call_id, "token": token}
        self._facts = tuple(facts)
        self._told: set[str] = set()
        self._unsent: list[dict[str, Any]] = []
        self._live: tuple[Speaker, str] | None = None
        self._live_news = Signal()
        self._pace = pace
        pace.calls += 1
        self._live_task = asyncio.create_task(self._send_live())

    def line(
        self,
        speaker: Speaker,
        text: str,
        *,
        started_at: float,
        ended_at: float,
        interrupted: bool = False,
        intended: str | None = None,
    ) -> None:
        """Append a line as it was heard. Times are the loop's. A line of no words is none."""
        text = " ".join(text.split())[:MAX_LINE_CHARS]
        if not text or len(self.lines) >= MAX_LINES:
            return
        line = SpokenLine(len(self.lines), speaker, text)
        self.lines.append(line)
        row: dict[str, Any] = {
            "seq": line.seq,
            "speaker": speaker,
            "text": text,
            "startedAt": self._clock.epoch_ms(started_at),
            "endedAt": self._clock.epoch_ms(max(started_at, ended_at)),
            "interrupted": interrupted,
        }
        whole = " ".join((intended or "").split())[:MAX_LINE_CHARS]
        if interrupted and whole:
            row["intended"] = whole
        self._unsent.append(row)
        self._outbox.put_composed(self._next_lines)
        self.live(speaker, "")
        if speaker == "floyd":
            self._note_told(line)

    def live(self, speaker: Speaker, text: str) -> None:
        """The words being spoken now; empty clears them."""
        self._live = (speaker, text[-MAX_LINE_CHARS:])
        self._live_news.set()

    def turn(self, times: TurnTimes) -> None:
        self._outbox.put("turns:record", {**self._call, "turns": [turn_row(times, self._clock)]})

    async def close(self) -> None:
        """Stop the live words. The lines are the outbox's to flush."""
        self._pace.calls -= 1
        self._live_task.cancel()
        await asyncio.gather(self._live_task, return_exceptions=True)

    def _next_lines(self) -> Write | None:
        if not self._unsent:
            return None
        lines, self._unsent = self._unsent[:LINES_AT_ONCE], self._unsent[LINES_AT_ONCE:]
        return "transcript:append", {**self._call, "lines": lines}

    def _note_told(self, line: SpokenLine) -> None:
        news = [fact for fact in told(line.text, self._facts) if fact.text not in self._told]
        if not news:
            return
        self._told.update(fact.text for fact in news)
        items = [
            {"text": fact.text, "seq": line.seq} | ({"factId": fact.fact_id} if fact.fact_id else {})
            for fact in news
        ]
        self._outbox.put("disclosures:record", {**self._call, "items": items})

    async def _send_live(self) -> None:
        while True:
            await self._live_news.wait(None)
            await asyncio.sleep(LIVE_AFTER_S)
            if self._live is None:
                continue
            (speaker, text), self._live = self._live, None
            # A lost lease is told by the outbox and the heartbeat; words of a moment ago are not repeated.
            with contextlib.suppress(FunctionError, DeploymentUnavailable):
                await self._deployment.mutation(
                    "live:set", {**self._call, "speaker": speaker, "text": text}, patience_s=LIVE_PATIENCE_S
                )
            await asyncio.sleep(self._pace.interval_s)
