"""Which audio of a spoken answer belongs to which words, and what of it may be played. Pure.

A speech-to-speech model sends words and audio in two streams. Nothing says which audio belongs to which word, and
that all words are there is known only when all audio is. Words come first: the model writes before it speaks.

May it be played? Words are handed out, in pieces, with their audio: so much of it as surely holds nothing beyond
the words that were checked, even if it is spoken at the fastest pace there is. So a clause that may not be spoken
is not heard, and the end of the one before it isn't either. At the usual pace that is two thirds of what is known,
and the rest follows while it plays.

Where does a piece end in the audio? At its share of the characters, at the pace of this voice so far (or exactly
its share, once all is here), counted from the last place that is known. The end of a sentence becomes one: it is
moved to the quietest moment nearby, as there is a pause, and is then right to some 20 ms. Within a sentence the
estimate is off by as much as the pace varies, about a tenth of the way, and so is the word at which an
interruption cuts the transcript. What is cut in the model's memory is given in time, by the same estimate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

BYTES_PER_S = 8_000
USUAL_PACE = 15.0
"""Characters a second, until this voice has been heard."""
FASTEST_PACE = 22.0
"""No voice made for conversation speaks faster; usual are 13 to 17."""
LONG_SENTENCE = 40
"""Characters of a sentence that tells the pace well; a short one is a good part pause."""

SHORTEST_BYTES = 3_200
"""Of a piece within a sentence, but the first, for which somebody waits: 0.4 s. Each costs some messages."""
SEARCH_BYTES = 3_200
"""How far from the estimate a pause is looked for: 0.4 s."""
PAUSE_BYTES = 480
"""60 ms, the shortest pause between two sentences."""
STEP_BYTES = 80

_SENTENCE_ENDS = (".", "?", "!", "…")
_WORD = re.compile(r"\S+")
_LOUDNESS = bytes((~code & 0x7F) for code in range(256))
"""Of each mu-law code: a measure that grows with the logarithm of the amplitude (ITU-T G.711)."""
_QUIET = bytes(range(0x10))
"""Below -48 dB of full scale."""


@dataclass(slots=True)
class Pace:
    """How fast this voice speaks, learnt from answer to answer."""

    chars_per_s: float = USUAL_PACE

    def learn(self, chars: int, audio_bytes: int) -> None:
        if chars >= USUAL_PACE and audio_bytes >= BYTES_PER_S:
            measured = chars * BYTES_PER_S / audio_bytes
            self.chars_per_s = (self.chars_per_s + min(measured, FASTEST_PACE)) / 2


@dataclass(frozen=True, slots=True)
class _Place:
    """So many characters into the words, so many bytes into the audio."""

    chars: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words, and their audio (mu-law, 8,000 Hz)."""

    text: str
    mulaw: bytes


@dataclass(slots=True)
class SpokenPieces:
    """One answer's. Feed it as things come; `take` gives what may be played."""

    pace: Pace
    _chars_per_s: float = 0.0
    _text: str = ""
    _sentence_ends: set[int] = field(default_factory=set)
    """Where in the text. (Not every full stop is one: what makes clauses of a text knows which are.)"""
    _audio: bytearray = field(default_factory=bytearray)
    _known: _Place = _Place(0, 0)
    _handed_out: _Place = _Place(0, 0)
    _ended: bool = False
    _cut: bool = False
    """It ended before all words were spoken."""
    _stopped: bool = False

    def __post_init__(self) -> None:
        # As it was at the beginning: other answers may be learnt from meanwhile.
        self._chars_per_s = self.pace.chars_per_s

    def add_words(self, clause: str) -> None:
        """The next words, which may be spoken."""
        self._text = f"{self._text} {clause.strip()}".strip()
        if self._text.endswith(_SENTENCE_ENDS):
            self._sentence_ends.add(len(self._text))

    def add_audio(self, mulaw: bytes) -> None:
        self._audio += mulaw

    def stop(self) -> None:
        """Nothing more may be spoken."""
        self._stopped = True

    def end(self, *, cut: bool = False) -> None:
        """There will be no more; with `cut`, although there was more to be said."""
        self._ended, self._cut = True, cut
        # Silence at the end is no part of what is said.
        after = self._handed_out.bytes
        sounds = bytes(self._audio[after:]).translate(_LOUDNESS).rstrip(_QUIET)
        del self._audio[after + len(sounds) + STEP_BYTES :]
        if not cut and not self._stopped:
            self.pace.learn(len(self._text), len(self._audio))

    def take(self) -> Iterator[Piece]:
        """What may be played by now and was not given yet."""
        while not self._stopped:
            place = self._next()
            if place is None:
                return
            before, self._handed_out = self._handed_out, place
            if place.chars in self._sentence_ends:
                self._learn(place)
            yield Piece(
                self._text[before.chars : place.chars].strip(), bytes(self._audio[before.bytes : place.bytes])
            )

    def _next(self) -> _Place | None:
        """Where the next piece ends; at the end of a sentence at the latest."""
        size = len(self._audio)
        if self._handed_out.chars >= len(self._text):
            return None
        allowed = size if self._ended else min(size, int(len(self._text) / FASTEST_PACE * BYTES_PER_S))
        place: _Place | None = None
        for word in _WORD.finditer(self._text, self._handed_out.chars):
            if word.end() == len(self._text):
                # The last known word is kept back: if it is the last of all, the rest of the audio is its own.
                return self._last(place)
            estimate = self._estimate(word.end())
            if self._cut and estimate > allowed:
                break
            if word.end() in self._sentence_ends:
                pause = self._pause(estimate, allowed)
                return place if pause is None else _Place(word.end(), pause)
            if estimate > allowed:
                break
            if estimate - self._handed_out.bytes >= (SHORTEST_BYTES if self._handed_out.chars else 1):
                place = _Place(word.end(), estimate)
        return self._last(place)

    def _last(self, place: _Place | None) -> _Place | None:
        """The last piece, once it is known to be; until then `place`."""
        if not self._ended:
            return place
        if len(self._audio) <= self._handed_out.bytes:
            return None
        if not self._cut:
            return _Place(len(self._text), len(self._audio))
        # What was not spoken is not said to have been.
        ends = [word.end() for word in _WORD.finditer(self._text, self._handed_out.chars)]
        spoken = [end for end in ends if self._estimate(end) <= len(self._audio)]
        return _Place(spoken[-1], len(self._audio)) if spoken else None

    def _learn(self, place: _Place) -> None:
        """From here on, count from this place, and at the pace up to it."""
        chars, size = place.chars - self._known.chars, place.bytes - self._known.bytes
        if size > 0:
            measured = min(chars * BYTES_PER_S / size, FASTEST_PACE)
            self._chars_per_s += (measured - self._chars_per_s) * min(0.5, chars / LONG_SENTENCE)
        self._known = place

    def _estimate(self, chars: int) -> int:
        """Where in the audio so many characters have been spoken; not before what was handed out."""
        known = self._known
        if self._ended and not self._cut:
            left = max(1, len(self._text) - known.chars)
            estimate = known.bytes + (chars - known.chars) * (len(self._audio) - known.bytes) // left
        else:
            estimate = known.bytes + int((chars - known.chars) / self._chars_per_s * BYTES_PER_S)
        return max(self._handed_out.bytes, estimate)

    def _pause(self, estimate: int, allowed: int) -> int | None:
        """The middle of the quietest 60 ms near the estimate; None if that may be in audio to come."""
        if not self._ended and allowed < estimate + SEARCH_BYTES:
            return None
        last = min(allowed, estimate + SEARCH_BYTES)
        first = min(last, max(self._handed_out.bytes, estimate - SEARCH_BYTES))
        loudness = bytes(self._audio[first:last]).translate(_LOUDNESS)
        if len(loudness) <= PAUSE_BYTES:
            return min(last, estimate)
        best = min(
            range(0, len(loudness) - PAUSE_BYTES, STEP_BYTES),
            key=lambda at: (
                sum(loudness[at : at + PAUSE_BYTES]) // PAUSE_BYTES,
                abs(first + at + PAUSE_BYTES // 2 - estimate),
            ),
        )
        return first + best + PAUSE_BYTES // 2
