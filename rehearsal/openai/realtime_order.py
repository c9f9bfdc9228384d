"""The messages a speech-to-speech session takes, checked. Shapes are those of OpenAI's API reference ("Realtime",
client events); a field that is not known there is refused here too."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from rehearsal.openai.speech import VOICES
from rehearsal.openai.transcription_order import Refused

REALTIME_VOICES = {name: VOICES[name] for name in VOICES.keys() - {"fable", "nova", "onyx"}} | {
    "cedar": "en-us+m7",
    "marin": "en-us+f1",
}
"""The API's voices, and which of espeak-ng's speaks for each."""
MOST_TOKENS = 4096


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Format(_Part):
    type: Literal["audio/pcm", "audio/pcmu", "audio/pcma"]
    rate: Literal[24000] | None = None


class Transcription(_Part):
    model: str
    language: str | None = None
    languages: list[str] | None = None
    prompt: str | None = None
    keywords: list[str] | None = None


class ServerVad(_Part):
    type: Literal["server_vad"]
    create_response: bool = True
    interrupt_response: bool = True
    prefix_padding_ms: int | None = None
    silence_duration_ms: Annotated[int, Field(ge=0)] | None = None
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None


class _Input(_Part):
    format: _Format | None = None
    transcription: Transcription | None = None
    turn_detection: ServerVad | None = None


class _Output(_Part):
    format: _Format | None = None
    voice: str | None = None
    speed: Annotated[float, Field(ge=0.25, le=1.5)] | None = None


class _Audio(_Part):
    input: _Input | None = None
    output: _Output | None = None


class _Function(_Part):
    type: Literal["function"]
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


_MaxTokens = Annotated[int, Field(ge=1, le=MOST_TOKENS)] | Literal["inf"] | None


class Session(_Part):
    type: Literal["realtime"]
    audio: _Audio | None = None
    instructions: str | None = None
    tools: list[_Function] | None = None
    output_modalities: list[Literal["audio"]] | None = None
    max_output_tokens: _MaxTokens = None


class _Content(_Part):
    type: Literal["input_text", "output_text"]
    text: str


class Message(_Part):
    type: Literal["message"]
    role: Literal["system", "user", "assistant"]
    content: Annotated[list[_Content], Field(min_length=1)]
    id: str | None = None

    @property
    def text(self) -> str:
        return " ".join(part.text for part in self.content)


class FunctionOutput(_Part):
    type: Literal["function_call_output"]
    call_id: str
    output: str
    id: str | None = None


class ResponseOrder(_Part):
    max_output_tokens: _MaxTokens = None
    instructions: str | None = None


class Create(_Part):
    item: Annotated[Message | FunctionOutput, Field(discriminator="type")]
    previous_item_id: str | None = None


class Truncate(_Part):
    item_id: str
    content_index: Literal[0]
    audio_end_ms: Annotated[int, Field(ge=0)]


class Delete(_Part):
    item_id: str


class Update(_Part):
    session: Session


class Respond(_Part):
    response: ResponseOrder = ResponseOrder()


class Cancel(_Part):
    response_id: str | None = None


class Nothing(_Part):
    pass


Order = Create | Truncate | Delete | Update | Respond | Cancel | Nothing

_KINDS: dict[str, type[Order]] = {
    "session.update": Update,
    "response.create": Respond,
    "response.cancel": Cancel,
    "conversation.item.create": Create,
    "conversation.item.truncate": Truncate,
    "conversation.item.delete": Delete,
    "input_audio_buffer.commit": Nothing,
    "input_audio_buffer.clear": Nothing,
}
KINDS = (*_KINDS, "input_audio_buffer.append")


def order_of(event: dict[str, Any]) -> Order:
    """A client's message. Raises `Refused`."""
    kind = event["type"]
    model = _KINDS.get(kind)
    if model is None:
        supported = ", ".join(f"'{one}'" for one in KINDS)
        raise Refused(
            f"Invalid value: '{kind}'. Supported values are: {supported}.", code="invalid_value", param="type"
        )
    fields = {name: value for name, value in event.items() if name not in ("type", "event_id")}
    try:
        order: Order = TypeAdapter(model).validate_python(fields)
    except ValidationError as error:
        raise _refusal(dict(error.errors()[0])) from None
    if isinstance(order, Update):
        _check(order.session)
    if isinstance(order, Create) and isinstance(order.item, Message):
        wanted = "output_text" if order.item.role == "assistant" else "input_text"
        if any(part.type != wanted for part in order.item.content):
            raise Refused(
                f"Invalid value for 'item.content': a message of role {order.item.role} holds {wanted}.",
                code="invalid_value",
                param="item.content",
            )
    return order


def _check(session: Session) -> None:
    audio = session.audio or _Audio()
    for side, part in (("input", audio.input), ("output", audio.output)):
        if part is not None and part.format is not None and part.format.type != "audio/pcmu":
            raise Refused(
                f"This stand-in knows audio/pcmu, not {part.format.type}.",
                code="invalid_value",
                param=f"session.audio.{side}.format.type",
            )
    voice = audio.output.voice if audio.output else None
    if voice is not None and voice not in REALTIME_VOICES:
        supported = ", ".join(f"'{one}'" for one in sorted(REALTIME_VOICES))
        raise Refused(
            f"Invalid value: '{voice}'. Supported values are: {supported}.",
            code="invalid_value",
            param="session.audio.output.voice",
        )
    vad = audio.input.turn_detection if audio.input else None
    if vad is not None and (vad.create_response or vad.interrupt_response):
        raise Refused(
            "This stand-in does not answer by itself: set create_response and interrupt_response to false.",
            code="invalid_value",
            param="session.audio.input.turn_detection",
        )


def _refusal(detail: dict[str, Any]) -> Refused:
    param = ".".join(str(part) for part in detail["loc"])
    match detail["type"]:
        case "extra_forbidden":
            return Refused(f"Unknown parameter: '{param}'.", code="unknown_parameter", param=param)
        case "missing":
            return Refused(
                f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param
            )
        case _:
            return Refused(f"Invalid value for '{param}': {detail['msg']}.", code="invalid_value", param=param)
