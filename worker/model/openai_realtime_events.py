"""The wire of OpenAI's speech-to-speech sessions (Realtime API, session type `realtime`).

`GET /v1/realtime?model=...` with the key opens a WebSocket of JSON texts, each an object with a `type`.

    session.created                        <-  first of all
    session.update                         ->  audio formats, voice, instructions, tools
    session.updated                        <-
    input_audio_buffer.append              ->  `audio`: base64; mu-law at 8,000 Hz is `audio/pcmu`
    input_audio_buffer.speech_started      <-  `item_id`
    input_audio_buffer.speech_stopped      <-  `item_id`, `audio_end_ms` since the session began; it is committed
    conversation.item.input_audio_transcription.delta | .completed | .failed   <-  the words of an item
    conversation.item.create | .truncate | .delete   ->
    response.create, response.cancel       ->
    response.created                       <-  `response.id`
    response.output_item.added             <-  a `message` or a `function_call`
    response.output_audio_transcript.delta <-  words, before or among their audio
    response.output_audio.delta            <-  base64
    response.output_item.done              <-  a function call's name, `call_id` and arguments are complete
    response.done                          <-  completed, cancelled, incomplete or failed
    error                                  <-  `event_id` names our message; the session mostly goes on

Turn detection is `server_vad` that neither answers nor interrupts: it only cuts the input into items, because
input is transcribed when it is cut, and never before. Who has the turn is the caller's to decide.

Truncating an item drops its audio after `audio_end_ms`, and its whole transcript: the model still knows what was
said up to there. A function call stays open until an item `function_call_output` answers it. An answer can only be
begun when none is under way, and a cancelled one is under way until its `response.done`.

Names and shapes are those of the official client's `types.realtime`. Nothing that arrives is trusted: a message of
another shape is no event.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from worker.model.language_model import Message, Tool
from worker.speech.openai_realtime_wire import CONFIGURE, Created, Problem, problem_of

TRANSCRIBER = "gpt-transcribe"
"""Writes down what the other side says; the model itself needs no transcript."""

CUT_SILENCE_MS = 300
"""Silence that cuts the input into items. Shorter ones lie within words; each longer one delays the transcript."""

MAX_TEXT_CHARS = 8_000
MAX_ARGUMENTS_CHARS = 8_000
MAX_KEYWORDS = 60
MAX_KEYWORD_CHARS = 80
MAX_OUTPUT_TOKENS = 4_096
"""The API's own limit."""
OUTPUT_PER_TEXT_TOKEN = 8
"""A token of text is spoken in about 0.3 s, and audio takes 20 tokens a second, beside the text's own."""

_INPUT = "conversation.item.input_audio_transcription."


@dataclass(frozen=True, slots=True)
class Configured:
    """The session is as we asked."""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    item: str


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    item: str
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class Heard:
    """Words of an input item: added to those before, or all of them."""

    item: str
    text: str
    is_whole: bool


@dataclass(frozen=True, slots=True)
class NotHeard:
    item: str
    problem: Problem


@dataclass(frozen=True, slots=True)
class AnswerBegun:
    answer: str


@dataclass(frozen=True, slots=True)
class ItemBegun:
    answer: str
    item: str
    is_speech: bool


@dataclass(frozen=True, slots=True)
class Words:
    answer: str
    text: str


@dataclass(frozen=True, slots=True)
class Audio:
    answer: str
    item: str
    mulaw: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """A complete function call."""

    answer: str
    item: str
    call: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class AnswerDone:
    answer: str
    status: str
    problem: Problem
    input_tokens: int | None
    output_tokens: int | None


Event = (
    Created
    | Configured
    | SpeechStarted
    | SpeechStopped
    | Heard
    | NotHeard
    | AnswerBegun
    | ItemBegun
    | Words
    | Audio
    | Call
    | AnswerDone
    | Problem
)


def parse(message: bytes | str) -> Event | None:
    """One message; None if it says nothing that matters here."""
    try:
        body = orjson.loads(message)
    except orjson.JSONDecodeError:
        return None
    match body:
        # The most frequent first.
        case {"type": "response.output_audio.delta", "response_id": str(answer), "item_id": str(item),
              "delta": str(delta)}:  # fmt: skip
            try:
                return Audio(answer, item, base64.b64decode(delta, validate=True))
            except binascii.Error:
                return None
        case {"type": "response.output_audio_transcript.delta", "response_id": str(answer), "delta": str(text)}:
            return Words(answer, text[:MAX_TEXT_CHARS])
        case {"type": "response.created", "response": {"id": str(answer)}}:
            return AnswerBegun(answer)
        case {"type": "response.output_item.added", "response_id": str(answer), "item": {"id": str(item)} as what}:
            return ItemBegun(answer, item, what.get("type") == "message")
        case {"type": "response.output_item.done", "response_id": str(answer),
              "item": {"type": "function_call", "id": str(item), "call_id": str(call), "name": str(name),
                       "arguments": str(arguments)}}:  # fmt: skip
            return Call(answer, item, call, name[:100], arguments[:MAX_ARGUMENTS_CHARS])
        case {"type": "response.done", "response": {"id": str(answer), "status": str(status)} as response}:
            return _done(answer, status, response)
        case {"type": "input_audio_buffer.speech_started", "item_id": str(item)}:
            return SpeechStarted(item)
        case {"type": "input_audio_buffer.speech_stopped", "item_id": str(item), "audio_end_ms": int(end_ms)}:
            return SpeechStopped(item, end_ms)
        case {"type": str(kind), "item_id": str(item)} if kind.startswith(_INPUT):
            return _transcription(kind.removeprefix(_INPUT), item, body)
        case {"type": "session.created"}:
            return Created()
        case {"type": "session.updated"}:
            return Configured()
        case {"type": "error", "error": dict(error)}:
            return problem_of(error)
    return None


def _transcription(kind: str, item: str, body: dict[str, Any]) -> Event | None:
    match kind, body:
        case "delta", {"delta": str(text)}:
            return Heard(item, text[:MAX_TEXT_CHARS], is_whole=False)
        case "completed", {"transcript": str(text)}:
            return Heard(item, text[:MAX_TEXT_CHARS], is_whole=True)
        case "failed", _:
            return NotHeard(item, problem_of(body.get("error")))
    return None


def _done(answer: str, status: str, response: dict[str, Any]) -> AnswerDone:
    details, usage = response.get("status_details"), response.get("usage")
    error = details.get("error") if isinstance(details, dict) else None
    tokens = usage if isinstance(usage, dict) else {}
    return AnswerDone(
        answer, status, problem_of(error), _count(tokens.get("input_tokens")), _count(tokens.get("output_tokens"))
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# -- what we send ---------------------------------------------------------------------------------------------


def _text(message: dict[str, Any]) -> str:
    return orjson.dumps(message).decode()


def configure(*, voice: str, language: str, hints: Sequence[str]) -> str:
    """Formats, voice and transcription. `language`: a BCP-47 tag, of which the first part is used (ISO 639-1)."""
    transcription: dict[str, Any] = {"model": TRANSCRIBER}
    if short := language.partition("-")[0].lower():
        transcription["languages"] = [short]
    if keywords := [hint for hint in hints if 0 < len(hint) <= MAX_KEYWORD_CHARS][:MAX_KEYWORDS]:
        transcription["keywords"] = keywords
    hears = {
        "format": {"type": "audio/pcmu"},
        "transcription": transcription,
        "turn_detection": {
            "type": "server_vad",
            "create_response": False,
            "interrupt_response": False,
            "silence_duration_ms": CUT_SILENCE_MS,
        },
    }
    speaks = {"format": {"type": "audio/pcmu"}, "voice": voice}
    session = {"type": "realtime", "output_modalities": ["audio"], "audio": {"input": hears, "output": speaks}}
    return _text({"type": "session.update", "event_id": CONFIGURE, "session": session})


def instruct(instructions: str, tools: Sequence[Tool]) -> str:
    functions = [
        {"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.parameters}
        for tool in tools
    ]
    session = {"type": "realtime", "instructions": instructions, "tools": functions}
    return _text({"type": "session.update", "event_id": CONFIGURE, "session": session})


def create_answer(event_id: str, max_text_tokens: int) -> str:
    most = min(MAX_OUTPUT_TOKENS, max_text_tokens * OUTPUT_PER_TEXT_TOKEN)
    return _text({"type": "response.create", "event_id": event_id, "response": {"max_output_tokens": most}})


def cancel_answer(event_id: str, answer: str | None) -> str:
    message = {"type": "response.cancel", "event_id": event_id}
    return _text(message if answer is None else message | {"response_id": answer})


def create_message(message: Message) -> str:
    """A message in text. What Floyd said is `output_text`, what others said or told is `input_text`."""
    kind = "output_text" if message.role == "assistant" else "input_text"
    content = [{"type": kind, "text": message.content}]
    return _create({"type": "message", "role": message.role, "content": content})


def answer_call(call: str, output: str) -> str:
    return _create({"type": "function_call_output", "call_id": call, "output": output})


def _create(item: dict[str, Any]) -> str:
    return _text({"type": "conversation.item.create", "item": item})


def truncate(item: str, audio_end_ms: int) -> str:
    message = {"type": "conversation.item.truncate", "item_id": item, "content_index": 0}
    return _text(message | {"audio_end_ms": audio_end_ms})


def delete(item: str) -> str:
    return _text({"type": "conversation.item.delete", "item_id": item})
