"""A call's recording: both sides on one time axis, kept in memory and written when the call is over.

Only when the person has switched recording on. Ten minutes are 10 MB; longer ones keep their first hour.
"""

from __future__ import annotations

from pathlib import Path

import structlog

from worker.audio.files import write_recording
from worker.phone.media import SAMPLE_RATE_HZ

log = structlog.get_logger(__name__)

MAX_S = 3600
_SILENCE = b"\xff"


class Recording:
    """`opened_at` and the other times are seconds on one clock."""

    def __init__(self, opened_at: float) -> None:
        self._opened_at = opened_at
        self._callee = bytearray()
        self._floyd = bytearray()

    def callee_says(self, mulaw: bytes) -> None:
        """The next frame; they come without gaps."""
        if len(self._callee) < MAX_S * SAMPLE_RATE_HZ:
            self._callee += mulaw

    def floyd_says(self, mulaw: bytes, plays_at: float) -> None:
        """Audio that will be played from `plays_at` on."""
        start = self._position(plays_at)
        if start + len(mulaw) > MAX_S * SAMPLE_RATE_HZ:
            return
        if start > len(self._floyd):
            self._floyd += _SILENCE * (start - len(self._floyd))
        self._floyd += mulaw

    def floyd_cut(self, at: float) -> None:
        """What was to be played after `at` is not."""
        del self._floyd[self._position(at) :]

    async def write(self, path: Path) -> bool:
        """Write it, and tell whether it is there; a disk that is full costs the recording, not the call."""
        try:
            await write_recording(path, bytes(self._callee), bytes(self._floyd))
        except OSError as error:
            log.error("call.recording_not_written", reason=str(error))
            return False
        return True

    def _position(self, at: float) -> int:
        return max(0, round((at - self._opened_at) * SAMPLE_RATE_HZ))
