"""The words a callee may say, rendered before the phone rings, so that none of them makes anybody wait."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from rehearsal import g711
from rehearsal.ear import PhraseBook
from rehearsal.voice import DEFAULT_RATE_WPM, DEFAULT_VOICE, Voice

Lines = Mapping[str, bytes]
"""Text to mu-law at 8,000 Hz."""


async def render_lines(
    voice: Voice,
    phrasebook: PhraseBook,
    texts: Iterable[str],
    *,
    name: str = DEFAULT_VOICE,
    rate_wpm: int = DEFAULT_RATE_WPM,
) -> Lines:
    """Render texts in a thread, and make them known to whoever listens. Raises UnknownVoice."""

    def render() -> dict[str, bytes]:
        rendered = {}
        for text in texts:
            speech = voice.render(text, voice=name, rate_wpm=rate_wpm)
            phrasebook.add(speech)
            rendered[text] = g711.encode(speech.pcm16_8k)
        return rendered

    return await asyncio.to_thread(render)
