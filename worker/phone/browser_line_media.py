"""The media stream of a call that a browser has picked up: what Twilio does between a socket and a telephone, done
between the call and a page's audio connection.

Audio to the page is buffered by the connection and played in real time. Marks come back when what was sent before
them has been played, and at once when it is cleared. From the page a frame comes every 20 ms: of typed words while
there are some, else of the microphone, which is silence where there is none.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

from worker.phone.browser_line_marks import Marks
from worker.phone.browser_line_typed import TypedWords
from worker.phone.media import FRAME_BYTES, FRAME_MS, Digit, Frame, MarkPlayed, MediaEvent, Stopped

MOST_UNREAD = 250
"""Events that wait for a call that does not read them: 5 s of audio. Later frames are lost, as on any line."""


class LineTransport(Protocol):
    """A page's audio and messages. Audio is mu-law, 8,000 Hz."""

    on_progress: Callable[[], None] | None
    """Called on the loop when `position` has grown."""

    def frames(self) -> AsyncIterator[bytes]:
        """What the microphone hears, 160 bytes every 20 ms, until the page is gone."""
        ...

    def play(self, mulaw: bytes) -> None:
        """Play this after what was given before."""
        ...

    def clear(self) -> int:
        """Throw away what has not been played; returns `position`."""
        ...

    @property
    def position(self) -> int:
        """How many of the bytes given have been played."""
        ...

    def messages(self) -> AsyncIterator[dict[str, Any]]:
        """What the page sends over its data channel, until it is gone."""
        ...

    def send(self, message: dict[str, object]) -> None:
        """Send a message to the page; does nothing when it is gone."""
        ...

    async def connected(self) -> None:
        """Return when audio can flow, or when it never will (`is_closed`)."""
        ...

    @property
    def is_closed(self) -> bool:
        """Whether the page is gone."""
        ...


class BrowserMedia:
    """Fulfils `worker.phone.media.MediaStream`; what the page sends comes by `hear` and `press`."""

    def __init__(self, transport: LineTransport, typed: TypedWords) -> None:
        self._transport = transport
        self._typed = typed
        self._marks = Marks(transport.position)
        self._events: asyncio.Queue[MediaEvent] = asyncio.Queue()
        self._frames = 0
        self._ended = False
        transport.on_progress = self._played

    def hear(self, microphone: bytes) -> None:
        """The next 20 ms of the page's microphone."""
        timestamp_ms, self._frames = self._frames * FRAME_MS, self._frames + 1
        if len(microphone) == FRAME_BYTES:
            self._put(Frame(self._typed.next_frame() or microphone, timestamp_ms))

    def press(self, key: str) -> None:
        """The person at the page pressed a key: 0-9, *, #, A-D."""
        self._put(Digit(key))

    def end(self, *, clean: bool) -> None:
        """Nothing more comes or goes. `clean` false: the connection was lost. The first end counts."""
        if self._ended:
            return
        self._ended = True
        self._transport.on_progress = None
        self._transport.clear()
        self._events.put_nowait(Stopped(clean=clean))

    # -- the call's side ---------------------------------------------------------------------------------------

    async def events(self) -> AsyncIterator[MediaEvent]:
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, Stopped):
                return

    def take_pairs(self, wanted: bool) -> None:
        """Frames of a page come one by one."""

    async def send_audio(self, mulaw: bytes) -> None:
        if not self._ended:
            self._transport.play(mulaw)
            self._marks.sent(len(mulaw))

    async def send_mark(self, name: str) -> None:
        if not self._ended:
            self._marks.mark(name)
            self._played()

    async def clear(self) -> None:
        if not self._ended:
            self._echo(self._marks.cleared(self._transport.clear()))

    async def close(self) -> None:
        self.end(clean=True)

    def _played(self) -> None:
        self._echo(self._marks.due(self._transport.position))

    def _echo(self, names: list[str]) -> None:
        for name in names:
            self._events.put_nowait(MarkPlayed(name))

    def _put(self, event: Frame | Digit) -> None:
        if not self._ended and self._events.qsize() < MOST_UNREAD:
            self._events.put_nowait(event)
