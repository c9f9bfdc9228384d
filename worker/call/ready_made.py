"""Sentences that Floyd says by code, rendered once per voice and kept on disk.

The disclosure is rendered before the phone rings, and the ways out of trouble while it does, so that they can be
spoken at once, and even after the voice has failed. A file that is damaged is rendered again; a disk that is full
costs the file, not the call.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import structlog

from worker.audio.files import UnreadableAudio, load_opening, save_opening
from worker.call.reply import ClauseAudio
from worker.speech.voice import Voice, VoiceUnavailable

log = structlog.get_logger(__name__)

RENDER_DEADLINE_S = 15.0
"""For one sentence. A voice that needs longer can't hold a conversation."""

KEPT_IN_MEMORY = 200
"""Sentences, of some 30 KB each."""

CHUNK_BYTES = 4_000
"""Half a second of audio a message."""


class RecordedClause:
    """A sentence whose audio is there already. It is also a `SpeechSource` of one clause."""

    def __init__(self, text: str, mulaw: bytes) -> None:
        self.text = text
        self.mulaw = mulaw

    async def chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.mulaw), CHUNK_BYTES):
            yield self.mulaw[start : start + CHUNK_BYTES]

    async def clauses(self) -> AsyncIterator[ClauseAudio]:
        yield self


class ReadyMade:
    """One voice's sentences. `voice_name` tells voices apart on disk."""

    def __init__(self, folder: Path, voice: Voice, voice_name: str) -> None:
        self._folder = folder
        self._voice = voice
        self._voice_name = voice_name
        self._kept: OrderedDict[str, RecordedClause] = OrderedDict()
        self._preparing: asyncio.Task[None] | None = None
        self._rendering: dict[str, asyncio.Task[RecordedClause]] = {}

    async def get(self, text: str) -> RecordedClause:
        """The sentence's audio, from memory, from disk or from the voice. Raises `VoiceUnavailable`."""
        kept = self._kept.get(text)
        if kept is not None:
            self._kept.move_to_end(text)
            return kept
        task = self._rendering.get(text)
        if task is None:
            task = asyncio.create_task(self._make(text))
            self._rendering[text] = task
            task.add_done_callback(lambda _: self._rendering.pop(text, None))
        # Several calls may wait for one rendering: whoever gives up must not take it from the others.
        return await asyncio.shield(task)

    def at_hand(self, text: str) -> RecordedClause | None:
        """The sentence, if it can be said at once."""
        return self._kept.get(text)

    def prepare(self, texts: Iterable[str]) -> None:
        """Render what is not there yet, in the background, one after the other; failures are noted and left."""
        missing = [text for text in texts if text not in self._kept]
        if missing and (self._preparing is None or self._preparing.done()):
            self._preparing = asyncio.create_task(self._prepare(missing))

    async def close(self) -> None:
        """Stop rendering."""
        tasks = [*self._rendering.values(), *([self._preparing] if self._preparing else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _prepare(self, texts: list[str]) -> None:
        for text in texts:
            try:
                await self.get(text)
            except VoiceUnavailable as error:
                log.warning("voice.phrase_not_rendered", reason=str(error))
                return

    async def _make(self, text: str) -> RecordedClause:
        path = self._path(text)
        try:
            mulaw = await load_opening(path)
        except (UnreadableAudio, OSError) as error:
            log.warning("voice.kept_phrase_unreadable", file=path.name, reason=str(error))
            mulaw = None
        if not mulaw:
            mulaw = await self._render(text)
            try:
                await save_opening(path, mulaw)
            except OSError as error:
                log.warning("voice.phrase_not_kept", file=path.name, reason=str(error))
        clause = RecordedClause(text, mulaw)
        self._kept[text] = clause
        while len(self._kept) > KEPT_IN_MEMORY:
            self._kept.popitem(last=False)
        return clause

    async def _render(self, text: str) -> bytes:
        audio = bytearray()
        try:
            async with asyncio.timeout(RENDER_DEADLINE_S):
                async for chunk in self._voice.speak(text):
                    audio += chunk
        except TimeoutError:
            raise VoiceUnavailable(f"no speech within {RENDER_DEADLINE_S:g} s") from None
        if not audio:
            raise VoiceUnavailable("the voice returned no audio")
        return bytes(audio)

    def _path(self, text: str) -> Path:
        key = hashlib.sha256(f"{self._voice_name}\n{text}".encode()).hexdigest()[:32]
        return self._folder / f"{key}.wav"
