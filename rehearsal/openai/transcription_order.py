"""The messages a transcription session takes, checked: what is to be heard, and how.

Refusals have the words and codes of OpenAI's where those are known, and say which field is wrong.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_AUDIO_BYTES = 15 * 1024 * 1024

STREAMING_MODELS = ("gpt-live-transcribe", "gpt-realtime-whisper")
"""Deltas come while the audio does."""
KEYWORD_MODELS = ("gpt-live-transcribe", "gpt-transcribe")
MODELS = (
    *STREAMING_MODELS,
    "gpt-transcribe",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-4o-mini-transcribe-2025-12-15",
    "whisper-1",
)


class Refused(Exception):
    """An `error` event is due."""

    def __init__(self, message: str, *, code: str | None, param: str | None = None, event_id: str | None = None):
        super().__init__(message)
        self.message, self.code, self.param, self.event_id = message, code, param, event_id

    def event(self) -> dict[str, Any]:
        error = {
            "type": "invalid_request_error",
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "event_id": self.event_id,
        }
        return {"type": "error", "error": error}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Format(_Part):
    type: Literal["audio/pcm", "audio/pcmu", "audio/pcma"]
    rate: Literal[24000] | None = None


class _Transcription(_Part):
    model: str
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] | None = None
    languages: list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]] | None = None
    prompt: str | None = None
    keywords: list[str] | None = None
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class _TurnDetection(_Part):
    type: Literal["server_vad", "semantic_vad"]
    threshold: float | None = None
    prefix_padding_ms: int | None = None
    silence_duration_ms: int | None = None
    eagerness: str | None = None


class _NoiseReduction(_Part):
    type: Literal["near_field", "far_field"]


class _Input(_Part):
    format: _Format
    transcription: _Transcription
    turn_detection: _TurnDetection | None = None
    noise_reduction: _NoiseReduction | None = None


class _Audio(_Part):
    input: _Input


class _Session(_Part):
    type: Literal["transcription"]
    audio: _Audio
    include: list[Literal["item.input_audio_transcription.logprobs"]] | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A session as it was asked for."""

    session: dict[str, Any]
    streams: bool
    """Deltas before the commit."""


def event_of(message: str | bytes) -> dict[str, Any]:
    """A client's message. Raises `Refused`."""
    try:
        body = orjson.loads(message)
    except orjson.JSONDecodeError:
        raise Refused("We could not parse the JSON of your message.", code="invalid_json") from None
    if not isinstance(body, dict) or not isinstance(body.get("type"), str):
        raise Refused("Missing required parameter: 'type'.", code="missing_required_parameter", param="type")
    return body


def order_of(event: dict[str, Any]) -> Order:
    """What a `session.update` asks for. Raises `Refused`."""
    asked = event.get("session")
    if isinstance(asked, dict) and asked.get("type") == "realtime":
        raise Refused(
            "Passing a realtime session update event to a transcription session is not allowed.",
            code="invalid_parameter",
            param="session.type",
        )
    try:
        session = _Session.model_validate(asked)
    except ValidationError as error:
        raise _refusal(dict(error.errors()[0])) from None
    heard = session.audio.input
    _check_model(heard.transcription)
    if heard.turn_detection is not None:
        raise Refused(
            "Turn detection is not supported for this transcription model.",
            code="invalid_value",
            param="session.audio.input.turn_detection",
        )
    if heard.format.type != "audio/pcmu":
        raise Refused(
            f"This stand-in hears audio/pcmu, not {heard.format.type}.",
            code="invalid_value",
            param="session.audio.input.format.type",
        )
    return Order(session.model_dump(exclude_none=True), heard.transcription.model in STREAMING_MODELS)


def audio_of(event: dict[str, Any]) -> bytes:
    """The audio of an `input_audio_buffer.append`. Raises `Refused`."""
    audio = event.get("audio")
    if not isinstance(audio, str):
        raise Refused("Missing required parameter: 'audio'.", code="missing_required_parameter", param="audio")
    try:
        content = base64.b64decode(audio, validate=True)
    except binascii.Error:
        raise Refused(
            "Invalid 'audio'. Expected base64-encoded audio bytes.", code="invalid_value", param="audio"
        ) from None
    if len(content) > MAX_AUDIO_BYTES:
        raise Refused(f"'audio' must have at most {MAX_AUDIO_BYTES} bytes.", code="invalid_value", param="audio")
    return content


def _check_model(asked: _Transcription) -> None:
    where = "session.audio.input.transcription"
    if asked.model not in MODELS:
        supported = ", ".join(f"'{model}'" for model in MODELS)
        raise Refused(
            f"Invalid value: '{asked.model}'. Supported values are: {supported}.",
            code="invalid_value",
            param=f"{where}.model",
        )
    unsupported = []
    if asked.model not in KEYWORD_MODELS:
        unsupported += ["keywords", "languages"]
    if asked.model == "gpt-realtime-whisper":
        unsupported += ["prompt"]
    for name in unsupported:
        if getattr(asked, name) is not None:
            raise Refused(
                f"'{name}' is not supported with model '{asked.model}'.",
                code="unsupported_parameter",
                param=f"{where}.{name}",
            )


def _refusal(detail: dict[str, Any]) -> Refused:
    param = ".".join(["session", *(str(part) for part in detail["loc"])])
    match detail["type"]:
        case "extra_forbidden":
            return Refused(f"Unknown parameter: '{param}'.", code="unknown_parameter", param=param)
        case "missing":
            return Refused(
                f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param
            )
        case _:
            return Refused(f"Invalid value for '{param}': {detail['msg']}.", code="invalid_value", param=param)
