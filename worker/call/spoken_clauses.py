"""Which audio of a spoken answer belongs to which clause, and what of it may be played. Pure.

A speech-to-speech model sends words and audio in two streams, and nothing says which audio belongs to which word.
Words come first, since the model writes before it speaks; the audio follows at several times real time.

May it be played? A clause is handed out once so many words were checked that its audio holds none beyond them,
even if they are spoken at the fastest pace there is; or once all words were checked. So a clause that may not be
spoken is not heard, and neither are those just before it.

Where does a clause end in the audio? At its share of the characters, at the pace of this voice so far (or exactly
its share, once all audio is here), moved to the quietest moment nearby: between sentences there is a pause. With a
pause the end is right to some 20 ms. Without one (a clause cut at a comma that was not spoken) it is off by as
much as the pace varies, about a tenth of the clause; and so is the word at which an interruption then cuts the
transcript. What is cut in the model's own memory is given in time, and follows the same estimate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

BYTES_PER_S = 8_000
USUAL_PACE = 15.0
"""Characters a second, until this voice has been heard."""
FASTEST_PACE = 25.0
"""No voice made for conversation speaks faster; usual are 13 to 17."""

SEARCH_S = 0.4
"""How far from the estimate a pause is looked for."""
PAUSE_BYTES = 480
"""60 ms, the shortest pause between two clauses."""
STEP_BYTES = 80

_NEAR_BYTES = int(SEARCH_S * BYTES_PER_S)

_LOUDNESS = bytes((~code & 0x7F) for code in range(256))
"""Of each mu-law code: a measure that grows with the logarithm of the amplitude (ITU-T G.711)."""


@dataclass(slots=True)
class Pace:
    """How fast this voice speaks, learnt from answer to answer."""

    chars_per_s: float = USUAL_PACE

    def learn(self, chars: int, audio_bytes: int) -> None:
        if chars >= USUAL_PACE and audio_bytes >= BYTES_PER_S:
            measured = chars * BYTES_PER_S / audio_bytes
            self.chars_per_s = (self.chars_per_s + min(measured, FASTEST_PACE)) / 2


@dataclass(slots=True)
class SpokenClauses:
    """One answer's. Feed it as things come; `take` gives what may be played of which clause."""

    pace: Pace
    words_done: bool = False
    """All clauses are here."""
    audio_done: bool = False
    _chars: list[int] = field(default_factory=list)
    _last: int | None = None
    _audio: bytearray = field(default_factory=bytearray)
    _position: int = 0
    _at: int = 0

    def add_clause(self, text: str) -> None:
        """The next clause's words, which may be spoken."""
        self._chars.append(max(1, len(text.strip())))

    def add_audio(self, mulaw: bytes) -> None:
        self._audio += mulaw

    def stop(self) -> None:
        """No further clause is handed out."""
        self._last = self.handed_out

    @property
    def handed_out(self) -> int:
        """How many clauses may be played, from the first."""
        if self._last is not None:
            return self._last
        if self.words_done:
            return len(self._chars)
        surely = int(sum(self._chars) / FASTEST_PACE * BYTES_PER_S)
        ends = (self._estimate(number) + _NEAR_BYTES for number in range(self._at, len(self._chars)))
        return self._at + sum(end <= surely for end in ends)

    @property
    def finished(self) -> bool:
        """Everything that may be played was given out."""
        return self._at >= self.handed_out and (self.words_done or self._last is not None)

    def take(self) -> Iterator[tuple[int, bytes | None]]:
        """Clauses by number with their next audio; None: that was all of this one."""
        while self._at < self.handed_out:
            end, is_known = self._end(self._at)
            upto = min(end, len(self._audio))
            if upto > self._position:
                yield self._at, bytes(self._audio[self._position : upto])
                self._position = upto
            if not (is_known and self._position >= end):
                return
            yield self._at, None
            self._at += 1

    def learn(self) -> None:
        """All of it is here: note how fast it was spoken."""
        self.pace.learn(sum(self._chars), len(self._audio))

    def _estimate(self, number: int) -> int:
        chars = sum(self._chars[: number + 1])
        if self.words_done and self.audio_done:
            return chars * len(self._audio) // sum(self._chars)
        return int(chars / self.pace.chars_per_s * BYTES_PER_S)

    def _end(self, number: int) -> tuple[int, bool]:
        """Where a clause ends, and whether that is settled; else, up to where it surely goes on."""
        if number == len(self._chars) - 1 and self.words_done:
            return len(self._audio), self.audio_done
        estimate = self._estimate(number)
        if not self.audio_done and len(self._audio) < estimate + _NEAR_BYTES:
            return max(self._position, estimate - _NEAR_BYTES), False
        last = min(len(self._audio), estimate + _NEAR_BYTES)
        first = min(last, max(self._position, estimate - _NEAR_BYTES))
        return self._quietest(first, last, estimate), True

    def _quietest(self, first: int, last: int, estimate: int) -> int:
        """The middle of the quietest 60 ms there; among equals, the one nearest to the estimate."""
        loudness = bytes(self._audio[first:last]).translate(_LOUDNESS)
        if len(loudness) <= PAUSE_BYTES:
            return max(first, min(last, estimate))
        starts = range(0, len(loudness) - PAUSE_BYTES, STEP_BYTES)
        best = min(
            starts,
            key=lambda at: (
                sum(loudness[at : at + PAUSE_BYTES]) // PAUSE_BYTES,
                abs(first + at + PAUSE_BYTES // 2 - estimate),
            ),
        )
        return first + best + PAUSE_BYTES // 2
