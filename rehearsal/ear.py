"""The rehearsal's ear: understands telephone audio, if it is speech that the phrase book knows.

It has no model of language; it recognises renderings. But it does so in the audio that really arrived, so
what was cut, lost, delayed or drowned is not heard. Speech that isn't in the book ends as `UNINTELLIGIBLE`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rehearsal.acoustics import FRAME, SAMPLE_RATE, WINDOW, describe, level_db
from rehearsal.decoder import Decoder, Stretch
from rehearsal.phrasebook import HOP_S, Phrase, PhraseBook

__all__ = ["UNINTELLIGIBLE", "Ear", "Heard", "PhraseBook"]

UNINTELLIGIBLE = "[unintelligible]"
FRAME_S = FRAME / SAMPLE_RATE
END_SILENCE_S = 0.3
"""Silence that ends an utterance."""
PAUSE_SILENCE_S = 0.6
"""Silence that ends one where the phrase itself has a pause, as between two sentences."""
ENOUGH_OF_A_WORD = 0.6
"""Share of a word that must have been heard if the sound stopped there."""
ALL_OF_A_WORD = 0.9
"""The same while the sound goes on: the rest is coming."""
STOPPED_S = 0.1
"""Silence after which the sound has stopped; the closure before a "t" is shorter."""
MIN_MEAN_SCORE = 0.2
"""Mean score per loud frame below which nothing was understood: a stray syllable of unknown speech always
sounds like one of some phrase. Known speech reaches 0.8, and 0.4 in loud noise."""
SOFT_ONSET = 8
"""Book frames at the beginning of a phrase that may go under without its first word counting as cut."""
CONTENDERS = 2.0
"""Words are reported when every explanation within this score of the best agrees on them."""
MIN_VOICE_S = 0.12
"""Shorter sounds are clicks, and no utterance."""
ONSET_FRAMES = 5
"""Frames before the first loud one that are looked at too: weak consonants begin speech."""
MIN_THRESHOLD_DB = -44.0
MAX_THRESHOLD_DB = -30.0
ABOVE_NOISE_DB = 7.0
"""A frame is loud when it is this far above the noise, within the two bounds."""
NOISE_FRAMES = 50
"""The noise is the quietest frame of the last second; speech dips to it more often than that."""
ASSUMED_NOISE_DB = -47.0
"""Until a second has been heard."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was understood of an utterance so far. Seconds count from the first sample fed."""

    text: str
    final: bool
    start_s: float
    """First sound of the utterance."""
    end_s: float
    """Interim: end of the last word in `text`. Final: the last sound."""
    words: int
    complete: bool
    """The last phrase was heard to its end: nothing more of it is to come."""


class Ear:
    """Listens to one side of one call.

    An utterance gives interim texts that grow word by word, and one final when it has been followed by
    `end_silence_s` of silence, by `complete_silence_s` if the phrase was heard to its end, or by
    `pause_silence_s` if the phrase pauses there. A click gives nothing.
    """

    def __init__(
        self,
        phrasebook: PhraseBook,
        *,
        end_silence_s: float = END_SILENCE_S,
        complete_silence_s: float | None = None,
        pause_silence_s: float = PAUSE_SILENCE_S,
    ) -> None:
        self._book = phrasebook
        self._end_silence_s = end_silence_s
        self._complete_silence_s = end_silence_s if complete_silence_s is None else complete_silence_s
        self._pause_silence_s = max(pause_silence_s, end_silence_s)
        self._rest: NDArray[np.int16] = np.zeros(0, np.int16)
        self._window: NDArray[np.int16] = np.zeros(WINDOW, np.int16)
        self._loudness = 0.0
        self._frames = 0
        self._noise: deque[float] = deque([ASSUMED_NOISE_DB] * NOISE_FRAMES, NOISE_FRAMES)
        self._before: deque[NDArray[np.int16]] = deque([self._window], ONSET_FRAMES + 1)
        self._decoder: Decoder | None = None
        self._broken_off: Stretch | None = None
        self._start = 0
        self._last_loud = 0
        self._loud_frames = 0
        self._said = ""

    @property
    def heard_s(self) -> float:
        """Seconds of audio taken in."""
        return (self._frames * FRAME + self._rest.size) / SAMPLE_RATE

    @property
    def speaking(self) -> bool:
        """An utterance is under way: it has begun, and its final has not been given."""
        return self._decoder is not None and self._loud_frames * FRAME_S >= MIN_VOICE_S

    @property
    def last_voice_s(self) -> float:
        """End of the last loud frame; 0 before any."""
        return self._last_loud * FRAME_S

    def feed(self, samples: NDArray[np.int16]) -> list[Heard]:
        """Take in audio at 8 kHz, any number of samples; returns what is newly understood, in order."""
        out: list[Heard] = []
        audio = np.concatenate([self._rest, samples])
        whole = audio.size // FRAME * FRAME
        for start in range(0, whole, FRAME):
            out += self._frame(audio[start : start + FRAME])
        self._rest = audio[whole:]
        return out

    def finish(self) -> list[Heard]:
        """The stream has ended: the final of the utterance under way, if there is one."""
        return self._end() if self._decoder is not None else []

    def _frame(self, samples: NDArray[np.int16]) -> list[Heard]:
        self._frames += 1
        self._window = np.concatenate([self._window[FRAME:], samples])
        level = level_db(samples)
        threshold = min(max(min(self._noise) + ABOVE_NOISE_DB, MIN_THRESHOLD_DB), MAX_THRESHOLD_DB)
        self._noise.append(level)
        loud = level > threshold
        if self._decoder is None:
            if not loud:
                self._before.append(self._window)
                return []
            self._decoder = self._begin()
        rows, loudness = describe(self._window[None, :], self._loudness, 1)
        self._loudness = float(loudness[0])
        self._decoder.step(rows[0], not loud)
        if loud:
            self._last_loud = self._frames
            self._loud_frames += 1
        return self._report()

    def _begin(self) -> Decoder:
        decoder = Decoder(self._book, self._broken_off)
        self._broken_off = None
        self._start = self._frames - 1
        self._loud_frames = 0
        self._said = ""
        # Described only now: most of a call's silence begins nothing. The first is there for the second's rise.
        rows, loudness = describe(np.stack(self._before), None, 1)
        self._loudness = float(loudness[-1])
        for row in rows[1:]:
            decoder.step(row, False)
        self._before.clear()
        return decoder

    def _report(self) -> list[Heard]:
        silence_s = (self._frames - self._last_loud) * FRAME_S + 1e-9
        if silence_s >= min(self._end_silence_s, self._complete_silence_s) and silence_s >= self._patience_s():
            return self._end()
        return self._interim(ENOUGH_OF_A_WORD if silence_s >= STOPPED_S else ALL_OF_A_WORD)

    def _patience_s(self) -> float:
        """The silence that ends the utterance as it now stands."""
        best = self._agreed(ENOUGH_OF_A_WORD)
        if best.complete:
            return self._complete_silence_s
        return self._pause_silence_s if best.pausing else self._end_silence_s

    def _interim(self, enough: float) -> list[Heard]:
        # Most frames bring no new word, and then it doesn't matter who else would agree.
        if self._said.startswith(" ".join(self._explanations(enough, 0.0)[0].words)):
            return []
        understood = self._agreed(enough)
        text = " ".join(understood.words)
        if self._said.startswith(text):
            return []
        self._said = text
        end_s = min(understood.end_s, self._frames * FRAME_S)
        return [Heard(text, False, self._start * FRAME_S, end_s, len(understood.words), understood.complete)]

    def _end(self) -> list[Heard]:
        understood = self._concluded()
        self._broken_off = None if understood.complete else understood.last
        voiced_s = self._loud_frames * FRAME_S
        self._decoder = None
        self._before.append(self._window)
        if voiced_s < MIN_VOICE_S:
            return []
        text = " ".join(understood.words) or UNINTELLIGIBLE
        return [
            Heard(
                text,
                True,
                self._start * FRAME_S,
                self._last_loud * FRAME_S,
                len(understood.words),
                understood.complete,
            )
        ]

    def _agreed(self, enough: float) -> _Understood:
        """The words that all good explanations share; the rest is said of the best one."""
        best, *others = self._explanations(enough, CONTENDERS)
        words = best.words
        for other in others:
            shared = 0
            while shared < min(len(words), len(other.words)) and words[shared] == other.words[shared]:
                shared += 1
            words = words[:shared]
        if len(words) == len(best.words):
            return best
        return replace(best, words=words, complete=False)

    def _concluded(self) -> _Understood:
        """The best explanation; among good ones, one whose phrase ends where the sound did."""
        explanations = self._explanations(ENOUGH_OF_A_WORD, CONTENDERS)
        return next((one for one in explanations if one.complete), explanations[0])

    def _explanations(self, enough: float, margin: float) -> list[_Understood]:
        assert self._decoder is not None
        if self._decoder.score < MIN_MEAN_SCORE * self._loud_frames:
            return [self._read(None, enough)]
        return [self._read(last, enough) for last in self._decoder.best(margin)]

    def _read(self, last: Stretch | None, enough: float) -> _Understood:
        """The words of a chain of stretches."""
        assert self._decoder is not None
        words: list[str] = []
        end_s, pausing, complete = self._start * FRAME_S, False, False
        stretch = last
        while stretch is not None:
            phrase = self._book.phrase(stretch.number)
            if phrase is not None:
                heard = _heard_words(phrase, stretch, enough if stretch is last else ENOUGH_OF_A_WORD)
                if stretch is last:
                    pausing = bool(self._book.quiet[stretch.left])
                    complete = stretch.left >= phrase.last_loud - 2
                if heard and not words:
                    ago_s = max(stretch.left - phrase.words[heard[-1]].end, 0) * HOP_S
                    end_s = (self._frames - (self._decoder.at - stretch.at)) * FRAME_S - ago_s
                words = [phrase.words[index].text for index in heard] + words
            stretch = stretch.before
        return _Understood(words, end_s, pausing, complete, last)


@dataclass(frozen=True, slots=True)
class _Understood:
    words: list[str]
    end_s: float
    pausing: bool
    complete: bool
    last: Stretch | None


def _heard_words(phrase: Phrase, stretch: Stretch, enough: float) -> list[int]:
    """Which words of the phrase were heard: so large a share of each."""
    entered = phrase.first if stretch.entered - phrase.onset <= SOFT_ONSET else stretch.entered
    return [
        index
        for index, word in enumerate(phrase.words)
        if min(word.end, stretch.left) - max(word.start, entered) >= enough * max(word.end - word.start, 1)
    ]
