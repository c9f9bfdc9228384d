"""`/rtc/dictate`: a spoken request as words, while it is being spoken.

Over the data channel the worker sends

    {"kind": "listening"}                          the recogniser is open: speak
    {"kind": "words", "text": "...", "final": b}   all words so far; final: they will stay so
    {"kind": "end"}                                that was all (the speaker fell silent, or the page said so)
    {"kind": "error", "code": "...", "message": "..."}

and the page may send

    {"kind": "finish"}      the speaker let go of the button. With `hold`, only that is the end, and not a silence
    {"kind": "handsFree"}   it was tapped and not held: from now on a silence is the end

After `end` or `error` nothing more comes. What is dictated is kept nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from worker.call.clock import Clock, Signal
from worker.call.endpointing import View
from worker.call.utterance import UtteranceWords
from worker.call.voice_activity import SpeechGate
from worker.speech.recognizer import RecognitionSession, Recognizer, RecognizerUnavailable
from worker.speech.vad import VoiceActivityDetector, VoiceActivityDetectors
from worker.web.rtc import dictation_end
from worker.web.rtc.listen import LAST_WORD_S
from worker.web.rtc.transport import SILENT_FRAME, AudioTransport

log = structlog.get_logger(__name__)

OPEN_S = 8.0
"""For a recogniser to be opened: two tries of its own."""

NOTHING_S = 15.0
"""Without a word for so long, there is none to come: a microphone that is muted, or somebody who went away."""

LONGEST_S = 180.0
"""Requests take 5 to 30 s. Recognition costs by the second."""

SETTLE_S = 2.0
"""After the button was let go, for the last words: finals come 0.3 to 1 s after the last sound."""

FINAL_S = 1.0
"""A final that has not come so long after the last voice will not come: there was nothing in it."""

SILENCE_BYTES = 800
"""Silence is passed on in pieces of 0.1 s: a message for each 20 ms is most of a recogniser's cost."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """What recognises, and for whom."""

    recognizer: Recognizer
    detectors: VoiceActivityDetectors
    language: str
    hints: Sequence[str]


async def dictate(transport: AudioTransport, hearing: Hearing, *, hold: bool) -> None:
    """Until all is said, or the page is gone."""
    await transport.connected()
    if transport.is_closed:
        return
    try:
        async with asyncio.timeout(OPEN_S):
            detector = await hearing.detectors.acquire()
            session = await hearing.recognizer.open(language=hearing.language, hints=hearing.hints)
    except (RecognizerUnavailable, TimeoutError) as error:
        log.warning("rtc.recogniser_not_open", reason=str(error) or "it took too long")
        await _fail(transport, "NO_RECOGNISER", "Speech can't be recognised right now.")
        return
    dictation = Dictation(transport, session, detector, hold=hold)
    try:
        await dictation.run()
    finally:
        await session.close()


class Dictation:
    def __init__(
        self,
        transport: AudioTransport,
        session: RecognitionSession,
        detector: VoiceActivityDetector,
        *,
        hold: bool,
    ) -> None:
        self._transport = transport
        self._session = session
        self._detector = detector
        self._hold = hold
        self._clock = Clock()
        self._changed = Signal()
        self._gate = SpeechGate()
        self._words = UtteranceWords()
        self._opened_at = self._clock.now()
        self._finished_at: float | None = None
        self._gone = False

    async def run(self) -> None:
        self._transport.send({"kind": "listening"})
        understanding = asyncio.create_task(self._understand())
        tasks = [asyncio.create_task(self._hear()), asyncio.create_task(self._obey())]
        understanding.add_done_callback(lambda _: self._changed.set())
        try:
            await self._until_over(understanding)
        finally:
            for task in (understanding, *tasks):
                task.cancel()
            await asyncio.wait([understanding, *tasks])
        if self._gone:
            return
        lost = None if understanding.cancelled() else understanding.exception()
        if isinstance(lost, RecognizerUnavailable):
            log.warning("rtc.recogniser_lost", reason=str(lost))
            await _fail(self._transport, "NO_RECOGNISER", "Speech can't be recognised any further right now.")
        elif lost is not None:
            raise lost
        elif not self._words.text and self._finished_at is None:
            await _fail(self._transport, "NOTHING_HEARD", "No words were heard. Is the microphone on?")
        else:
            self._tell(final=True)
            self._transport.send({"kind": "end"})
            await asyncio.sleep(LAST_WORD_S)

    async def _until_over(self, understanding: asyncio.Task[None]) -> None:
        while not (understanding.done() or self._gone):
            wait_s = self._wait_s()
            if wait_s is not None and wait_s <= 0:
                return
            await self._changed.wait(wait_s)

    def _wait_s(self) -> float | None:
        """How long to wait before looking again if nothing changes; 0: it is over."""
        now = self._clock.now()
        left_s = self._opened_at + LONGEST_S - now
        if self._finished_at is not None:
            return min(left_s, self._settles_in_s(now, self._finished_at))
        if not (self._words.text or self._words.awaited):
            return min(left_s, self._opened_at + NOTHING_S - now)
        if self._hold:
            return left_s
        verdict = dictation_end.decide(self._view(now))
        if verdict.over:
            return 0
        return left_s if verdict.look_again_s is None else min(left_s, verdict.look_again_s)

    def _settles_in_s(self, now: float, finished_at: float) -> float:
        """After the button was let go: until the last words are known, or have had time enough."""
        latest_s = finished_at + SETTLE_S - now
        if self._words.interim or self._words.awaited or self._gate.speaking:
            return latest_s
        last_voice = self._gate.last_voiced_at or self._opened_at
        if self._words.settled_at is not None and self._words.settled_at > last_voice:
            return 0
        return min(latest_s, last_voice + FINAL_S - now)

    def _view(self, now: float) -> View:
        return View(
            text=self._words.text,
            has_interim=bool(self._words.interim),
            awaited=self._words.awaited,
            silence_s=self._gate.silence_s(now, since=self._opened_at),
            since_words_s=now - max(self._words.changed_at, self._opened_at),
            punctuates=self._words.punctuates,
        )

    async def _hear(self) -> None:
        held = b""
        async for heard in self._transport.frames():
            # What is said after the button was let go is not meant for Floyd.
            frame = heard if self._finished_at is None else SILENT_FRAME
            activity = self._detector.feed(frame)
            if self._gate.feed(activity, self._clock.now()):
                self._changed.set()
            held += frame
            if activity.is_loud or self._gate.speaking or len(held) >= SILENCE_BYTES:
                self._session.feed(held)
                held = b""
        self._gone = True
        self._changed.set()

    async def _understand(self) -> None:
        async for recognition in self._session.results():
            if self._words.hear(recognition, self._clock.now()):
                self._tell(final=not self._words.interim)
                self._changed.set()

    async def _obey(self) -> None:
        async for message in self._transport.messages():
            match message.get("kind"):
                case "finish" if self._finished_at is None:
                    self._finished_at = self._clock.now()
                case "handsFree":
                    self._hold = False
            self._changed.set()

    def _tell(self, *, final: bool) -> None:
        self._transport.send({"kind": "words", "text": self._words.text, "final": final})


async def _fail(transport: AudioTransport, code: str, message: str) -> None:
    transport.send({"kind": "error", "code": code, "message": message})
    await asyncio.sleep(LAST_WORD_S)
