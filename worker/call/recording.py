"""A call's recording: both sides on one time axis, kept in memory and written when the call is over.

Only when the person has switched recording on. Ten minutes are 10 MB; longer ones keep their first hour.
"""

from __future__ import annotations

from pathlib import Path

import structlog

from worker.audio.files import write_recording
from worker.audio.g711 import SILENCE
from worker.phone.media import SAMPLE_RATE_HZ

log = structlog.get_logger(__name__)

MAX_S = 3600
_SILENCE = bytes([SILENCE])


class Track:
    """Sound in its place on a time axis, with silence between. Times are seconds on one clock."""

    def __init__(self, origin: float) -> None:
        self._origin = origin
        self._audio = bytearray()

    def put(self, mulaw: bytes, at: float) -> None:
        """Sound that plays from `at` on, behind what there is."""
        start = self.position(at)
        if start > len(self._audio):
            self._audio += _SILENCE * (start - len(self._audio))
        self._audio += mulaw

    def cut(self, at: float) -> None:
        """What was to be played after `at` is not."""
        del self._audio[self.position(at) :]

    def position(self, at: float) -> int:
        return max(0, round((at - self._origin) * SAMPLE_RATE_HZ))

    @property
    def at(self) -> float:
        """The moment of the first sample."""
        return self._origin

    def take(self, size: int) -> bytes:
        """The first samples, silence if there are none; the axis begins behind them from then on."""
        taken = bytes(self._audio[:size])
        del self._audio[:size]
        self._origin += size / SAMPLE_RATE_HZ
        return taken.ljust(size, _SILENCE)

    def go_to(self, at: float) -> None:
        """Let the axis begin at `at`, later or earlier than now."""
        if at >= self._origin:
            del self._audio[: self.position(at)]
        elif self._audio:
            self._audio[:0] = _SILENCE * round((self._origin - at) * SAMPLE_RATE_HZ)
        self._origin = at

    def whole(self) -> bytes:
        return bytes(self._audio)


class Recording:
    """`opened_at` and the other times are seconds on one clock."""

    def __init__(self, opened_at: float) -> None:
        self._callee = bytearray()
        self._floyd = Track(opened_at)

    def callee_says(self, mulaw: bytes) -> None:
        """The next frame; they come without gaps."""
        if len(self._callee) < MAX_S * SAMPLE_RATE_HZ:
            self._callee += mulaw

    def floyd_says(self, mulaw: bytes, plays_at: float) -> None:
        """Audio that will be played from `plays_at` on."""
        if self._floyd.position(plays_at) + len(mulaw) <= MAX_S * SAMPLE_RATE_HZ:
            self._floyd.put(mulaw, plays_at)

    def floyd_cut(self, at: float) -> None:
        """What was to be played after `at` is not."""
        self._floyd.cut(at)

    def end(self) -> None:
        """It is written when the recogniser is closed too."""

    async def write(self, path: Path) -> bool:
        """Write it, and tell whether it is there; a disk that is full costs the recording, not the call."""
        try:
            await write_recording(path, bytes(self._callee), self._floyd.whole())
        except OSError as error:
            log.error("call.recording_not_written", reason=str(error))
            return False
        return True
