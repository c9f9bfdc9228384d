"""What the webhooks ask of whoever owns the calls (implemented by worker/call)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from worker.phone.carrier import CarrierStatus
from worker.phone.media import MediaStream


class MediaRefused(Exception):
    """The media socket is not wanted: unknown call, or a wrong, used or expired token."""


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """A carrier's status callback. `at_ms` is epoch ms."""

    call_sid: str
    status: CarrierStatus
    at_ms: float
    answered_by: str | None = None


class CallDirectory(Protocol):
    def media_token(self, call_id: str, call_sid: str) -> str | None:
        """The single-use token for this call's media socket, or None when this worker has no such call
        (the answer is then a polite `<Hangup/>`)."""
        ...

    async def on_status(self, call_id: str, update: StatusUpdate) -> None:
        """Note a status; also for calls this worker does not hold (it may have restarted)."""
        ...

    async def on_answered_by(self, call_id: str, call_sid: str, answered_by: str) -> None:
        """The carrier's verdict on who answered: `human`, `machine_start`, `machine_end_beep`, `unknown`, ..."""
        ...

    async def on_text(self, from_number: str, to_number: str, body: str, message_sid: str) -> None:
        """An SMS came in."""
        ...

    async def run_media(self, call_id: str, call_sid: str, token: str, stream: MediaStream) -> None:
        """Serve a call's media socket until it ends. Raises `MediaRefused` before any audio is sent."""
        ...
