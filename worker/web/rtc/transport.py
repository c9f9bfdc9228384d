"""One page's audio and messages, as the rest of the worker uses them: frames in, frames out, small JSON objects.

Audio both ways is G.711 mu-law, 8,000 Hz, one byte a sample, 160 of them (20 ms) a frame, whatever goes over the
network. Frames come every 20 ms for as long as the page is connected: what was lost, and a microphone that sends
nothing, is silence (but see `frames`). What is to be played may be given faster than real time; it is sent as its
time comes.

A page is heard from and talked to on the event loop only. The connection itself is in `peer`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson

from worker.audio.g711 import SILENCE

FRAME_BYTES = 160
FRAME_S = 0.02
SILENT_FRAME = bytes([SILENCE]) * FRAME_BYTES

MAX_UNPLAYED_BYTES = 8_000 * 300
"""Five minutes. Nobody says more in one go; a sender who never looks at `position` must not fill the memory."""

MAX_UNHEARD_FRAMES = 100
"""Two seconds, for a reader who is late; then the oldest is dropped."""

QUIET_AFTER_S = 0.1
"""When no packet came for so long, silence takes its place. Packets come up to 60 ms late on ordinary networks."""

MAX_MESSAGE_CHARS = 2_000
MAX_UNREAD_MESSAGES = 32
"""Of the page's and of ours. Both sides send a few in a second."""


class AudioTransport:
    """Built on the loop, by whoever answers an offer. All of it is the loop's."""

    def __init__(self) -> None:
        self.on_progress: Callable[[], None] | None = None
        """Called on the loop when `position` has grown."""
        self._unplayed = bytearray()
        self._played = 0
        self._short = False
        self._unheard: deque[bytes] = deque(maxlen=MAX_UNHEARD_FRAMES)
        self._heard = asyncio.Event()
        self._messages: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(MAX_UNREAD_MESSAGES + 1)
        self._unsent: deque[str] = deque(maxlen=MAX_UNREAD_MESSAGES)
        self._post: Callable[[str], None] | None = None
        self._connected = asyncio.Event()
        self._closed = asyncio.Event()

    # What the worker does.

    async def frames(self, *, filled: bool = True) -> AsyncIterator[bytes]:
        """What the page's microphone hears, 160 bytes every 20 ms, until the page is gone. For one reader.

        Not `filled`: only what really came. A page whose network is gone is noticed as one after half a minute,
        but nothing comes from it at once; a microphone that is muted goes on sending silence."""
        clock = asyncio.get_running_loop().time
        due = clock() + QUIET_AFTER_S
        while not self._closed.is_set():
            if self._unheard:
                due = clock() + QUIET_AFTER_S
                yield self._unheard.popleft()
                continue
            self._heard.clear()
            try:
                async with asyncio.timeout_at(due if filled else None):
                    await self._heard.wait()
            except TimeoutError:
                due += FRAME_S
                yield SILENT_FRAME

    def play(self, mulaw: bytes) -> None:
        """Play audio of any length after what is still to be played."""
        room = MAX_UNPLAYED_BYTES - len(self._unplayed)
        self._unplayed += mulaw[:room]

    def clear(self) -> int:
        """Forget what has not been played yet. Returns `position`."""
        self._unplayed.clear()
        return self._played

    @property
    def position(self) -> int:
        """Bytes of what was given to `play` that went out to the page: silence between does not count."""
        return self._played

    @property
    def unplayed(self) -> int:
        """Bytes that wait for their time."""
        return len(self._unplayed)

    def keep_latest(self, most_bytes: int) -> None:
        """Skip what lies further back: live audio must not fall behind."""
        excess = len(self._unplayed) - most_bytes
        if excess > 0:
            del self._unplayed[:excess]
            self._played += excess

    def send(self, message: dict[str, object]) -> None:
        """Send a message over the page's data channel; one that is sent too early waits for it."""
        text = orjson.dumps(message).decode()
        if self._post is None:
            self._unsent.append(text)
        else:
            self._post(text)

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """What the page sends, until it is gone. For one reader."""
        while (message := await self._messages.get()) is not None:
            yield message

    async def connected(self) -> None:
        """Return when audio can flow, or when it never will (`is_closed`)."""
        await self._connected.wait()

    async def closed(self) -> None:
        """Return when the page is gone."""
        await self._closed.wait()

    @property
    def is_closed(self) -> bool:
        return self._closed.is_set()

    # What the connection does.

    def next_frame(self) -> bytes:
        """The 20 ms to be sent now."""
        if not self._unplayed:
            return SILENT_FRAME
        if len(self._unplayed) < FRAME_BYTES and not self._short:
            # The rest of this frame is probably on its way: a tick in the middle of a sound would be heard.
            self._short = True
            return SILENT_FRAME
        self._short = False
        frame = bytes(self._unplayed[:FRAME_BYTES])
        del self._unplayed[:FRAME_BYTES]
        self._played += len(frame)
        if self.on_progress is not None:
            self.on_progress()
        return frame + SILENT_FRAME[len(frame) :]

    def heard(self, frame: bytes) -> None:
        self._unheard.append(frame)
        self._heard.set()

    def got_message(self, text: str | bytes) -> bool:
        """Take a message of the page's. False: it is not one, or there are too many."""
        if not isinstance(text, str) or len(text) > MAX_MESSAGE_CHARS:
            return False
        if self._messages.qsize() >= MAX_UNREAD_MESSAGES:
            return False
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            return False
        if not isinstance(message, dict):
            return False
        self._messages.put_nowait(message)
        return True

    def can_post(self, post: Callable[[str], None]) -> None:
        """The data channel is open."""
        self._post = post
        while self._unsent:
            post(self._unsent.popleft())

    def is_connected(self) -> None:
        self._connected.set()

    def end(self) -> None:
        """The page is gone. Safe to repeat."""
        if not self._closed.is_set():
            self._post = None
            self._closed.set()
            self._connected.set()
            self._heard.set()
            self._messages.put_nowait(None)
