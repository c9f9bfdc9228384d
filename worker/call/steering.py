"""What the owner wants of a call while it lasts: to whisper to Floyd, to speak themselves, to hang up.

The daemon writes it as the deployment tells (`follow`, as often as it likes: it is the state, not the change); the
call reads it, and is told when there is news.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

MAX_HINT_CHARS = 500
"""The deployment's limit too."""

MAX_WAITING = 20
"""Hints that no turn has taken yet; beyond it they wait at the deployment."""


@dataclass(frozen=True, slots=True)
class Hint:
    """What the owner whispers to Floyd."""

    hint_id: str
    text: str


class Steering:
    def __init__(self) -> None:
        self.owner_speaks = False
        """The owner has taken over, or is about to."""
        self.hang_up = False
        self.call_id = ""
        """Of the call that is steered, once it has one."""
        self.on_news: Callable[[], None] = lambda: None
        self._owner_has_it = (False, 0)
        """As the deployment said last, and how often they have taken over by then."""
        self._known: set[str] = set()
        self._waiting: list[Hint] = []

    # -- the daemon's side -------------------------------------------------------------------------------------

    def follow(
        self, call_id: str, *, by_owner: bool, hang_up: bool, hints: Iterable[Hint], take_overs: int = 0
    ) -> None:
        """What the deployment says of a call of this request. `take_overs`: how often the owner has taken over so
        far; who left and came back may be seen only by that."""
        if self.call_id and call_id != self.call_id:
            return
        news = False
        if (by_owner, take_overs) != self._owner_has_it:
            # Only a change counts: whoever was handed back by `give_back` has not taken over again.
            self._owner_has_it = (by_owner, take_overs)
            news = self.owner_speaks != by_owner
            self.owner_speaks = by_owner
        if hang_up and not self.hang_up:
            self.hang_up = news = True
        for hint in hints:
            text = " ".join(hint.text.split())[:MAX_HINT_CHARS]
            if hint.hint_id in self._known or len(self._waiting) >= MAX_WAITING:
                continue
            self._known.add(hint.hint_id)
            self._waiting.append(Hint(hint.hint_id, text))
            news = True
        if news:
            self.on_news()

    # -- the call's side ---------------------------------------------------------------------------------------

    @property
    def has_hints(self) -> bool:
        """Whether there are hints that the model does not know yet."""
        return bool(self._waiting)

    def take_hints(self) -> list[Hint]:
        """Those hints, each once."""
        taken, self._waiting = self._waiting, []
        return taken

    def give_back(self) -> None:
        """The owner is gone: Floyd has the call again, whatever the deployment still believes."""
        self.owner_speaks = False
