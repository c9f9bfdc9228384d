"""What a speech-to-speech model answers, as a list of events and when each is due. No I/O.

Words come at the model's pace; the audio of the whole text begins `speechFirstByteMs` after the first of them and
comes at `speechSpeed` times real time. So the words are ahead of their audio, as with the real one. A function
call comes last.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rehearsal import g711
from rehearsal.delays import Delays
from rehearsal.openai.realtime_conversation import Item, new_id
from rehearsal.openai.reply import Reply
from rehearsal.voice import Speech

CHUNK_BYTES = 800
"""A tenth of a second."""


@dataclass(frozen=True, slots=True)
class Step:
    """One event, `at` seconds after the response was asked for; what it adds to the item on the way."""

    at: float
    event: dict[str, Any]
    item: Item
    words: str = ""
    audio_ms: float = 0.0
    begins: bool = False
    """The item is in the conversation from here on."""


def steps_of(response_id: str, reply: Reply, speech: Speech | None, delays: Delays, begin_s: float) -> list[Step]:
    """In the order they are sent. `speech` is the reply's text, spoken; None: there is nothing to say."""
    steps: list[Step] = []
    end_s = begin_s
    if speech is not None:
        steps = list(_message(response_id, reply, speech, delays, begin_s))
        end_s = steps[-1].at
    if reply.tool is not None:
        rate = delays.model_tokens_per_second
        words_s = begin_s + (len(reply.tokens()) / rate if rate else 0.0)
        index = 1 if steps else 0
        call = Item(type="function_call", name=reply.tool.name, call_id=new_id("call"))
        steps += _function_call(response_id, index, call, list(reply.tool.pieces()), max(words_s, end_s))
    return steps


def _message(response_id: str, reply: Reply, speech: Speech, delays: Delays, begin_s: float) -> Iterator[Step]:
    item = Item(role="assistant", words=speech.words, audio_ms=0.0)
    where = {"response_id": response_id, "output_index": 0, "item_id": item.id, "content_index": 0}
    rate, speed = delays.model_tokens_per_second, delays.speech_speed
    audio = g711.encode(speech.pcm16_8k)
    streamed: list[Step] = []
    for number, token in enumerate(reply.tokens()):
        event = {"type": "response.output_audio_transcript.delta", **where, "delta": token}
        streamed.append(Step(begin_s + (number / rate if rate else 0.0), event, item, words=token))
    first_s = begin_s + delays.speech_first_byte_ms / 1000
    for start in range(0, len(audio), CHUNK_BYTES):
        chunk = audio[start : start + CHUNK_BYTES]
        at = first_s + (start / (g711.SAMPLE_RATE * speed) if speed else 0.0)
        event = {"type": "response.output_audio.delta", **where, "delta": base64.b64encode(chunk).decode()}
        streamed.append(Step(at, event, item, audio_ms=len(chunk) * 1000 / g711.SAMPLE_RATE))
    streamed.sort(key=lambda step: step.at)
    end_s = streamed[-1].at
    part = {"type": "output_audio", "transcript": reply.text}
    added = {"type": "response.output_item.added", "response_id": response_id, "output_index": 0}
    begun = {"type": "response.content_part.added", **where, "part": {"type": "output_audio", "transcript": ""}}
    yield Step(begin_s, {**added, "item": item.json("in_progress")}, item, begins=True)
    yield Step(begin_s, begun, item)
    yield from streamed
    yield Step(end_s, {"type": "response.output_audio.done", **where}, item)
    done = {"type": "response.output_audio_transcript.done", **where, "transcript": reply.text}
    yield Step(end_s, done, item)
    yield Step(end_s, {"type": "response.content_part.done", **where, "part": part}, item)
    finished = Item(role="assistant", text=reply.text, id=item.id, audio_ms=0.0).json()
    ended = {"type": "response.output_item.done", "response_id": response_id, "output_index": 0}
    yield Step(end_s, {**ended, "item": finished}, item)


def _function_call(response_id: str, index: int, item: Item, pieces: list[str], at: float) -> Iterator[Step]:
    where = {"response_id": response_id, "output_index": index, "item_id": item.id, "call_id": item.call_id}
    arguments = "".join(pieces)
    added = {"type": "response.output_item.added", "response_id": response_id, "output_index": index}
    yield Step(at, {**added, "item": item.json("in_progress")}, item, begins=True)
    for piece in pieces:
        delta = {"type": "response.function_call_arguments.delta", **where, "delta": piece}
        yield Step(at, delta, item, words=piece)
    done = {"type": "response.function_call_arguments.done", **where, "name": item.name, "arguments": arguments}
    yield Step(at, done, item)
    finished = Item(type="function_call", name=item.name, call_id=item.call_id, id=item.id, text=arguments).json()
    ended = {"type": "response.output_item.done", "response_id": response_id, "output_index": index}
    yield Step(at, {**ended, "item": finished}, item)
