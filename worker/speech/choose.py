"""Which recogniser listens and which voice speaks: the one place that knows all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from worker.speech.recognizer import Recognizer
from worker.speech.telephone_voice import SHAPING, TelephoneVoice
from worker.speech.voice import Voice

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


def voice_of(settings: Settings) -> Voice:
    """FLOYD_VOICE's, as the telephone wants it. Only its client is imported."""
    match settings.floyd_voice:
        case "openai":
            from worker.speech.openai import OpenAIVoice

            return TelephoneVoice(OpenAIVoice(settings))
        case "google":
            from worker.speech.google_voice import GoogleVoice

            return TelephoneVoice(GoogleVoice(settings))
        case unknown:
            assert_never(unknown)


def with_voice(settings: Settings, name: str) -> Settings:
    """The same with another of the vendor's voices."""
    match settings.floyd_voice:
        case "openai":
            return settings.model_copy(update={"openai_tts_voice": name})
        case "google":
            return settings.model_copy(update={"google_tts_voice": name})
        case unknown:
            assert_never(unknown)


def voice_name(settings: Settings) -> str:
    """What tells renderings of one voice from another's, whoever serves it."""
    match settings.floyd_voice:
        case "openai":
            parts = (settings.openai_base_url or "", settings.openai_tts_model, settings.openai_tts_voice)
        case "google":
            parts = (settings.google_tts_endpoint or "", "google", settings.google_tts_voice)
        case unknown:
            assert_never(unknown)
    return " ".join((*parts, SHAPING))
