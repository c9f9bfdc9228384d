"""Which recogniser listens: the one place that knows all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from worker.speech.recognizer import Recognizer

if TYPE_CHECKING:
    from worker.settings import Settings


def recognizer_of(settings: Settings) -> Recognizer:
    """FLOYD_RECOGNIZER's; or a speech-to-speech model (FLOYD_CONVERSATION), whose sessions recognise and answer.

    Only its client is imported: each takes a good part of a second."""
    if settings.floyd_conversation == "realtime":
        from worker.model.openai_realtime import OpenAIRealtime

        return OpenAIRealtime(settings)
    match settings.floyd_recognizer:
        case "google":
            from worker.speech.google import GoogleRecognizer

            return GoogleRecognizer(settings)
        case "openai":
            from worker.speech.openai_transcription import OpenAIRecognizer

            return OpenAIRecognizer(settings)
        case unknown:
            assert_never(unknown)
