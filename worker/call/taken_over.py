"""The owner has the line: Floyd is silent, passes their voice on, and listens to both until it has the line again.

Sound goes through Floyd's own playback, so that it is recorded, listened in to, and known as an echo like Floyd's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from worker.call import endpointing, prompt
from worker.call.heard import ClauseSpan
from worker.call.jitter import JitterBuffer
from worker.call.on_air import OnAir
from worker.call.on_line import OnLine
from worker.call.owners_words import OwnersLine, OwnersWords
from worker.call.playback import Playback, Saying
from worker.phone.media import FRAME_MS
from worker.speech.recognizer import RecognitionSession

log = structlog.get_logger(__name__)

FRAME_S = FRAME_MS / 1000

COMES_WITHIN_S = 15.0
"""For the owner's first sound: a browser asks for the microphone, and connects."""

GONE_AFTER_S = 6.0
"""Without a frame from the owner's browser, which sends silence too: it is closed, or its network is gone."""

HELD_UP_S = 0.1
"""The loop was held up for longer than this: sound goes on from now, and is not sent in a bunch."""


class TakenOver:
    """One stretch of a call in which the owner speaks. `open_ear()` opens another session of the recogniser."""

    def __init__(
        self,
        line: OnLine,
        *,
        on_air: OnAir,
        playback: Playback,
        open_ear: Callable[[], Awaitable[RecognitionSession]],
    ) -> None:
        self.active = True
        """The owner has the line."""
        self.said_something = False
        """Words of the owner's are known."""
        self._line = line
        self._on_air = on_air
        self._playback = playback
        self._open_ear = open_ear
        self._jitter = JitterBuffer()
        self._sound = asyncio.Event()
        self._began_at = line.clock.now()
        self._last_frame_at: float | None = None
        self._saying: tuple[Saying, ClauseSpan] | None = None

    async def run(self) -> bool:
        """Until they hand back, or are gone: then False. What was said is in the transcript and in the memory."""
        line = self._line
        await line.mouth.hush()
        words = OwnersWords(
            self._open_ear,
            line.clock,
            line.changed,
            on_words=lambda text: line.journal.live("owner", text),
            on_line=self._note,
        )
        self._on_air.on_speech = lambda mulaw: self._hear(mulaw, words)
        self._on_air.taken_over = True
        player = asyncio.create_task(self._play())
        try:
            handed_back = await self._listen()
            self._let_go()
            await words.settle()
        finally:
            self._let_go()
            player.cancel()
            await asyncio.gather(player, return_exceptions=True)
            await words.close()
            line.usage.recognised_s += words.fed_bytes / 8000
            line.mouth.last_active_at = line.clock.now()
        line.memory.note(prompt.handed_back(known=self.said_something), lasts=False)
        return handed_back

    def _let_go(self) -> None:
        self.active = False
        self._on_air.taken_over, self._on_air.on_speech = False, None

    async def _listen(self) -> bool:
        """Write down what the callee says, as long as the owner is there. False: they are gone."""
        line = self._line
        while line.control.steering.owner_speaks:
            verdict = endpointing.decide(line.listening.turn_view())
            if verdict.over:
                utterance = line.listening.take()
                if utterance is not None:
                    line.note_callee(utterance)
                    line.memory.callee_said(utterance.text)
                continue
            gone_s = self._gone_at() - line.clock.now()
            if gone_s <= 0:
                log.info("call.owner_gone", call=line.call_id, came=self._last_frame_at is not None)
                return False
            await line.changed.wait(gone_s if verdict.look_again_s is None else min(gone_s, verdict.look_again_s))
        return True

    def _gone_at(self) -> float:
        if self._last_frame_at is None:
            return self._began_at + COMES_WITHIN_S
        return self._last_frame_at + GONE_AFTER_S

    def _hear(self, mulaw: bytes, words: OwnersWords) -> None:
        self._last_frame_at = self._line.clock.now()
        self._jitter.put(mulaw)
        words.feed(mulaw)
        self._sound.set()

    async def _play(self) -> None:
        """The owner's voice to the callee, a frame every 20 ms."""
        clock = self._line.clock
        due = clock.now()
        while True:
            frame = self._jitter.take()
            if frame is None:
                self._sound.clear()
                await self._sound.wait()
                due = clock.now()
                continue
            await self._pass_on(frame)
            due += FRAME_S
            if clock.now() - due > HELD_UP_S:
                due = clock.now()
            await asyncio.sleep(max(0.0, due - clock.now()))

    async def _pass_on(self, frame: bytes) -> None:
        if self._saying is None:
            saying = self._playback.begin()
            self._saying = saying, self._playback.open_clause(saying, "")
        await self._playback.send(*self._saying, frame)

    def _note(self, said: OwnersLine) -> None:
        line = self._line
        self.said_something = True
        line.journal.line("owner", said.text, started_at=said.started_at, ended_at=said.ended_at)
        line.memory.owner_said(said.text)
        self._saying = None  # what is over need not be kept
