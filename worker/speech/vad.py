"""What Floyd needs of a voice-activity detector."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Activity(NamedTuple):
    """What one 20 ms frame holds."""

    voice: float
    """The probability, 0 to 1, that somebody speaks. Judged in context, it lags behind by some 100 ms."""
    is_loud: bool
    """Whether the frame is as loud as speech on this line. Never late, but noises can be so loud too."""
    is_fading: bool = False
    """Whether the voice may be about to end: neither as loud as it is within words nor rising."""


SILENT = Activity(0.0, False)


class VoiceActivityDetector(Protocol):
    """One call's detector. Cheap enough for the event loop: well under a millisecond a frame."""

    def feed(self, mulaw: bytes) -> Activity:
        """Take one 20 ms frame (160 bytes of mu-law)."""
        ...


class VoiceActivityDetectors(Protocol):
    async def acquire(self) -> VoiceActivityDetector:
        """A detector for a call. It is that call's own, and needs no giving back."""
        ...
