"""What of Floyd's speech was heard. Pure.

Audio is sent ahead of time and played by the carrier, so what was sent is not what was heard. A mark that comes
back tells exactly how far playback is; between marks the clock does, since audio plays at 8,000 bytes a second.
An echo has been on its way, and so will be the command to stop: the position counted is what the callee will have
heard when that arrives, so the echo's way is subtracted, as far as it is known.
Positions are bytes (= samples). A `Timeline`'s count from the start of a generation: clearing the carrier's buffer
begins a new one. A clause's count from the start of what is being said.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from worker.speech.spoken import said_until

BYTES_PER_S = 8000
SPEAKING_CHARS_PER_S = 15.0
"""A voice's usual pace, to estimate the length of a clause whose audio has not all come yet."""
WORD_TOLERANCE_S = 0.06
"""A word that lacks less than this to its end was heard."""

FROM_THE_START_S = 0.5
"""A clause that was cut this soon is said again from its beginning."""

LONGEST_ROUND_TRIP_S = 0.2
"""An echo later than this was not only on its way: the carrier had nothing to play, or was held up."""

_WORD = re.compile(r"\S+")


@dataclass(slots=True)
class ClauseSpan:
    """One clause and where its audio lies in what is being said."""

    text: str
    start: int
    received: int = 0
    complete: bool = False
    silence: int = 0
    """How much of what was received is the silence at its end."""

    def length(self) -> float:
        """Bytes of the clause's speech, estimated while its audio is incomplete."""
        if self.complete:
            return self.received - self.silence
        return max(self.received, said_until(self.text)[-1] / SPEAKING_CHARS_PER_S * BYTES_PER_S)


def heard_text(clauses: Sequence[ClauseSpan], position: float) -> str:
    """The words of these clauses that had been played to their end at `position`."""
    parts: list[str] = []
    for clause in clauses:
        played = position - clause.start
        if clause.complete and played >= clause.length():
            parts.append(clause.text.strip())
            continue
        part = _words_within(clause.text, played + WORD_TOLERANCE_S * BYTES_PER_S, clause.length())
        if part:
            parts.append(part)
        break
    return " ".join(part for part in parts if part)


def start_of_word(clauses: Sequence[ClauseSpan], position: int) -> int:
    """Where the word begins that is being said at `position`, or the clause if it has hardly begun."""
    for clause in clauses:
        played = position - clause.start
        if played < 0 or (clause.complete and played >= clause.length()):
            continue
        stripped = clause.text.strip()
        if played <= FROM_THE_START_S * BYTES_PER_S or not stripped:
            return clause.start
        length = clause.length()
        said = said_until(stripped)
        starts = [said[word.start()] / said[-1] * length for word in _WORD.finditer(stripped)]
        before = [start for start in starts if start <= played]
        return clause.start + int(before[-1] if before else 0)
    return position


def _words_within(text: str, played: float, length: float) -> str:
    """The words whose share of the audio ends within `played` bytes; characters, as said, stand for time."""
    stripped = text.strip()
    if played <= 0 or not stripped or length <= 0:
        return ""
    cut, said = 0, said_until(stripped)
    for word in _WORD.finditer(stripped):
        if said[word.end()] / said[-1] * length > played:
            break
        cut = word.end()
    return stripped[:cut]


@dataclass(slots=True)
class Timeline:
    """Where playback is in one generation. Times are seconds on one clock."""

    sent: int = 0
    _known_position: int = 0
    _known_at: float = 0.0
    _marks: deque[tuple[str, int]] = field(default_factory=deque)
    _round_trip_s: float | None = None
    """To the carrier and back: the least that an echo came after its time."""

    def on_sent(self, size: int, now: float) -> None:
        if self.position(now) >= self.sent:
            # The buffer had run dry: what is sent now plays now.
            self._known_position, self._known_at = self.sent, now
        self.sent += size

    def on_mark_sent(self, name: str) -> None:
        self._marks.append((name, self.sent))

    def on_mark_played(self, name: str, now: float) -> bool:
        """Note an echo. Marks come back in order, so those before it are past too. False: not one of ours."""
        if all(name != waiting for waiting, _ in self._marks):
            return False
        while self._marks:
            waiting, position = self._marks.popleft()
            if waiting == name:
                self._note_round_trip(now - self._at(position))
                self._known_position, self._known_at = position, now - (self._round_trip_s or 0.0)
                break
        return True

    def position(self, now: float) -> float:
        """Bytes played. Never past what was sent, nor past a mark that should have come back."""
        on_its_way = (self._round_trip_s or 0.0) * BYTES_PER_S
        limit = min(self.sent, self._marks[0][1] + on_its_way) if self._marks else self.sent
        return min(self._known_position + max(0.0, now - self._known_at) * BYTES_PER_S, limit)

    def mark_due_s(self, now: float) -> float | None:
        """Seconds until the next mark is played, if it is on time; None: none is waited for."""
        return self._at(self._marks[0][1]) - now if self._marks else None

    def remaining_s(self, now: float) -> float:
        """Seconds until all that was sent has been played, if the marks are on time."""
        return max(0.0, self._ends_at() - now)

    def overdue_s(self, now: float) -> float:
        """Seconds since all that was sent should have been played."""
        return max(0.0, now - self._ends_at())

    def _ends_at(self) -> float:
        return self._at(self.sent)

    def _at(self, position: float) -> float:
        """When so much will have been played, as far as is known."""
        return self._known_at + (position - self._known_position) / BYTES_PER_S

    def _note_round_trip(self, late_s: float) -> None:
        if late_s <= LONGEST_ROUND_TRIP_S:
            late_s = max(0.0, late_s)
            self._round_trip_s = late_s if self._round_trip_s is None else min(self._round_trip_s, late_s)

    def played_out(self, now: float) -> bool:
        return not self._marks and self.position(now) >= self.sent
