"""What a session has heard: items of input from their beginning to their transcript. Pure state.

Transcripts come in any order, some 0.5 s after the words, and are given out in the order of speech. From the
beginning of speech until then, `UNKNOWN_WORDS` stand for them.
"""

from __future__ import annotations

from dataclasses import dataclass

from worker.speech.recognizer import UNKNOWN_WORDS, Recognition

LONGEST_SPEECH_S = 20.0
"""Speech that is not over by then is taken for a noise: nobody waits for its words."""

UNKNOWN_S = 1.2
"""After the end of speech, its words are awaited so long. Then the turn is decided by what is known."""

TRANSCRIPT_DEADLINE_S = 4.0
"""A transcript that has not come by then will not. Most take less than half a second."""

NOT_UNDERSTOOD = "(not understood)"
"""Written where the transcript failed. The model has heard the words, and may well answer them."""

BYTES_PER_S = 8_000


@dataclass(slots=True)
class _Item:
    begun_at: float
    cut_at: float | None = None
    """None: it is still being spoken."""
    end: int = 0
    """Position in the session's audio, in bytes."""
    text: str = ""
    is_whole: bool = False


class InputItems:
    """Times are seconds on one clock."""

    def __init__(self) -> None:
        self._items: dict[str, _Item] = {}
        self._shown = ""
        self._end = 0

    def begin(self, name: str, at: float) -> None:
        """Somebody has begun to speak."""
        self._items.setdefault(name, _Item(at))

    def cut(self, name: str, end: int, at: float) -> None:
        """An item of speech is complete; its words are to come."""
        item = self._items.setdefault(name, _Item(at))
        item.end, item.cut_at = end, at

    def words(self, name: str, text: str, *, is_whole: bool) -> None:
        item = self._items.get(name)
        if item is None or item.is_whole:
            return
        item.text = text if is_whole else item.text + text
        item.is_whole = is_whole

    def give_up(self, name: str) -> None:
        """There will be no transcript: what came of it must do."""
        self.words(name, "", is_whole=False)
        item = self._items.get(name)
        if item is not None and not item.is_whole:
            item.text, item.is_whole = item.text or NOT_UNDERSTOOD, True

    def forget(self) -> None:
        """The session is another one: what had no transcript will be heard again."""
        self._items.clear()

    def take(self, now: float) -> tuple[list[Recognition], int | None]:
        """What is new, and up to where the audio is settled by it (None: no further)."""
        for name, item in list(self._items.items()):
            if item.cut_at is not None and now - item.cut_at >= TRANSCRIPT_DEADLINE_S:
                self.give_up(name)
        results: list[Recognition] = []
        settled: int | None = None
        while self._items and next(iter(self._items.values())).is_whole:
            item = self._items.pop(next(iter(self._items)))
            self._end = settled = item.end
            if item.text.strip():
                results.append(Recognition(item.text.strip(), True, 1.0, item.end / BYTES_PER_S))
                self._shown = ""
        shown = self._interim(now)
        if shown != self._shown:
            self._shown = shown
            end = max((item.end for item in self._items.values()), default=self._end)
            results.append(Recognition(shown, False, 0.5, end / BYTES_PER_S))
        return results, settled

    def look_again_s(self, now: float) -> float | None:
        """In how many seconds `take` may have something new although nothing came."""
        moments: list[float] = []
        for item in self._items.values():
            if item.cut_at is None:
                moments.append(item.begun_at + LONGEST_SPEECH_S)
            else:
                moments += [item.cut_at + UNKNOWN_S, item.cut_at + TRANSCRIPT_DEADLINE_S]
        return min((at - now for at in moments if at > now), default=None)

    def _interim(self, now: float) -> str:
        parts = []
        for item in self._items.values():
            if item.text.strip():
                parts.append(item.text.strip())
            elif not item.is_whole and _awaited(item, now):
                parts.append(UNKNOWN_WORDS)
        return " ".join(parts)


def _awaited(item: _Item, now: float) -> bool:
    if item.cut_at is None:
        return now - item.begun_at < LONGEST_SPEECH_S
    return now - item.cut_at < UNKNOWN_S
