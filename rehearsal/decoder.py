"""Which phrases of the book a stretch of sound is: token passing, as in a speech decoder.

A token says "what was heard so far ends at this frame of that phrase" and carries a score. With each 20 ms
of sound every token moves two frames on (a little more or less where audio was lost or held back), and
gains up to a point if the frame there looks like the sound, or loses up to one if it doesn't. New tokens
start at the beginnings of phrases all the time, because speech arrives as several phrases in a row. One
token, the filler, stands for sound that is no phrase: its score stays, so it wins when all others decay.
While nothing explains the sound well, phrases are also searched in their middle, for speech whose beginning
was cut off. What is far behind the best is dropped, so that a sound once recognised costs little to follow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rehearsal.acoustics import Floats
from rehearsal.phrasebook import PhraseBook

TOLERANCE = 20.0
"""Mean squared difference (dB^2 per band) at which a frame speaks neither for nor against a phrase.
The same speech through mu-law, other gain and -45 dB of noise differs by 2 to 12, other speech by 60 to 140."""
BEAM = 11.0
"""Tokens that lie so far behind the best are given up: 0.2 s of contrary evidence."""
MAX_TOKENS = 1000
"""Enough for all beginnings of hundreds of phrases; after 0.2 s of sound a dozen tokens are left."""
NEXT_PHRASE_COST = 1.0
"""Of starting a phrase when the one before has been heard to its end."""
NEW_PHRASE_COST = 2.0
"""Of starting a phrase after anything else."""
FILLER_COST = 8.0
"""Of giving up on a phrase in its middle. A fragment must have gained more than this to be believed: any
speech of the same voice holds syllables that fit some phrase for 100 to 150 ms."""
SEARCH_COST = 6.0
"""Of starting in the middle of a phrase."""
HOLD_COST = 0.03
"""Per frame of standing still in a pause: the audio was held back, or stopped."""
SEARCH_FRAMES = 12
"""Loud frames looked at when searching phrases in their middle: 240 ms tell phrases apart."""
SEARCH_EVERY = 6
"""Frames between searches, as each looks at the whole book."""
LOST_GAIN = 0.35
"""Mean gain per loud frame below which the best token is not trusted, and the book is searched. The right
phrase gains 0.8 to 0.9 on a clean line, 0.5 in loud noise."""
SEARCH_MIN_GAIN = 0.6
"""Mean gain per frame that a place found in the middle of a phrase must have."""
SEARCH_KEEPS = 20
RESUME_FRAMES = 300
"""How far ahead of where a phrase broke off its next sound is looked for: 3 s, a long pause."""
SKIPS = ((2, 0.0), (1, 0.25), (3, 0.25), (4, 0.8), (6, 1.4))
"""Book frames a token may move in 20 ms, and what it costs; 4 and 6: one and two telephone frames were lost."""
FORGOTTEN = -2
"""No place's number: what is in a phrase that was overwritten meanwhile moves nowhere."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of one phrase that was heard: positions in the book, `left` the last one heard."""

    number: int
    entered: int
    left: int
    at: int
    """The decoder's step at which `left` was heard."""
    before: Stretch | None


class Decoder:
    """Decodes one utterance; `step` it with every 20 ms of sound."""

    def __init__(self, book: PhraseBook, resume: Stretch | None = None) -> None:
        """`resume` is where the utterance before broke off: its phrase may go on from there."""
        self._book = book
        self._resume = _places_after(book, resume)
        self.at = -1
        self._filler = 0.0
        self._filler_past: Stretch | None = None
        self._places: NDArray[np.int64] = np.zeros(0, np.int64)
        self._scores: NDArray[np.float64] = np.zeros(0)
        self._entered: NDArray[np.int64] = np.zeros(0, np.int64)
        self._past: NDArray[np.int64] = np.zeros(0, np.int64)
        self._pasts: list[Stretch | None] = [None]
        self._best_at: NDArray[np.float64] = np.full(book.capacity, -np.inf)
        """The best score of the tokens that have come to each place, while they are moved."""
        self._source_at: NDArray[np.int64] = np.zeros(book.capacity, np.int64)
        """Which token that is."""
        self._recent: list[Floats] = []
        self._progress: list[tuple[float, float, Stretch | None]] = []
        self._since_search = 0

    def step(self, frame: Floats, quiet: bool) -> None:
        """Take in 20 ms of sound."""
        self.at += 1
        self._advance(frame, quiet)
        if not quiet:
            self._enter(frame)
            self._recent = [*self._recent[-(SEARCH_FRAMES - 1) :], frame]
        self._prune()
        self._update_filler()
        if not quiet:
            self._search_if_lost()

    def _gains(self, places: NDArray[np.int64], frame: Floats) -> NDArray[np.float64]:
        difference = self._book.frames[places] - frame
        distance = np.einsum("ij,ij->i", difference, difference) / frame.size
        gains: NDArray[np.float64] = np.maximum(1 - distance / TOLERANCE, -1).astype(np.float64)
        return gains

    def _advance(self, frame: Floats, quiet: bool) -> None:
        """Move every token on; where several come to one place, the best of them stays."""
        if not self._places.size:
            return
        book = self._book
        number = book.number[self._places]
        number[number < 0] = FORGOTTEN
        reached = []
        for skip, cost in SKIPS:
            places = self._places + skip
            tokens = np.flatnonzero(book.number[places] == number)
            places, scores = places[tokens], self._scores[tokens] - cost
            if quiet:
                scores += book.pause_gain[places]
            reached.append(self._reach(places, scores, tokens))
        if quiet:
            reached.append(self._reach(self._places, self._scores - HOLD_COST, np.arange(self._places.size)))
        places = np.concatenate(reached)
        scores, source = self._best_at[places], self._source_at[places]
        self._best_at[places] = -np.inf
        if not quiet:
            scores += self._gains(places, frame)
        self._places, self._scores = places, scores
        self._entered, self._past = self._entered[source], self._past[source]

    def _reach(
        self, places: NDArray[np.int64], scores: NDArray[np.float64], tokens: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Put down tokens, no two of them in one place; returns the places that nobody had come to before."""
        before = self._best_at[places]
        better = scores > before
        improved = places[better]
        self._best_at[improved] = scores[better]
        self._source_at[improved] = tokens[better]
        fresh: NDArray[np.int64] = places[before == -np.inf]
        return fresh

    def _enter(self, frame: Floats) -> None:
        """Start tokens where phrases begin, after whatever explains the sound so far best."""
        entries = self._book.entries
        if self._resume.size:
            entries = np.union1d(entries, self._resume)
        if not entries.size:
            return
        score, past = self._filler - NEW_PHRASE_COST, self._filler_past
        ended = self._ended()
        if ended.size:
            best = ended[np.argmax(self._scores[ended])]
            if self._scores[best] - NEXT_PHRASE_COST > score:
                score, past = float(self._scores[best]) - NEXT_PHRASE_COST, self._heard(int(best))
        scores = score + self._gains(entries, frame)
        keep = scores > self._best_score() - BEAM
        self._add(entries[keep], scores[keep], entries[keep], past)

    def _ended(self) -> NDArray[np.int64]:
        """Tokens whose phrase has been heard to its last sound."""
        return np.flatnonzero(self._book.number[self._places + 6] != self._book.number[self._places])

    def _add(
        self,
        places: NDArray[np.int64],
        scores: NDArray[np.float64],
        entered: NDArray[np.int64],
        past: Stretch | None,
    ) -> None:
        """Put down tokens, no two of them in one place; where there is one, the better of both stays."""
        self._pasts.append(past)
        index_at = self._source_at  # which says nothing between one step and the next
        index_at[places] = -1
        index_at[self._places] = np.arange(self._places.size)
        there = index_at[places]
        better = np.flatnonzero((there >= 0) & (scores > self._scores[there])) if self._places.size else there[:0]
        known = there[better]
        self._scores[known], self._entered[known] = scores[better], entered[better]
        self._past[known] = len(self._pasts) - 1
        new = np.flatnonzero(there < 0)
        self._places = np.concatenate([self._places, places[new]])
        self._scores = np.concatenate([self._scores, scores[new]])
        self._entered = np.concatenate([self._entered, entered[new]])
        self._past = np.concatenate([self._past, np.full(new.size, len(self._pasts) - 1)])

    def _prune(self) -> None:
        """Give up what is far behind the best."""
        if not self._places.size:
            return
        keep = np.flatnonzero(self._scores > self._scores.max() - BEAM)
        if keep.size > MAX_TOKENS:
            keep = keep[np.argpartition(-self._scores[keep], MAX_TOKENS)[:MAX_TOKENS]]
        self._places, self._scores = self._places[keep], self._scores[keep]
        self._entered, self._past = self._entered[keep], self._past[keep]
        self._forget_unused_pasts()

    def _forget_unused_pasts(self) -> None:
        if len(self._pasts) < 2 * MAX_TOKENS:
            return
        used, self._past = np.unique(self._past, return_inverse=True)
        self._pasts = [self._pasts[index] for index in used]

    def _best_score(self) -> float:
        return max(self._filler, float(self._scores.max()) if self._scores.size else self._filler)

    def _update_filler(self) -> None:
        if not self._scores.size:
            return
        best = int(np.argmax(self._scores))
        if self._scores[best] - FILLER_COST > self._filler:
            self._filler = float(self._scores[best]) - FILLER_COST
            self._filler_past = self._heard(best)

    def _heard(self, token: int) -> Stretch:
        place = int(self._places[token])
        number = int(self._book.number[place])
        return Stretch(number, int(self._entered[token]), place, self.at, self._pasts[self._past[token]])

    def _search_if_lost(self) -> None:
        """Look for the last frames anywhere in the book, if they are not explained well."""
        self._progress = [*self._progress[-SEARCH_FRAMES:], (self._best_score(), self._filler, self._filler_past)]
        self._since_search += 1
        if len(self._progress) <= SEARCH_FRAMES or self._since_search < SEARCH_EVERY:
            return
        score, filler, past = self._progress[0]
        if self._progress[-1][0] - score > LOST_GAIN * SEARCH_FRAMES or self._book.used <= 2 * SEARCH_FRAMES:
            return
        self._since_search = 0
        begins, ends, gains = self._find()
        if begins.size:
            self._add(ends, filler - SEARCH_COST + gains * SEARCH_FRAMES, begins, past)
            self._prune()

    def _find(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Where in the book the last loud frames fit best: begins, ends, and mean gain per frame."""
        book = self._book
        used = book.used
        # Every second frame is enough to find a place; two frames of sound are 4 of the book.
        live = np.stack(self._recent[(SEARCH_FRAMES - 1) % 2 :: 2])
        span = 4 * (len(live) - 1)
        gains = book.frames[:used] @ (live.T * np.float32(2 / (TOLERANCE * live.shape[1])))
        gains -= (book.norms[:used] / np.float32(TOLERANCE * live.shape[1]))[:, None]
        gains += 1 - np.square(live).sum(axis=1) / np.float32(TOLERANCE * live.shape[1])
        np.maximum(gains, -1, out=gains)
        total = np.zeros(used - span, np.float32)
        for index in range(len(live)):
            total += gains[4 * index : 4 * index + total.size, index]
        total /= len(live)
        begins = np.flatnonzero(total > SEARCH_MIN_GAIN)
        begins = begins[book.number[begins] == book.number[begins + span]]
        begins = begins[np.argsort(-total[begins])[:SEARCH_KEEPS]]
        return begins, begins + span, total[begins].astype(np.float64)

    @property
    def score(self) -> float:
        """Of the best explanation: its gains less its costs; at most one per frame, 0 if nothing fits."""
        return self._best_score()

    def best(self, margin: float) -> list[Stretch | None]:
        """What explains the sound, best first: all that lie within `margin` of the best, one per phrase.

        None stands for sound that is no phrase (with what was heard before it, if anything).
        """
        top = self._best_score()
        order = np.argsort(-self._scores)
        out: list[tuple[float, Stretch | None]] = [(self._filler, self._filler_past)]
        seen: set[int] = set()
        for token in order[self._scores[order] >= top - margin]:
            number = int(self._book.number[self._places[token]])
            if number not in seen:
                seen.add(number)
                out.append((float(self._scores[token]), self._heard(int(token))))
        out.sort(key=lambda item: -item[0])
        return [heard for score, heard in out if score >= top - margin]


def _places_after(book: PhraseBook, stretch: Stretch | None) -> NDArray[np.int64]:
    """Where a phrase that broke off may go on: there, or where its next sound sets in."""
    if stretch is None or book.number[stretch.left] != stretch.number:
        return np.zeros(0, np.int64)
    ahead = np.arange(stretch.left - 2, min(stretch.left + RESUME_FRAMES, book.capacity))
    ahead = ahead[book.number[ahead] == stretch.number]
    loud = np.flatnonzero(~book.quiet[ahead[2:]])
    resume: NDArray[np.int64] = ahead[: int(loud[0]) + 10 if loud.size else 0]
    return resume
