"""The wire of OpenAI's streaming transcription (Realtime API, session type `transcription`).

`GET /v1/realtime?intent=transcription` with the key opens a WebSocket of JSON texts, each an object with a `type`.

    session.created                                   <-  first of all
    session.update                                    ->  type transcription: audio format, model, hints
    session.updated                                   <-
    input_audio_buffer.append (audio: base64)         ->  mu-law at 8,000 Hz is `audio/pcmu`
    conversation.item.input_audio_transcription.delta <-  words, in addition to those before, by item
    input_audio_buffer.commit                         ->  here the utterance ends; 100 ms of audio at least
    input_audio_buffer.committed                      <-  which item it has become
    conversation.item.input_audio_transcription.completed | .failed   <-  the words of an item, in any order
    error                                             <-  the session goes on, or the socket closes after it

`gpt-live-transcribe` and `gpt-realtime-whisper` send deltas while the audio comes; the other models only after the
commit. The first two take no `turn_detection`, and all take none: so it is always null, and Floyd commits. The
names of a session's fields are those of the official client's `types.realtime`.

Nothing that arrives is trusted: a message of another shape is no event, and texts are cut at a length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from worker.speech.openai_realtime_wire import CONFIGURE, Created, Problem, problem_of

COMMIT = '{"type":"input_audio_buffer.commit"}'

MAX_TEXT_CHARS = 8_000
"""Of a transcript: more than can be said in one utterance."""

MAX_KEYWORDS = 60
"""More of them blur each other."""
MAX_KEYWORD_CHARS = 80

_KEYWORD_MODELS = ("gpt-live-transcribe", "gpt-transcribe")
"""They take hints as `keywords`, and `languages`; others `prompt` and `language`. Dated names begin alike."""
_HINTLESS_MODELS = ("gpt-realtime-whisper",)

_EVENT = "conversation.item.input_audio_transcription."


@dataclass(frozen=True, slots=True)
class Delta:
    item: str
    text: str


@dataclass(frozen=True, slots=True)
class Committed:
    item: str


@dataclass(frozen=True, slots=True)
class Completed:
    item: str
    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    item: str
    problem: Problem


Event = Created | Delta | Committed | Completed | Failed | Problem


def parse(message: bytes | str) -> Event | None:
    """One message; None if it says nothing that matters here."""
    try:
        body = orjson.loads(message)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict):
        return None
    match body:
        case {"type": "session.created"}:
            return Created()
        case {"type": "input_audio_buffer.committed", "item_id": str(item)}:
            return Committed(item)
        case {"type": "error", "error": dict(error)}:
            return problem_of(error)
        case {"type": str(kind), "item_id": str(item)} if kind.startswith(_EVENT):
            return _transcription(kind.removeprefix(_EVENT), item, body)
    return None


def _transcription(kind: str, item: str, body: dict[str, Any]) -> Event | None:
    match kind, body:
        case "delta", {"delta": str(text)}:
            return Delta(item, text[:MAX_TEXT_CHARS])
        case "completed", {"transcript": str(text)}:
            return Completed(item, text[:MAX_TEXT_CHARS])
        case "failed", _:
            return Failed(item, problem_of(body.get("error")))
    return None


def configure(model: str, *, language: str = "", hints: Sequence[str] = ()) -> str:
    """`language`: a BCP-47 tag, of which OpenAI takes the first part (ISO 639-1)."""
    transcription: dict[str, Any] = {"model": model}
    short = language.partition("-")[0].lower()
    keywords = _keywords(hints)
    if model.startswith(_KEYWORD_MODELS):
        transcription |= {"languages": [short]} if short else {}
        transcription |= {"keywords": keywords} if keywords else {}
    else:
        transcription |= {"language": short} if short else {}
        if keywords and not model.startswith(_HINTLESS_MODELS):
            transcription["prompt"] = f"A telephone call. Likely to be heard: {', '.join(keywords)}."
    session: Mapping[str, Any] = {
        "type": "transcription",
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "transcription": transcription,
                "turn_detection": None,
            }
        },
    }
    return orjson.dumps({"type": "session.update", "event_id": CONFIGURE, "session": session}).decode()


def _keywords(hints: Sequence[str]) -> list[str]:
    """Plain words: no brackets of a markup, no line breaks."""
    cleaned = (" ".join(hint.replace("<", " ").replace(">", " ").split()) for hint in hints)
    fitting = (hint for hint in cleaned if 0 < len(hint) <= MAX_KEYWORD_CHARS)
    return list(dict.fromkeys(fitting))[:MAX_KEYWORDS]
