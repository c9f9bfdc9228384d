"""The inbound side of a line: frames to the recogniser and the detector, and what both make of them.

Two tasks: `pump` reads the media socket, `understand` the recogniser. Both only update state and set `changed`;
the decisions are made by whoever waits for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from worker.audio.g711 import SILENCE
from worker.audio.loudness import rms_dbfs
from worker.call import endpointing
from worker.call.clock import Clock, Signal
from worker.call.echo import Echo
from worker.call.murmurs import Comparison, Murmurs
from worker.call.utterance import UtteranceWords
from worker.call.voice_activity import SpeechGate
from worker.phone.media import FRAME_BYTES, Digit, Frame, MarkPlayed, MediaStream, Stopped
from worker.precedence import ANSWERS
from worker.speech.recognizer import RecognitionSession
from worker.speech.vad import Activity, VoiceActivityDetector

NOISE_AFTER_S = 4.0
"""A voice of which no word is understood for so long is a noise: recognisers have a first word within a second."""

REMEMBERED_FRAMES = 100
"""Two seconds: a back-channel, and what it takes to know that it was one."""

SILENT_FRAME = bytes([SILENCE]) * FRAME_BYTES

FRAME_OVERDUE_S = 0.06
"""Two frames take 40 ms."""

SPEECH_BYTES = 480
"""60 ms. A message for every 20 ms is a quarter of a call's cost, and only the end of what is said can't wait."""

SILENCE_BYTES = 800
"""A tenth of a second, where nobody speaks."""

LONG_SILENCE_S, LONG_SILENCE_BYTES = 1.0, 2_400
"""After so long, nothing said is still to be understood, and 0.3 s can wait. (No longer: a voice too soft for the
detector is heard by the recogniser all the same.)"""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What the callee said in one turn. Times are the loop's seconds."""

    text: str
    started_at: float
    ended_at: float
    """The end of the last voiced frame."""
    settled_at: float | None
    """When its final transcript came; None: it was taken from an interim one."""


class Listening:
    """`on_mark(name)`, `on_frame(mulaw)`, `on_words(text)` and `on_digit(key)` are called on the loop.

    `playing()` gives the 20 ms of Floyd's own voice that were played last: what comes back of it is not heard.
    `mark_is_due()` tells whether a mark may come any moment, which is then taken at once."""

    def __init__(
        self,
        stream: MediaStream,
        recognition: RecognitionSession,
        detector: VoiceActivityDetector,
        clock: Clock,
        changed: Signal,
        *,
        on_mark: Callable[[str], None],
        playing: Callable[[], bytes] = lambda: b"",
        mark_is_due: Callable[[], bool] = lambda: False,
        on_frame: Callable[[bytes], None] | None = None,
        on_words: Callable[[str], None] | None = None,
        on_digit: Callable[[str], None] | None = None,
    ) -> None:
        self.gate = SpeechGate()
        self.words = UtteranceWords()
        self.opened_at = clock.now()
        self.last_frame_at = self.opened_at
        self.last_activity_at = self.opened_at
        """When somebody last talked."""
        self.fed_bytes = 0
        """Of audio that the recogniser was given."""
        self._stream = stream
        self._recognition = recognition
        self._detector = detector
        self._clock = clock
        self._changed = changed
        self._on_mark = on_mark
        self._playing = playing
        self._mark_is_due = mark_is_due
        self._echo = Echo()
        self._murmurs = Murmurs()
        self._compared: tuple[float, Comparison] | None = None
        """The voice that began then."""
        self._last_frames: deque[bytes] = deque(maxlen=REMEMBERED_FRAMES)
        self.on_frame = on_frame
        self._on_words = on_words
        self._on_digit = on_digit
        self._held = bytearray()
        """What the recogniser has not been given yet."""
        self._pairs = False
        """Frames come two at a time."""
        self._utterance_from: float | None = None
        """When the voice began that belongs to the words not yet taken."""

    async def pump(self) -> Stopped:
        """Read the socket until it ends."""
        async for event in self._stream.events():
            match event:
                case Frame():
                    self._hear(event.mulaw)
                case MarkPlayed(name):
                    self._on_mark(name)
                    self._changed.set()
                case Digit(key):
                    if self._on_digit is not None:
                        self._on_digit(key)
                case Stopped():
                    self._changed.set()
                    return event
                case _:
                    assert_never(event)
        return Stopped(clean=False)

    async def understand(self) -> None:
        """Read the recogniser until it is closed. Raises `RecognizerUnavailable`."""
        async for recognition in self._recognition.results():
            if recognition.is_final:
                ANSWERS.claim()
            now = self._clock.now()
            if not self.words.hear(recognition, now):
                continue
            if self.words.text:
                self.last_activity_at = now
                if self._on_words is not None:
                    self._on_words(self.words.text)
            self._changed.set()

    def talking(self) -> bool:
        """Whether somebody is talking: a voice, and not a noise that goes on and on."""
        if not self.gate.speaking:
            return False
        since = max(self.gate.started_at, self.words.changed_at)
        return self._clock.now() - since < NOISE_AFTER_S or self.words.awaited

    @property
    def has_echo(self) -> bool:
        """Whether it is known that the line sends back what Floyd says."""
        return self._echo.delay is not None

    def quiet_s(self) -> float:
        """Since somebody last talked. In a noise it grows, in contrast to `silence_s`."""
        return self._clock.now() - self.last_activity_at

    def silence_s(self) -> float:
        """Since the last voice, or since the line was opened."""
        return self.gate.silence_s(self._clock.now(), since=self.opened_at)

    def sounds_like_murmur(self) -> bool:
        """Whether the present or last voice sounds, so far, like one of this callee's back-channels."""
        if self._compared is None or self._compared[0] != self.gate.started_at:
            self._compared = self.gate.started_at, self._murmurs.compare()
        return self._compared[1].resembles(self._last_voice())

    def learn_murmur(self) -> None:
        """The last voice was a back-channel."""
        self._murmurs.learn(self._last_voice())

    def turn_view(
        self,
        expected: endpointing.Expected = endpointing.Expected.ANYTHING,
        pace: endpointing.Pace | None = None,
    ) -> endpointing.View:
        """What endpointing decides by."""
        return endpointing.View(
            text=self.words.text,
            has_interim=bool(self.words.interim),
            awaited=self.words.awaited,
            silence_s=self.silence_s(),
            since_words_s=self.since_words_s(),
            expected=expected,
            punctuates=self.words.punctuates,
            pace=pace or endpointing.Pace(),
        )

    def since_words_s(self) -> float:
        """Since the words last changed, or since the line was opened."""
        return self._clock.now() - max(self.words.changed_at, self.opened_at)

    def take(self) -> Utterance | None:
        """The words so far as one utterance, or None if there are none."""
        settled_at = None if self.words.interim else self.words.settled_at
        text = self.words.take()
        now = self._clock.now()
        started_at, self._utterance_from = self._utterance_from, None
        if self.gate.speaking:
            self._utterance_from = now
        if not text:
            return None
        ended_at = self.gate.last_voiced_at or now
        return Utterance(
            text=text,
            started_at=min(ended_at, self.gate.started_at if started_at is None else started_at),
            ended_at=ended_at,
            settled_at=settled_at,
        )

    def fetch_rest(self) -> None:
        """Take what has come and is no pair: it may be the end. To be called now and then."""
        if self._clock.now() - self.last_frame_at > FRAME_OVERDUE_S:
            self._take_pairs(False)

    def _take_pairs(self, wanted: bool) -> None:
        if wanted is not self._pairs:
            self._pairs = wanted
            self._stream.take_pairs(wanted)

    def _last_voice(self) -> list[bytes]:
        """Its frames, as far as they are remembered; none, if its beginning is not."""
        since, voiced = self.gate.since_start, self.gate.voiced_frames
        if since > len(self._last_frames):
            return []
        frames = list(self._last_frames)
        start = len(frames) - since
        return frames[start : start + voiced]

    def _hear(self, mulaw: bytes) -> None:
        now = self._clock.now()
        self.last_frame_at = now
        if self.on_frame is not None:
            self.on_frame(mulaw)
        played = self._playing()
        if (played or self._echo.may_come) and self._echo.hear(rms_dbfs(mulaw), rms_dbfs(played)):
            mulaw = SILENT_FRAME
        self._last_frames.append(mulaw)
        activity = self._detector.feed(mulaw)
        changed = self.gate.feed(activity, now)
        if activity.is_loud and self.gate.speaking:
            self._murmurs.note(mulaw)
        self._held += mulaw
        if self._is_due(activity):
            self._pass_on()
        if self.talking():
            self.last_activity_at = now
        if changed and self.gate.speaking and self._utterance_from is None:
            self._utterance_from = self.gate.started_at
        # A voice begins with the third loud frame, and that is no later if the first came with another.
        is_quiet = not (activity.is_loud or activity.voice or self.gate.speaking)
        self._take_pairs(is_quiet and not self._mark_is_due())
        # Who speaks over Floyd is judged with every frame: 20 ms of waiting for a timer would be heard.
        if changed or (self.gate.speaking and played):
            self._changed.set()

    def _is_due(self, activity: Activity) -> bool:
        """Whether the recogniser is given what is held: the end of speech at once, the rest in pieces."""
        held = len(self._held)
        if activity.is_loud or self.gate.speaking:
            return activity.is_fading or held >= SPEECH_BYTES
        return held >= LONG_SILENCE_BYTES or (held >= SILENCE_BYTES and not self._may_wait())

    def _pass_on(self) -> None:
        self._recognition.feed(bytes(self._held))
        self.fed_bytes += len(self._held)
        self._held.clear()

    def _may_wait(self) -> bool:
        """Whether a silence is needed by nobody yet: it has lasted long, and no words are owed."""
        if self.words.interim or self.words.awaited:
            return False
        return self.silence_s() >= LONG_SILENCE_S
