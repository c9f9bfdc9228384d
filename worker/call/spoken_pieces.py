"""Which audio of a spoken answer belongs to which words, and what of it may be played. Pure.

A speech-to-speech model sends words and audio in two streams. Nothing says which audio belongs to which word, and
that all words are there is known only when all audio is. Words come first: the model writes before it speaks.

May it be played? Words are handed out, in pieces, together with so much audio as surely holds nothing beyond the
words that were checked, even if it is spoken at the fastest pace there is. So a clause that may not be spoken is
not heard, and the end of the one before it isn't either. At the usual pace that is two thirds of what is known;
the rest follows while it plays.

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
    text: str
    end_chars: int
    ends_sentence: bool


@dataclass(slots=True)
class SpokenPieces:
    """One answer's. Feed it as things come; `take` gives what may be played of which piece."""

    pace: Pace
    pieces: list[Piece] = field(default_factory=list)
    """Those handed out."""
    _chars_per_s: float = 0.0
    _text: str = ""
    _sentence_ends: set[int] = field(default_factory=set)
    """Where in the text. (Not every full stop is one: what makes clauses of a text knows which are.)"""
    _audio: bytearray = field(default_factory=bytearray)
    _known: _Place = _Place(0, 0)
    _position: int = 0
    _at: int = 0
    _is_whole: bool = False
    _is_stopped: bool = False

    def __post_init__(self) -> None:
        # As it was at the beginning: other answers may be learnt from meanwhile.
        self._chars_per_s = self.pace.chars_per_s

    def add_words(self, clause: str) -> None:
        """The next words, which may be spoken."""
        if not self._is_stopped:
            self._text = f"{self._text} {clause.strip()}".strip()
            if self._text.endswith(_SENTENCE_ENDS):
                self._sentence_ends.add(len(self._text))
            self._hand_out()

    def add_audio(self, mulaw: bytes) -> None:
        self._audio += mulaw

    def stop(self) -> None:
        """No further words may be spoken; those handed out are."""
        self._is_stopped = True

    def end(self) -> None:
        """All words and all audio are here. Silence at the end is no part of what is said."""
        self._is_whole = True
        sounds = bytes(self._audio[self._position :]).translate(_LOUDNESS).rstrip(_QUIET)
        del self._audio[self._position + len(sounds) + STEP_BYTES :]
        if not self._is_stopped:
            self._hand_out()
            self.pace.learn(len(self._text), len(self._audio))

    @property
    def finished(self) -> bool:
        """Everything that may be played was given out."""
        return self._at >= len(self.pieces) and (self._is_whole or self._is_stopped)

    def take(self) -> Iterator[tuple[int, bytes | None]]:
        """Pieces by number with their next audio; None: that was all of this one."""
        while self._at < len(self.pieces):
            end, is_known = self._end(self._at)
            upto = min(end, len(self._audio))
            if upto > self._position:
                yield self._at, bytes(self._audio[self._position : upto])
                self._position = upto
            if not is_known or self._position < end:
                return
            yield self._at, None
            if self.pieces[self._at].ends_sentence:
                self._learn(_Place(self.pieces[self._at].end_chars, end))
            self._at += 1

    def _hand_out(self) -> None:
        """Form pieces of the words whose audio may be played, each up to the end of a sentence at most."""
        start = self.pieces[-1].end_chars if self.pieces else 0
        first: int | None = None
        end = start
        for word in _WORD.finditer(self._text, start):
            # The last known word is kept back: if it is the last of all, the rest of the audio is its own.
            is_last = word.end() == len(self._text)
            if not self._is_whole and (is_last or self._estimate(word.end()) > self._surely()):
                break
            first = word.start() if first is None else first
            end = word.end()
            if end in self._sentence_ends:
                self.pieces.append(Piece(self._text[first:end], end, ends_sentence=True))
                first = None
        if first is not None:
            self.pieces.append(Piece(self._text[first:end], end, ends_sentence=False))

    def _learn(self, place: _Place) -> None:
        """From here on, count from this place, and at the pace up to it."""
        chars, size = place.chars - self._known.chars, place.bytes - self._known.bytes
        if size > 0:
            measured = min(chars * BYTES_PER_S / size, FASTEST_PACE)
            self._chars_per_s += (measured - self._chars_per_s) * min(0.5, chars / LONG_SENTENCE)
        self._known = place

    def _surely(self) -> int:
        """So much audio holds none but checked words."""
        return int(len(self._text) / FASTEST_PACE * BYTES_PER_S)

    def _estimate(self, chars: int) -> int:
        """Where in the audio so many characters have been spoken."""
        known = self._known
        if self._is_whole and not self._is_stopped:
            left = max(1, len(self._text) - known.chars)
            return known.bytes + (chars - known.chars) * (len(self._audio) - known.bytes) // left
        return known.bytes + int((chars - known.chars) / self._chars_per_s * BYTES_PER_S)

    def _end(self, number: int) -> tuple[int, bool]:
        """Where a piece ends, and whether that is settled; else, up to where it surely goes on."""
        size = len(self._audio)
        most = size if self._is_whole and not self._is_stopped else self._surely()
        if self._is_whole and not self._is_stopped and number == len(self.pieces) - 1:
            return size, True
        piece = self.pieces[number]
        estimate = max(self._position, min(self._estimate(piece.end_chars), most))
        if not piece.ends_sentence:
            return (min(estimate, size) if self._is_whole else estimate), True
        if not self._is_whole and size < min(estimate + SEARCH_BYTES, most):
            return max(self._position, estimate - SEARCH_BYTES), False
        last = min(size, most, estimate + SEARCH_BYTES)
        first = min(last, max(self._position, estimate - SEARCH_BYTES))
        return self._quietest(first, last, min(last, estimate)), True

    def _quietest(self, first: int, last: int, estimate: int) -> int:
        """The middle of the quietest 60 ms there; among equals, the one nearest to the estimate."""
        loudness = bytes(self._audio[first:last]).translate(_LOUDNESS)
        if len(loudness) <= PAUSE_BYTES:
            return max(first, estimate)
        starts = range(0, len(loudness) - PAUSE_BYTES, STEP_BYTES)
        best = min(
            starts,
            key=lambda at: (
                sum(loudness[at : at + PAUSE_BYTES]) // PAUSE_BYTES,
                abs(first + at + PAUSE_BYTES // 2 - estimate),
            ),
        )
        return first + best + PAUSE_BYTES // 2
