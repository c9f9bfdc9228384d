"""Floyd's own voice coming back over the line, told apart from others. Pure state, no clock of its own.

Telephone lines, and phones on loudspeaker, send back what they play: later by up to half a second, and softer. Its
ups and downs are those of what was played, so the loudness of both, frame by frame, is compared at every possible
delay. Where one fits well, delay and loss are known, and so is how loud an echo can be at any moment. A frame that
is no louder holds nothing else that a recogniser could understand; a louder one holds somebody who speaks over it.

The opening words of a call teach it enough: nobody can interrupt those.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

SILENT_DBFS = -60.0
"""Quieter is silence: a line's noise, and G.711's."""

AUDIBLE_DBFS = -50.0
"""An echo below it is heard by nobody, the recogniser included."""

LONGEST_DELAY = 30
"""Frames of 20 ms: calls to mobile phones and over the internet take up to half a second there and back."""

WINDOW = 90
"""Frames compared: 1.8 s have half a dozen syllables."""

LOOK_EVERY = 10
"""Frames between two comparisons, which cost some 100 microseconds."""

FITS = 0.8
"""Correlation from which on it is an echo. Two people who talk at once stay below 0.5 over so many frames."""

ENOUGH = 40
"""Frames with something played, at least: over fewer, two people who speak at once may look alike."""

MARGIN_DB = 6.0
"""An echo's level varies by so much with what is played, and a delay of a fraction of a frame."""

SPREAD = 2
"""Frames around the delay in which an echo may be: rooms answer for longer than they were asked."""

Levels = NDArray[np.float64]


class Echo:
    """Feed it both directions of a line, frame by frame."""

    def __init__(self) -> None:
        self.delay: int | None = None
        """Frames until the echo comes; None: none is known."""
        self.loss_db = 0.0
        size = WINDOW + LONGEST_DELAY
        self._played: deque[float] = deque([SILENT_DBFS] * size, maxlen=size)
        self._heard: deque[float] = deque([SILENT_DBFS] * WINDOW, maxlen=WINDOW)
        self._frames = 0
        self._since_played = LONGEST_DELAY
        self._suspected: int | None = None
        """The delay that fitted the last time: an echo fits twice."""

    @property
    def may_come(self) -> bool:
        """Whether something was played recently. If not, and nothing is, there is no need to ask."""
        return self._since_played < LONGEST_DELAY

    def hear(self, heard_dbfs: float, played_dbfs: float) -> bool:
        """Levels of a frame that was heard, and of the one that was played meanwhile. True: it is only echo."""
        self._played.append(max(played_dbfs, SILENT_DBFS))
        self._heard.append(max(heard_dbfs, SILENT_DBFS))
        self._frames += 1
        self._since_played = 0 if played_dbfs > AUDIBLE_DBFS else self._since_played + 1
        if self._frames % LOOK_EVERY == 0 and heard_dbfs > AUDIBLE_DBFS:
            self._compare()
        return self.delay is not None and SILENT_DBFS < heard_dbfs <= self._loudest_dbfs(self.delay)

    def _loudest_dbfs(self, delay: int) -> float:
        """How loud an echo can be now."""
        end = len(self._played) - max(0, delay - SPREAD)
        loudest = max(self._played[at] for at in range(end - 2 * SPREAD - 1, end))
        return loudest - self.loss_db + MARGIN_DB if loudest > SILENT_DBFS else SILENT_DBFS

    def _compare(self) -> None:
        heard, played = np.array(self._heard), np.array(self._played)
        # Row d is what was played d frames before what was heard.
        earlier = sliding_window_view(played, WINDOW)[::-1]
        # Only where something was played: that both sides were silent before tells nothing.
        loud = earlier > AUDIBLE_DBFS
        fit = _correlation(earlier, heard, loud)
        best = int(fit.argmax())
        if fit[best] < FITS:
            self._suspected = None
            return
        if self._suspected is not None and abs(best - self._suspected) <= 1:
            self.delay = best
            lost = earlier[best][loud[best]] - heard[loud[best]]
            self.loss_db = max(0.0, float(np.median(lost)))
        self._suspected = best


def _correlation(rows: Levels, one: Levels, where: NDArray[np.bool_]) -> Levels:
    """Pearson's, of each row with `one`, over the frames chosen in that row; 0 where those are too few."""
    count = where.sum(axis=1)
    few = count < ENOUGH
    count = np.maximum(count, 1)[:, None]
    x = np.where(where, rows - (rows * where).sum(axis=1, keepdims=True) / count, 0.0)
    y = np.where(where, one - (one * where).sum(axis=1, keepdims=True) / count, 0.0)
    products = (x * y).sum(axis=1)
    size = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    fit: Levels = np.divide(products, size, out=np.zeros_like(products), where=(size > 0) & ~few)
    return fit
