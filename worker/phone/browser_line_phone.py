"""A call in the hands of one page: its audio, what is typed and pressed there, and laying the phone down.

What the page sends over its data channel is one JSON object a message:

    {"kind": "say", "text": "..."}     typed words, to be spoken on the line by the configured voice
    {"kind": "digit", "key": "1"}      a key: 0-9, *, #, A-D
    {"kind": "hangUp"}

It is told {"kind": "spoken", "text"} when typed words begin to be heard, {"kind": "error", "code", "message"} for
what could not be done (with "text" for typed words that were not spoken), and {"kind": "ended"} when the call is
over.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from worker.phone.browser_line_media import BrowserMedia, LineTransport
from worker.phone.browser_line_typed import CannotSay, TypedWords
from worker.phone.carrier import CarrierStatus
from worker.speech.voice import Voice

CONNECT_S = 10.0
"""From picking up to hearing each other. Two machines find each other within a second, or not at all."""

LAST_SOUND_S = 0.3
"""What was sent last is still in the page's buffer when the call ends; a connection that is closed at once takes
the end of the goodbye with it."""

KEYS = frozenset("0123456789*#ABCD")


class Exchange(Protocol):
    """What the phone asks of the line that its call came over."""

    async def connect(self, media: BrowserMedia) -> None:
        """Let them talk; returns when the call is over."""
        ...

    def end(self, status: CarrierStatus) -> None:
        """The call is over at this side."""
        ...

    def ring_on(self) -> None:
        """The page could not be connected: whoever else hears it ring may pick up."""
        ...


class BrowserPhone:
    def __init__(self, call_id: str, exchange: Exchange, voice: Voice) -> None:
        self.call_id = call_id
        self._exchange = exchange
        self._voice = voice
        self._media: BrowserMedia | None = None
        self._over = asyncio.Event()

    async def talk(self, transport: LineTransport) -> None:
        """Connect, and talk until the call is over or the page is gone. Close the page's connection afterwards."""
        if await self._is_connected(transport):
            await self._talk(transport)
        else:
            self.put_back()

    def put_back(self) -> None:
        """There will be no connection to the page: the call rings on for the others."""
        if self._media is None and not self._over.is_set():
            self._over.set()
            self._exchange.ring_on()

    def end(self, *, clean: bool) -> None:
        """The line's word that the call is over."""
        self._over.set()
        if self._media is not None:
            self._media.end(clean=clean)

    async def _is_connected(self, transport: LineTransport) -> bool:
        connecting = asyncio.ensure_future(transport.connected())
        over = asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait({connecting, over}, timeout=CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
            return connecting.done() and not self._over.is_set() and not transport.is_closed
        finally:
            connecting.cancel()
            over.cancel()

    async def _talk(self, transport: LineTransport) -> None:
        typed = TypedWords(
            self._voice,
            on_spoken=lambda text: transport.send({"kind": "spoken", "text": text}),
            on_failed=lambda text, message: transport.send(
                {"kind": "error", "code": "NOT_SPOKEN", "message": message, "text": text}
            ),
        )
        self._media = media = BrowserMedia(transport, typed)
        tasks = [
            asyncio.create_task(self._listen(transport, media)),
            asyncio.create_task(self._obey(transport, media, typed)),
        ]
        try:
            await self._exchange.connect(media)
        finally:
            self.end(clean=True)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await typed.close()
        if not transport.is_closed:
            transport.send({"kind": "ended"})
            await asyncio.sleep(LAST_SOUND_S)

    async def _listen(self, transport: LineTransport, media: BrowserMedia) -> None:
        async for mulaw in transport.frames():
            media.hear(mulaw)
        # The page went without a word: a line that broke.
        self._exchange.end(CarrierStatus.FAILED)

    async def _obey(self, transport: LineTransport, media: BrowserMedia, typed: TypedWords) -> None:
        async for message in transport.messages():
            try:
                self._do(message, media, typed)
            except ValueError as error:
                transport.send({"kind": "error", "code": "BAD_INPUT", "message": str(error)})
            except CannotSay as error:
                transport.send({"kind": "error", "code": "NOT_SPOKEN", "message": str(error)})

    def _do(self, message: dict[str, Any], media: BrowserMedia, typed: TypedWords) -> None:
        match message.get("kind"):
            case "say":
                typed.say(_text(message, "text"))
            case "digit":
                key = _text(message, "key")
                if key not in KEYS:
                    raise ValueError("key must be one of 0-9, *, #, A-D")
                media.press(key)
            case "hangUp":
                self._exchange.end(CarrierStatus.COMPLETED)
            case _:
                raise ValueError('kind must be "say", "digit" or "hangUp"')


def _text(message: dict[str, Any], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text")
    return value
