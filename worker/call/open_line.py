"""Setting up a line whose audio socket is open: recogniser, detector, playback, and the parts that use them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from worker.call import prompt
from worker.call.clock import Clock, Signal
from worker.call.contract import CallBrief, CallControl
from worker.call.journal import Journal, LivePace
from worker.call.ledger import Ledger
from worker.call.listening import Listening
from worker.call.on_air import OnAir
from worker.call.on_line import OnLine
from worker.call.phrases import READY_MADE
from worker.call.playback import Playback
from worker.call.ready_made import ReadyMade, RecordedClause
from worker.call.recording import Recording
from worker.call.replies import replies_of
from worker.call.speaking import Mouth
from worker.call.taken_over import TakenOver
from worker.call.told import fact_words
from worker.call.usage import MeteredModel, MeteredVoice, Usage
from worker.deployment.client import Deployment
from worker.model.language_model import LanguageModel
from worker.phone.carrier import Carrier
from worker.phone.media import SAMPLE_RATE_HZ, MediaStream
from worker.speech.recognizer import Recognition, RecognitionSession, Recognizer, RecognizerUnavailable
from worker.speech.spoken_voice import SpokenVoice
from worker.speech.vad import VoiceActivityDetectors
from worker.speech.voice import Voice

log = structlog.get_logger(__name__)

OPEN_RECOGNIZER_S = 6.0
"""For opening a session on a connection that is warm; tried twice. The callee is already on the line."""

CLOSE_S = 3.0
"""For a recogniser to close: the call is over, and nobody waits for it any longer."""

DEFAULT_LANGUAGE = "en-US"
MAX_HINTS = 60


@dataclass(frozen=True, slots=True)
class Equipment:
    """What all calls of a worker share."""

    deployment: Deployment
    carrier: Carrier
    recognizer: Recognizer
    voice: Voice
    model: LanguageModel
    detectors: VoiceActivityDetectors
    ready_made: ReadyMade
    recordings: Path
    line: str
    """What the carrier's calls go over, as in FLOYD_LINE."""
    live_pace: LivePace = field(default_factory=LivePace)

    @contextmanager
    def warming_up(self) -> Iterator[None]:
        """Connect to all vendors and render the ready-made phrases, while the phone rings."""
        task = asyncio.create_task(self._warm_up())
        try:
            yield
        finally:
            task.cancel()

    async def _warm_up(self) -> None:
        self.ready_made.prepare(READY_MADE)
        results = await asyncio.gather(
            self.recognizer.warm_up(),
            self.model.warm_up(),
            self.voice.warm_up(),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, Exception):
                log.warning("call.warm_up_failed", reason=str(result))


@asynccontextmanager
async def opened_line(
    equipment: Equipment,
    stream: MediaStream,
    *,
    call_id: str,
    brief: CallBrief,
    control: CallControl,
    clock: Clock,
    journal: Journal,
    ledger: Ledger,
    disclosure: RecordedClause,
    on_air: OnAir,
    usage: Usage,
) -> AsyncIterator[OnLine]:
    """Everything a conversation needs, for as long as it lasts."""
    changed = Signal()
    recording = Recording(clock.now()) if brief.record else None
    if recording is not None:
        on_air.add(recording)
    playback = Playback(stream, clock, changed, on_audio=on_air.floyd_says, on_cut=on_air.floyd_cut)
    detector = await equipment.detectors.acquire()
    recognition = await _open_recognition(equipment.recognizer, brief)
    replies = replies_of(
        recognition,
        model=MeteredModel(equipment.model, usage),
        voice=MeteredVoice(SpokenVoice(equipment.voice, brief.language), usage),
        clock=clock,
        usage=usage,
        unanswered=lambda: listening.words.settled,
    )
    memory = replies.memory
    listening = Listening(
        stream,
        recognition,
        detector,
        clock,
        changed,
        on_mark=playback.on_mark,
        playing=playback.playing,
        mark_is_due=playback.mark_is_due,
        on_words=lambda text: journal.live("callee", text),
        on_digit=lambda key: memory.note(f"The other side pressed the key {key}."),
    )
    on_air.open(playback, listening)
    try:
        on_line = OnLine(
            call_id=call_id,
            brief=brief,
            control=control,
            replies=replies,
            clock=clock,
            changed=changed,
            listening=listening,
            mouth=Mouth(
                playback=playback,
                listening=listening,
                journal=journal,
                memory=memory,
                clock=clock,
                changed=changed,
            ),
            journal=journal,
            ledger=ledger,
            memory=memory,
            ready_made=equipment.ready_made,
            disclosure=disclosure,
            facts=fact_words(brief.facts, (brief.request_text, brief.callee_name, brief.person_name)),
            started=prompt.local_time(brief.timezone, clock.epoch_ms()),
            on_machine=lambda: None,
            on_disclosed=lambda: None,
            take_over=lambda: TakenOver(
                on_line,
                on_air=on_air,
                playback=playback,
                open_ear=lambda: _open_recognition(equipment.recognizer, brief),
            ),
            usage=usage,
            answers=list(brief.answers),
        )
        yield on_line
    finally:
        on_air.close()
        usage.recognised_s += listening.fed_bytes / SAMPLE_RATE_HZ
        usage.call_s = clock.now() - listening.opened_at
        _note_last_words(listening, journal)
        await replies.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                await recognition.close()
        except TimeoutError:
            log.warning("call.recognizer_not_closed", call=call_id)
        if recording is not None:
            file = f"{call_id}.wav"
            if await recording.write(equipment.recordings / file):
                ledger.recorded(file)


def hints_of(brief: CallBrief) -> list[str]:
    """Names that are likely to be heard: of the callee, the person, and those in the request and the facts."""
    texts = [brief.request_text, *(fact.text for fact in brief.facts)]
    names = [brief.callee_name, brief.person_name]
    for text in texts:
        names += re.findall(r"(?<=\S )[A-Z][\w'-]+(?: [A-Z][\w'-]+)*", text)
    return list(dict.fromkeys(name.strip() for name in names if name.strip()))[:MAX_HINTS]


def _note_last_words(listening: Listening, journal: Journal) -> None:
    """What the callee said last is part of the transcript, even if nobody answered it any more."""
    last = listening.take()
    if last is not None:
        journal.line("callee", last.text, started_at=last.started_at, ended_at=last.ended_at)


async def _open_recognition(recognizer: Recognizer, brief: CallBrief) -> RecognitionSession:
    language, hints = brief.language or DEFAULT_LANGUAGE, hints_of(brief)
    reason = ""
    for _ in range(2):
        try:
            async with asyncio.timeout(OPEN_RECOGNIZER_S):
                return await recognizer.open(language=language, hints=hints)
        except (RecognizerUnavailable, TimeoutError) as error:
            reason = str(error) or f"no session within {OPEN_RECOGNIZER_S:g} s"
            log.warning("call.recognizer_not_opened", reason=reason)
    return _Deaf(reason)


class _Deaf:
    """In place of a session that could not be opened: the line then ends as if it had died."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def feed(self, mulaw: bytes) -> None:
        """Nobody hears it."""

    async def results(self) -> AsyncIterator[Recognition]:
        raise RecognizerUnavailable(self._reason)
        yield  # an async generator, as the protocol has it

    async def close(self) -> None:
        """Nothing is open."""
