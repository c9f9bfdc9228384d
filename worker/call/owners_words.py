"""What the owner says on the line after taking over: heard by a recogniser of its own, written line by line."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from worker.audio.g711 import SILENCE
from worker.audio.loudness import ACTIVE_DBFS, rms_dbfs
from worker.call.clock import Clock, Signal
from worker.call.utterance import UtteranceWords
from worker.phone.media import FRAME_BYTES, SAMPLE_RATE_HZ
from worker.speech.recognizer import RecognitionSession, RecognizerUnavailable

log = structlog.get_logger(__name__)

WAITING_FRAMES = 400
"""Kept while the recogniser is being opened: 8 s, longer than that may take."""

LAST_WORDS_S = 1.2
"""After the last sound, for the words that are not known yet. Recognisers take some 0.5 s."""

SILENCE_AFTER_S = 0.6
"""Given to the recogniser behind the last sound: it settles words when it hears that somebody has stopped."""

CLOSE_S = 3.0


@dataclass(frozen=True, slots=True)
class OwnersLine:
    """Times are the loop's seconds."""

    text: str
    started_at: float
    ended_at: float


class OwnersWords:
    """`open_ear()` gives a recogniser's session; `on_words(text)` hears of the words as they come, and
    `on_line(line)` of each line once it is settled."""

    def __init__(
        self,
        open_ear: Callable[[], Awaitable[RecognitionSession]],
        clock: Clock,
        changed: Signal,
        *,
        on_words: Callable[[str], None],
        on_line: Callable[[OwnersLine], None],
    ) -> None:
        self.fed_bytes = 0
        self._clock = clock
        self._changed = changed
        self._on_words = on_words
        self._on_line = on_line
        self._words = UtteranceWords()
        self._session: RecognitionSession | None = None
        self._waiting: deque[bytes] = deque(maxlen=WAITING_FRAMES)
        self._loud_from: float | None = None
        """Since the last line."""
        self._loud_until = 0.0
        self._task = asyncio.create_task(self._understand(open_ear))

    def feed(self, mulaw: bytes) -> None:
        now = self._clock.now()
        if rms_dbfs(mulaw) > ACTIVE_DBFS:
            self._loud_until = now
            if self._loud_from is None:
                self._loud_from = now
        self._feed(mulaw)

    async def settle(self) -> None:
        """Nothing more is said: wait, for a moment, until what was said is known."""
        self._feed(bytes([SILENCE]) * round(SILENCE_AFTER_S * SAMPLE_RATE_HZ))
        while not self._task.done() and self._loud_from is not None:
            left_s = self._loud_until + LAST_WORDS_S - self._clock.now()
            if left_s <= 0:
                return
            await self._changed.wait(left_s)

    async def close(self) -> None:
        """Write down what is known, and stop listening."""
        self._write_down()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._session is not None:
            try:
                async with asyncio.timeout(CLOSE_S):
                    await self._session.close()
            except TimeoutError:
                log.warning("call.owners_recognizer_not_closed")

    def _feed(self, mulaw: bytes) -> None:
        if self._session is None:
            self._waiting += [mulaw[at : at + FRAME_BYTES] for at in range(0, len(mulaw), FRAME_BYTES)]
        else:
            self.fed_bytes += len(mulaw)
            self._session.feed(mulaw)

    async def _understand(self, open_ear: Callable[[], Awaitable[RecognitionSession]]) -> None:
        session = self._session = await open_ear()
        while self._waiting:
            self._feed(self._waiting.popleft())
        try:
            async for recognition in session.results():
                if self._words.hear(recognition, self._clock.now()):
                    if recognition.is_final:
                        self._write_down()
                    else:
                        self._on_words(self._words.text)
                    self._changed.set()
        except RecognizerUnavailable as error:
            # They are heard by the callee all the same; what they said is missing in the transcript.
            log.warning("call.owner_not_understood", reason=str(error))
            self._changed.set()

    def _write_down(self) -> None:
        text = self._words.take()
        if text:
            until = self._loud_until or self._clock.now()
            self._on_line(OwnersLine(text, until if self._loud_from is None else self._loud_from, until))
            self._loud_from = None
