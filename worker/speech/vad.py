"""What Floyd needs of a voice-activity detector."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class VoiceActivityDetector(Protocol):
    """One call's detector. Cheap enough for the event loop: well under a millisecond a frame."""

    def feed(self, mulaw: bytes) -> float:
        """Take one 20 ms frame (160 bytes of mu-law) and return the probability, 0 to 1, that a voice is in it."""
        ...


class VoiceActivityDetectors(Protocol):
    """Detectors are slow to build (tens of ms), so they are built off the loop and used again."""

    def expecting(self) -> AbstractContextManager[None]:
        """A call may be answered at any moment: meanwhile have one more ready."""
        ...

    async def acquire(self) -> VoiceActivityDetector: ...

    def release(self, detector: VoiceActivityDetector) -> None: ...
