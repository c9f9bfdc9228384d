"""A voice made ready for the telephone: no silence in front, a natural pause behind, as loud as any other.

Every provider's audio goes through here, so that clauses of one follow each other evenly, and phrases that were
rendered before sound like sentences that are spoken now.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from worker.audio.edges import Edges
from worker.audio.loudness import Level, amplified
from worker.speech.voice import Voice

SENTENCE_PAUSE_S = 0.1
"""After a sentence. As its last sound dies away and the next begins softly, that is 0.2 to 0.3 s to the ear; with
much more the other side takes it for the end, and begins to speak."""
CLAUSE_PAUSE_S = 0.05
"""After a comma."""
NO_PAUSE_S = 0.01
"""Where a clause was cut between words."""

_SENTENCE_ENDS = frozenset(".!?…。！？؟।")
_CLAUSE_ENDS = frozenset(",;:—–，、；：")

SHAPING = "shaped 1"
"""Names what is done here, for those who keep the audio: what was kept before it was done is rendered again."""


class TelephoneVoice:
    """Fulfils `worker.speech.voice.Voice` with another one.

    The first words that a voice ever says are held until a second of speech tells how loud it is: usually those of
    a phrase that is rendered before the first call, and nobody waits."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._level = Level()

    async def speak(self, text: str) -> AsyncGenerator[bytes]:
        self._level.settle()
        gain_db = self._level.gain_db if self._level.known else None
        edges = Edges(pause_after_s(text))
        chunks = self._voice.speak(text)
        held = b""
        try:
            async for chunk in chunks:
                self._level.note(chunk)
                held += edges.feed(chunk)
                if gain_db is None and self._level.known:
                    self._level.settle()
                    gain_db = self._level.gain_db
                if held and gain_db is not None:
                    yield amplified(held, gain_db)
                    held = b""
            if held := held + edges.flush():
                yield amplified(held, gain_db or 0.0)
        finally:
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()

    async def warm_up(self) -> None:
        await self._voice.warm_up()

    async def close(self) -> None:
        await self._voice.close()


def pause_after_s(text: str) -> float:
    """The pause that the end of a clause asks for."""
    last = text.rstrip().rstrip("\"'”’)»")[-1:]
    if last in _SENTENCE_ENDS:
        return SENTENCE_PAUSE_S
    return CLAUSE_PAUSE_S if last in _CLAUSE_ENDS else NO_PAUSE_S
