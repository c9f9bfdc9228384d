"""The outbound side of a line: audio, marks, and what of it has been heard.

Audio goes out as fast as it comes, and the carrier plays it. Marks tell how far it is: one after the first chunk
(when did the callee begin to hear this?) and one after every clause. Clearing begins a new generation; the echoes
of an earlier one's marks are ignored, because a mark also comes back when it is cleared.

What is being said can be halted and go on later from where it was cut, so its audio is kept until it is over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from worker.audio.edges import silence_at_end, soften
from worker.call.clock import Clock, Signal
from worker.call.heard import BYTES_PER_S, ClauseSpan, Timeline, heard_text, start_of_word
from worker.phone.media import FRAME_BYTES, MediaStream

MARK_GRACE_S = 2.0
"""A mark this late is lost: what was sent counts as played. Carriers echo within some 100 ms."""

MARK_SOON_S = 0.1
"""Five frames."""

PAUSE_BYTES = 4_000
"""The pause behind a clause is no longer than this."""

UNSURE_BYTES = 800
"""A tenth of a second before where it was cut: rather a word twice than one that was never heard to its end."""

RESUMED_BYTES = 4_000
"""Half a second of audio at a time, when what was halted goes on."""


@dataclass(slots=True)
class Saying:
    """One thing Floyd says: clauses in a row that make one line of the transcript. Positions are bytes of it."""

    generation: int
    clauses: list[ClauseSpan] = field(default_factory=list)
    audio: bytearray = field(default_factory=bytearray)
    sent: int = 0
    """How much of `audio` was sent in this generation or before."""
    first_sent_at: float | None = None
    started_at: float | None = None
    """When the callee began to hear it; estimated until the first mark is back."""
    first_mark: str = ""
    first_size: int = 0
    complete: bool = False
    """All its clauses are here."""
    halted_at: int | None = None
    """Where it was cut; None: it is being played."""
    origin: int = 0
    """The position whose byte was the first of this saying in the present generation..."""
    origin_sent: int = 0
    """...which had so many bytes before it."""

    @property
    def intended(self) -> str:
        return " ".join(clause.text.strip() for clause in self.clauses)


class Playback:
    """`on_audio(mulaw, plays_at)` and `on_cut(at)` are for who records or listens; `at` are the loop's seconds."""

    def __init__(
        self,
        stream: MediaStream,
        clock: Clock,
        changed: Signal,
        *,
        on_audio: Callable[[bytes, float], None] | None = None,
        on_cut: Callable[[float], None] | None = None,
    ) -> None:
        self.last_audible_at = clock.now()
        self._stream = stream
        self._clock = clock
        self._changed = changed
        self._on_audio = on_audio
        self._on_cut = on_cut
        self._generation = 0
        self._marks_sent = 0
        self._timeline = Timeline()
        self._current: Saying | None = None

    def begin(self) -> Saying:
        self._current = Saying(self._generation, origin_sent=self._timeline.sent)
        return self._current

    def open_clause(self, saying: Saying, text: str) -> ClauseSpan:
        span = ClauseSpan(text, start=len(saying.audio))
        saying.clauses.append(span)
        return span

    async def send(self, saying: Saying, span: ClauseSpan, mulaw: bytes) -> None:
        """Send a chunk of a clause's audio, or keep it while the saying is halted. Does nothing for one that was
        cut off."""
        if not mulaw or self._current is not saying:
            return
        saying.audio += mulaw
        span.received += len(mulaw)
        if saying.halted_at is None:
            await self._send_unsent(saying)

    async def close_clause(self, saying: Saying, span: ClauseSpan) -> None:
        """All audio of a clause has been sent."""
        span.complete = True
        span.silence = (
            silence_at_end(bytes(saying.audio[-min(span.received, PAUSE_BYTES) :])) if span.received else 0
        )
        if span.received and saying.halted_at is None and self._current is saying:
            await self._mark()

    async def halt(self, saying: Saying) -> None:
        """Stop at once. `resume` goes on, `end` does not."""
        saying.halted_at = self.position(saying)
        await self.silence()

    async def silence(self) -> None:
        """Nothing of what was sent is played any more."""
        now = self._clock.now()
        self._generation += 1
        self._timeline = Timeline()
        self.last_audible_at = now
        if self._on_cut is not None:
            self._on_cut(now)
        await self._stream.clear()

    async def resume(self, saying: Saying) -> None:
        """Go on with the word in which it was halted."""
        if saying.halted_at is None or self._current is not saying:
            return
        saying.generation = self._generation
        saying.origin = saying.sent = start_of_word(saying.clauses, max(0, saying.halted_at - UNSURE_BYTES))
        soften(saying.audio, saying.origin)
        saying.origin_sent = self._timeline.sent
        # What comes meanwhile is kept behind: until all is sent, it counts as halted.
        await self._send_unsent(saying)
        saying.halted_at = None
        await self._mark()

    def end(self, saying: Saying) -> str:
        """Nothing more is sent of `saying`; returns what was heard of it."""
        heard = self.heard(saying)
        if self._current is saying:
            self._current = None
        return heard

    def position(self, saying: Saying) -> int:
        """How much of its audio has been played."""
        if saying.halted_at is not None:
            return saying.halted_at
        played = self._timeline.sent if self.quiet() else self._timeline.position(self._clock.now())
        return self._of(saying, played)

    def _of(self, saying: Saying, played: float) -> int:
        """How much of it has been played, when so many bytes of this generation have been."""
        if saying.generation != self._generation:
            return 0
        return min(saying.sent, saying.origin + max(0, int(played) - saying.origin_sent))

    def left_s(self, saying: Saying) -> float | None:
        """Seconds of its audio that are still to be played; None while more may come."""
        if not saying.complete:
            return None
        return (len(saying.audio) - self.position(saying)) / BYTES_PER_S

    def heard(self, saying: Saying) -> str:
        """What of `saying` has been heard so far."""
        return heard_text(saying.clauses, self.position(saying))

    def quiet(self) -> bool:
        """Whether all that was sent has been played (or its marks are lost)."""
        now = self._clock.now()
        return self._timeline.played_out(now) or self._timeline.overdue_s(now) >= MARK_GRACE_S

    def remaining_s(self) -> float:
        """Seconds until everything is over, marks included, at the latest."""
        now = self._clock.now()
        if self._timeline.played_out(now):
            return 0.0
        return self._timeline.remaining_s(now) + max(0.0, MARK_GRACE_S - self._timeline.overdue_s(now))

    def on_mark(self, name: str) -> None:
        now = self._clock.now()
        if not self._timeline.on_mark_played(name, now):
            return
        self.last_audible_at = now
        saying = self._current
        if saying is not None and saying.first_mark == name:
            saying.started_at = max(saying.first_sent_at or 0.0, now - saying.first_size / BYTES_PER_S)

    def mark_is_due(self) -> bool:
        """Whether a mark may come any moment."""
        due_s = self._timeline.mark_due_s(self._clock.now())
        return due_s is not None and due_s <= MARK_SOON_S

    def playing(self) -> bytes:
        """The 20 ms of audio that were played last; empty in silence."""
        saying = self._current
        if saying is None or saying.halted_at is not None or not self.audible():
            return b""
        position = self._of(saying, self._timeline.position(self._clock.now()))
        return bytes(saying.audio[max(0, position - FRAME_BYTES) : position])

    def ahead(self) -> tuple[bytes, float]:
        """What was sent and is still to be played, and the moment from which on it plays."""
        saying = self._current
        if saying is None or saying.halted_at is not None or not self.audible():
            return b"", self._clock.now()
        return bytes(saying.audio[self.position(saying) : saying.sent]), self._clock.now()

    def audible(self) -> bool:
        return self._timeline.sent > 0 and not self.quiet()

    async def _send_unsent(self, saying: Saying) -> None:
        while saying.sent < len(saying.audio) and saying.generation == self._generation:
            chunk = bytes(saying.audio[saying.sent : saying.sent + RESUMED_BYTES])
            now = self._clock.now()
            plays_at = now + self._timeline.remaining_s(now)
            if self._on_audio is not None:
                self._on_audio(chunk, plays_at)
            self._timeline.on_sent(len(chunk), now)
            saying.sent += len(chunk)
            is_first = saying.first_sent_at is None
            if is_first:
                saying.first_sent_at, saying.started_at = now, plays_at
            await self._stream.send_audio(chunk)
            if is_first and saying.generation == self._generation:
                saying.first_size = len(chunk)
                saying.first_mark = await self._mark()

    async def _mark(self) -> str:
        self._marks_sent += 1
        name = f"{self._generation}.{self._marks_sent}"
        self._timeline.on_mark_sent(name)
        await self._stream.send_mark(name)
        return name
