"""A call's audio socket as the call engine sees it, whoever the carrier is.

Audio both ways is G.711 mu-law, 8,000 Hz, one byte a sample. Inbound frames hold 20 ms (160 bytes).
Outbound audio is buffered by the carrier and played in order, so it may be sent faster than real time; a
mark comes back when all that was sent before it has been played, and also when it was cleared.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

SAMPLE_RATE_HZ = 8000
FRAME_MS = 20
FRAME_BYTES = SAMPLE_RATE_HZ * FRAME_MS // 1000


class Frame(NamedTuple):
    """Inbound audio. `timestamp_ms` counts from the start of the stream. (Built fifty times a second for each
    call, so no dataclass.)"""

    mulaw: bytes
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Digit:
    """A key the callee pressed: 0-9, *, #, A-D."""

    key: str


@dataclass(frozen=True, slots=True)
class MarkPlayed:
    """The echo of a mark: what was sent before it has been played or cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The stream has ended; nothing follows. `clean` is false when the socket broke without a stop message."""

    clean: bool


MediaEvent = Frame | Digit | MarkPlayed | Stopped


class MediaStream(Protocol):
    """One open socket. The sending methods never raise when the socket is gone: `Stopped` tells of it."""

    def events(self) -> AsyncIterator[MediaEvent]:
        """The inbound events in order, ending with exactly one `Stopped`."""
        ...

    def take_pairs(self, wanted: bool) -> None:
        """Whether frames may come two at a time, which costs less. Then what ends the stream may wait for a frame
        that never comes, until pairs are no longer wanted. A stream that has no pairs goes on as it was."""
        ...

    async def send_audio(self, mulaw: bytes) -> None: ...

    async def send_mark(self, name: str) -> None: ...

    async def clear(self) -> None:
        """Throw away what is buffered and not yet played."""
        ...

    async def close(self) -> None: ...
