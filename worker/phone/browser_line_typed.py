"""Typed words as sound on the line: spoken by a voice, so that everything behind hears them as it hears a caller.

A text is spoken when all of it has been rendered: a voice that falters in the middle of a sentence would be heard
as a person who falters. Texts that come meanwhile wait their turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from worker.audio.g711 import SILENCE
from worker.phone.media import FRAME_BYTES, SAMPLE_RATE_HZ
from worker.speech.voice import Voice, VoiceUnavailable

log = structlog.get_logger(__name__)

LONGEST_TEXT = 500
"""Characters: half a minute of speech. Nobody on a telephone says more in one go."""
MOST_WAITING = 5
"""Texts that wait for the one being spoken."""
LONGEST_SPEECH_BYTES = 90 * SAMPLE_RATE_HZ
"""A voice that does not stop is stopped."""
RENDER_DEADLINE_S = 20.0
"""Voices render several times as fast as they are spoken."""


class CannotSay(Exception):
    """The text was not taken. The message is fit for a person to read."""


class TypedWords:
    """`on_spoken(text)` is called when a text begins to be heard, `on_failed(text, message)` if it never will."""

    def __init__(
        self,
        voice: Voice,
        *,
        on_spoken: Callable[[str], None],
        on_failed: Callable[[str, str], None],
    ) -> None:
        self._voice = voice
        self._on_spoken = on_spoken
        self._on_failed = on_failed
        self._texts: deque[str] = deque()
        self._rendered: deque[tuple[str, bytes]] = deque()
        self._speech = b""
        self._at = 0
        self._rendering: asyncio.Task[None] | None = None

    def say(self, text: str) -> None:
        """Raises `CannotSay` for a text that is empty or too long, or when too many wait already."""
        text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
        if not text:
            raise CannotSay("There are no words in that.")
        if len(text) > LONGEST_TEXT:
            raise CannotSay(f"That is too long to be said at once: {LONGEST_TEXT} characters at most.")
        if len(self._texts) + len(self._rendered) >= MOST_WAITING:
            raise CannotSay("What you typed before is still being said: wait a moment.")
        self._texts.append(text)
        if self._rendering is None or self._rendering.done():
            self._rendering = asyncio.create_task(self._render())

    def next_frame(self) -> bytes | None:
        """The next 20 ms of what is being said, the last one filled up with silence; None when nothing is."""
        if self._at >= len(self._speech):
            if not self._rendered:
                return None
            text, self._speech = self._rendered.popleft()
            self._at = 0
            self._on_spoken(text)
        frame = self._speech[self._at : self._at + FRAME_BYTES]
        self._at += FRAME_BYTES
        return frame.ljust(FRAME_BYTES, bytes([SILENCE]))

    async def close(self) -> None:
        """Nothing more is said."""
        self._texts.clear()
        self._rendered.clear()
        self._speech = b""
        if self._rendering is not None:
            self._rendering.cancel()
            await asyncio.wait([self._rendering])

    async def _render(self) -> None:
        while self._texts:
            text = self._texts[0]
            try:
                async with asyncio.timeout(RENDER_DEADLINE_S):
                    speech = await self._spoken(text)
            except (VoiceUnavailable, TimeoutError) as error:
                log.warning("line.typed_words_not_spoken", reason=str(error) or "not rendered in time")
                self._texts.popleft()
                self._on_failed(text, "The voice that says what you type can't be reached. Try again, or speak.")
                continue
            self._texts.popleft()
            if speech:
                self._rendered.append((text, speech))
            else:
                self._on_failed(text, "The voice could not say that.")

    async def _spoken(self, text: str) -> bytes:
        speech = bytearray()
        chunks = self._voice.speak(text)
        try:
            async for chunk in chunks:
                speech += chunk
                if len(speech) >= LONGEST_SPEECH_BYTES:
                    break
        finally:
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()
        return bytes(speech[:LONGEST_SPEECH_BYTES])
