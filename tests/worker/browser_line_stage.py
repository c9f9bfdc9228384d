"""What the tests of the browser line share: a page's end of it, and the worker's side as a carrier finds it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from worker.deployment.client import DeploymentUnavailable
from worker.phone.browser_line import LineHub
from worker.phone.carrier import CarrierStatus, DialOrder
from worker.phone.directory import MediaRefused, StatusUpdate
from worker.phone.media import FRAME_BYTES, MediaStream
from worker.speech.voice import VoiceUnavailable

T = TypeVar("T")

DEADLINE_S = 5.0
FLORIST = "+14155550142"
SILENT = b"\xff" * FRAME_BYTES
OWNER, STRANGER = "owner", "stranger"


class Refused(Exception):
    """What stands for the 404 of a call that is somebody else's."""


@dataclass(frozen=True)
class Known:
    """A call as the deployment knows it: those whose id says so ring with another worker."""

    status: str


async def reach(person: Any, call_id: str) -> Known:
    if person != OWNER:
        raise Refused(call_id)
    return Known("ringing" if call_id == "elsewhere" else "ended")


def order(call_id: str = "call1", *, ring_s: float = 30, limit_s: float = 600, to: str = FLORIST) -> DialOrder:
    base = "http://127.0.0.1:3220/twilio"
    # Seconds are whole for a telephone company; the line takes any, which makes tests short.
    return DialOrder(
        to=to,
        answer_url=f"{base}/voice/{call_id}",
        status_url=f"{base}/status/{call_id}",
        answered_by_url=f"{base}/answered-by/{call_id}",
        ring_timeout_s=ring_s,  # type: ignore[arg-type]
        time_limit_s=limit_s,  # type: ignore[arg-type]
    )


class Notes(Generic[T]):
    """What was noted, and a way to wait for it."""

    def __init__(self) -> None:
        self.all: list[T] = []
        self._news = asyncio.Event()

    def add(self, note: T) -> None:
        self.all.append(note)
        self._news.set()

    async def until(self, so: Callable[[list[T]], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not so(self.all):
                self._news.clear()
                await self._news.wait()


class Page:
    """A page's audio and messages, looped back to the test: it plays when `play_out` says that time goes by."""

    def __init__(self, *, connects: bool = True) -> None:
        self.on_progress: Callable[[], None] | None = None
        self.told = Notes[dict[str, object]]()
        self.played = b""
        self.waiting = b""
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._messages: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._connected = asyncio.Event()
        self._closed = False
        if connects:
            self._connected.set()

    # -- LineTransport

    async def frames(self) -> AsyncIterator[bytes]:
        while (frame := await self._frames.get()) is not None:
            yield frame

    def play(self, mulaw: bytes) -> None:
        self.waiting += mulaw

    def clear(self) -> int:
        self.waiting = b""
        return self.position

    @property
    def position(self) -> int:
        return len(self.played)

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        while (message := await self._messages.get()) is not None:
            yield message

    def send(self, message: dict[str, object]) -> None:
        self.told.add(message)

    async def connected(self) -> None:
        await self._connected.wait()

    @property
    def is_closed(self) -> bool:
        return self._closed

    # -- the person at the page

    def speak(self, frame: bytes) -> None:
        self._frames.put_nowait(frame)

    def message(self, **fields: Any) -> None:
        self._messages.put_nowait(fields)

    def play_out(self, size: int) -> None:
        piece, self.waiting = self.waiting[:size], self.waiting[size:]
        self.played += piece
        if piece and self.on_progress is not None:
            self.on_progress()

    def vanish(self) -> None:
        self._closed = True
        self._connected.set()
        self._frames.put_nowait(None)
        self._messages.put_nowait(None)


@dataclass
class Directory:
    """Notes what it is told, and holds each call's media until the test says that the call is over."""

    statuses: list[StatusUpdate] = field(default_factory=list)
    streams: dict[str, MediaStream] = field(default_factory=dict)
    refuses: bool = False
    fails: int = 0
    """So many statuses can't be noted."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def words(self) -> list[CarrierStatus]:
        return [update.status for update in self.statuses]

    def media_token(self, call_id: str, call_sid: str) -> str | None:
        return f"token of {call_sid}"

    async def on_status(self, call_id: str, update: StatusUpdate) -> None:
        if self.fails:
            self.fails -= 1
            raise DeploymentUnavailable("nobody answers")
        self.statuses.append(update)
        self.news.set()

    async def on_answered_by(self, call_id: str, call_sid: str, answered_by: str) -> None: ...

    async def on_text(self, from_number: str, to_number: str, body: str, message_sid: str) -> None: ...

    async def run_media(self, call_id: str, call_sid: str, token: str, stream: MediaStream) -> None:
        if self.refuses or token != f"token of {call_sid}":
            raise MediaRefused("the call is over")
        self.streams[call_id] = stream
        self.news.set()
        await self.over.wait()

    async def until(self, so: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not so():
                self.news.clear()
                await self.news.wait()

    async def until_told(self, status: CarrierStatus) -> None:
        await self.until(lambda: status in self.words)

    async def stream(self, call_id: str = "call1") -> MediaStream:
        await self.until(lambda: call_id in self.streams)
        return self.streams[call_id]


class SayingVoice:
    """Renders a text as 20 ms for each of its characters, every byte that character; fails on demand."""

    def __init__(self) -> None:
        self.fails = False
        self.said = Notes[str]()
        """What was rendered of each text."""

    async def speak(self, text: str) -> AsyncGenerator[bytes]:
        if self.fails:
            raise VoiceUnavailable("nobody answers")
        said = ""
        try:
            for char in text:
                said += char
                yield bytes([ord(char)]) * FRAME_BYTES
        finally:
            self.said.add(said)

    async def warm_up(self) -> None: ...
    async def close(self) -> None: ...


@dataclass
class Stage:
    hub: LineHub
    directory: Directory
    voice: SayingVoice
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def standing(cls) -> AsyncIterator[Stage]:
        voice, directory = SayingVoice(), Directory()
        hub = LineHub(voice, reach)
        hub.serve(directory)
        stage = cls(hub, directory, voice)
        try:
            yield stage
        finally:
            directory.over.set()
            await hub.close()
            if stage.tasks:
                _, left = await asyncio.wait(stage.tasks, timeout=DEADLINE_S)
                assert not left

    async def talking(self, page: Page, call_id: str = "call1") -> tuple[MediaStream, asyncio.Task[None]]:
        """A call that was placed, rang and was picked up at `page`."""
        await self.hub.place(order(call_id))
        phone = await self.hub.pick_up(call_id, OWNER)
        talk = asyncio.create_task(phone.talk(page))
        self.tasks.append(talk)
        return await self.directory.stream(call_id), talk
