"""The callee's words since their last turn, from hypotheses that replace, settle and overlap. Pure state."""

from __future__ import annotations

from dataclasses import dataclass

from worker.call.words import words_of
from worker.speech.recognizer import UNKNOWN_WORDS, Recognition

MAX_CHARS = 8_000
"""Of one utterance: about ten minutes of talk without a pause. Longer ones lose their beginning."""

FINALS_THAT_TELL = 2
"""So many without a full stop: this recogniser writes none."""


@dataclass(slots=True)
class UtteranceWords:
    """Settled and unsettled words. Times are seconds on one clock."""

    settled: str = ""
    interim: str = ""
    changed_at: float = 0.0
    """When the words last changed."""
    settled_at: float | None = None
    """When the last final came."""
    awaited: bool = False
    """More was said than is known yet."""
    finals: int = 0
    finals_punctuated: int = 0
    _taken_early: int = 0
    """How many words were taken for utterances before their final came: it is still to come, and they are not
    new in it. While it is late, several utterances may be taken from the hypotheses that lead to it."""

    @property
    def text(self) -> str:
        return f"{self.settled} {self.interim}".strip()

    @property
    def punctuates(self) -> bool:
        """Whether this recogniser writes full stops, as far as can be told."""
        return self.finals_punctuated > 0 or self.finals < FINALS_THAT_TELL

    def hear(self, recognition: Recognition, at: float) -> bool:
        """Take a hypothesis. True when the words changed."""
        before, awaited_before = self.text, self.awaited
        self.awaited = UNKNOWN_WORDS in recognition.text
        words = recognition.text.replace(UNKNOWN_WORDS, " ").split()
        text = self._without_taken(" ".join(words), is_final=recognition.is_final)
        if recognition.is_final:
            self.finals += 1
            self.finals_punctuated += recognition.text.rstrip().endswith((".", "?", "!"))
            self.settled = f"{self.settled} {text}".strip()[-MAX_CHARS:]
            self.interim = ""
            self.settled_at = at
        else:
            self.interim = text[-MAX_CHARS:]
        if words_of(self.text) != words_of(before):
            self.changed_at = at
        return self.text != before or self.awaited != awaited_before or recognition.is_final

    def take(self) -> str:
        """All words so far, as one utterance; what comes next belongs to the next."""
        text = self.text
        self._taken_early += len(self.interim.split())
        self.settled = self.interim = ""
        self.settled_at = None
        return text

    def _without_taken(self, text: str, *, is_final: bool) -> str:
        """A hypothesis without the words that were taken before their final came.

        The final may word them differently ("for B" becomes "four B"), so they are counted and not compared."""
        taken = self._taken_early
        if is_final:
            self._taken_early = 0
        return " ".join(text.split(" ")[taken:])
