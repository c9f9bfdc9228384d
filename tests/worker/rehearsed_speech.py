"""The rehearsed voice and recogniser, served in this process, and speech that they know."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import grpc.aio
from page_side import Samples
from phone_support import make_settings

from rehearsal.delays import Delays
from rehearsal.google import server as google_server
from rehearsal.resample import resample
from rehearsal.state import RehearsalState
from worker.speech.google import GoogleRecognizer


class RehearsedSpeech:
    def __init__(self, state: RehearsalState, recognizer: GoogleRecognizer, server: grpc.aio.Server) -> None:
        self.state = state
        self.recognizer = recognizer
        self._server = server

    async def stop(self) -> None:
        """The recogniser goes away, its streams too."""
        await self._server.stop(0)

    @property
    def delays(self) -> Delays:
        return self.state.delays

    def say(self, text: str, *, voice: str = "en-us+f5") -> Samples:
        """The text as a microphone hears it, at 8,000 Hz; the recogniser knows it from now on."""
        speech = self.state.voice.render(text, voice=voice)
        self.state.phrasebook.add(speech)
        return resample(speech.pcm16_24k, 24_000, 8_000)


@contextlib.asynccontextmanager
async def rehearsed_speech() -> AsyncIterator[RehearsedSpeech]:
    state = RehearsalState.load()
    server, port = await google_server.start(state, 0)
    settings = make_settings(google_speech_endpoint=f"127.0.0.1:{port}", google_speech_plaintext=True)
    recognizer = GoogleRecognizer(settings)
    try:
        yield RehearsedSpeech(state, recognizer, server)
    finally:
        await recognizer.close()
        await server.stop(0)
