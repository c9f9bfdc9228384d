"""The utterances of one socket between their first word and their final, in the order they were spoken.

OpenAI names an utterance (an item) when its first delta comes or when it was committed, and completes items in any
order. Pure state.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Item:
    """Positions are bytes of the session's audio."""

    start: int
    end: int | None = None
    """Behind its last frame, once it is committed."""
    voice_end: int = 0
    """Behind its last voiced frame."""
    committed_at: float = 0.0
    name: str | None = None
    is_named_for_good: bool = False
    """The commit was acknowledged by this name."""
    text: str = ""
    is_final: bool = False


class Items:
    def __init__(self) -> None:
        self._items: list[Item] = []

    def __bool__(self) -> bool:
        return bool(self._items)

    @property
    def first(self) -> Item | None:
        return self._items[0] if self._items else None

    def begin(self, start: int) -> None:
        self._items.append(Item(start))

    def commit(self, end: int, voice_end: int, at: float) -> None:
        """The utterance under way has ended."""
        item = self._items[-1]
        item.end, item.voice_end, item.committed_at = end, voice_end, at

    def on_committed(self, name: str) -> None:
        """Acknowledgements come in the order of the commits."""
        item = next((one for one in self._items if one.end is not None and not one.is_named_for_good), None)
        if item is not None:
            item.name, item.is_named_for_good = name, True

    def on_delta(self, name: str, text: str) -> None:
        item = self._named(name) or next((one for one in self._items if one.name is None), None)
        if item is not None and not item.is_final:
            item.name = name
            item.text += text

    def on_completed(self, name: str, text: str) -> None:
        item = self._named(name)
        if item is not None and item.end is not None:
            item.text, item.is_final = text, True

    def give_up(self, name: str) -> None:
        """There will be no final: what was heard of it must do."""
        item = self._named(name)
        if item is not None and item.end is not None:
            item.is_final = True

    def take_final(self) -> Item | None:
        """The first item, if it is final; call until None. Later ones wait for it."""
        if self._items and self._items[0].is_final:
            return self._items.pop(0)
        return None

    def waiting_since(self) -> float | None:
        """When the oldest item was committed that has no final."""
        return next((one.committed_at for one in self._items if one.end is not None and not one.is_final), None)

    def _named(self, name: str) -> Item | None:
        return next((one for one in self._items if one.name == name), None)
