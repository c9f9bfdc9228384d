"""A voice that is given written text and says it as a person would, in the language of a call."""

from __future__ import annotations

from collections.abc import AsyncIterator

from worker.speech.spoken import DEFAULT_LANGUAGE, spoken
from worker.speech.voice import Voice


class SpokenVoice:
    """Fulfils `worker.speech.voice.Voice` with another one. `language` is a BCP-47 tag; empty: the default."""

    def __init__(self, voice: Voice, language: str = DEFAULT_LANGUAGE) -> None:
        self._voice = voice
        self._language = language or DEFAULT_LANGUAGE

    def speak(self, text: str) -> AsyncIterator[bytes]:
        return self._voice.speak(spoken(text, self._language))

    async def warm_up(self) -> None:
        await self._voice.warm_up()

    async def close(self) -> None:
        await self._voice.close()
