"""What Floyd needs of a synthetic voice. Adding one is a file that fulfils `Voice`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol


class VoiceUnavailable(Exception):
    """The text could not be spoken (no connection, an error, a refused text), after retries."""


class Voice(Protocol):
    def speak(self, text: str) -> AsyncIterator[bytes]:
        """Audio of `text` as mu-law, 8,000 Hz, in chunks of any size as they come.

        Closing the iterator cancels the vendor's request. Raises `VoiceUnavailable`."""
        ...

    async def warm_up(self) -> None:
        """Make the connection before it is needed."""
        ...

    async def close(self) -> None: ...
