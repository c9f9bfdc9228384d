"""OpenAI's Chat Completions, streamed, at fixed delays; every other task of Floyd's prompts is answered at once.

Which call a conversation belongs to stands in its prompt, as the callee's number. How many requests were begun and
cancelled, and how many tokens were sent, is noted for each call: guessing ahead has a price.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

from call.answers import answer, tokens
from call.delays import Delays
from call.notes import CallNote
from call.script import Script

_CALLEE = re.compile(r'<callee\b[^>]*\bphone="(\+\d+)"')
_TASK = re.compile(r"<task>(\w+)</task>")
_HEAD = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"fixed","choices":['
_TAIL = b"]}\n\n"
_END_CALL = {"name": "end_call", "arguments": '{"reason":"done"}'}

PREPARATION = {
    "choose_facts": '{"facts": []}',
    "find_number": '{"contact": null}',
    "plan": "Ask about the table, answer what they ask, thank them and say goodbye.",
    "leave_message": "This is about a table for two. We will call again. Goodbye.",
    "wrap_up": '{"kind": "done", "summary": "It was all said.", "reported": [], "learnt": []}',
}
OTHERWISE = "They talked about a table for two, and nothing is settled yet."
"""For a task that is not in the list, as a summary of what was said so far."""


class Model:
    def __init__(
        self, delays: Delays, script_of: Callable[[str], Script | None], note_of: Callable[[str], CallNote]
    ) -> None:
        self._delays = delays
        self._script_of = script_of
        self._note_of = note_of

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/chat/completions", self._complete)]

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        messages = body["messages"]
        system = _content(messages[0])
        task = _TASK.search(system)
        callee = _CALLEE.search(system)
        if task is None or task[1] != "converse" or callee is None:
            text = PREPARATION.get(task[1] if task else "", OTHERWISE)
            return await self._at_once(request, text, stream=bool(body.get("stream")))
        script = self._script_of(callee[1])
        note = self._note_of(callee[1])
        heard, before = _last(messages, "user"), _last(messages, "assistant")
        text, ends = answer(heard, before, script.answers if script is not None else "short")
        _remember(note, messages)
        return await self._stream(request, tokens(text), note, ends=ends)

    async def _stream(
        self, request: web.Request, words: list[str], note: CallNote, *, ends: bool
    ) -> web.StreamResponse:
        loop, delays, counts = asyncio.get_running_loop(), self._delays, note.model
        due = loop.time() + delays.first_token_ms / 1000
        token_s = 1 / delays.tokens_per_s if delays.tokens_per_s else 0.0
        counts.begun += 1
        sent = 0
        try:
            response = await _begin(request)
            for number, word in enumerate(words):
                wait_s = due + number * token_s - loop.time()
                if wait_s > 0:
                    await asyncio.sleep(wait_s)
                await response.write(_delta({"content": word}))
                sent += 1
            await _end(response, ends=ends)
        except (asyncio.CancelledError, ConnectionError):
            counts.cancelled += 1
            counts.tokens_cancelled += sent
            raise
        finally:
            counts.tokens += sent
        return response

    async def _at_once(self, request: web.Request, text: str, *, stream: bool) -> web.StreamResponse:
        if not stream:
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return web.json_response({"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice]})
        response = await _begin(request)
        await response.write(_delta({"content": text}))
        await _end(response, ends=False)
        return response


def _remember(note: CallNote, messages: list[dict[str, Any]]) -> None:
    """How long the prompt is, and how many words of an answer that was interrupted stand in it."""
    note.model.prompts.append((time.monotonic(), sum(len(_content(message)) for message in messages)))
    turn = note.turns[-1] if note.turns else None
    if turn is not None and turn.heard_ms is not None and turn.remembered_words is None:
        turn.remembered_words = len(_last(messages, "assistant").split())


def _last(messages: list[dict[str, Any]], role: str) -> str:
    return next((_content(message) for message in reversed(messages) if message["role"] == role), "")


def _content(message: dict[str, Any]) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else ""


async def _begin(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    return response


def _delta(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return _HEAD + orjson.dumps({"index": 0, "delta": delta, "finish_reason": finish}) + _TAIL


async def _end(response: web.StreamResponse, *, ends: bool) -> None:
    if ends:
        call = {"index": 0, "id": "call_1", "type": "function", "function": _END_CALL}
        await response.write(_delta({"tool_calls": [call]}))
    await response.write(_delta({}, "tool_calls" if ends else "stop") + b"data: [DONE]\n\n")
    await response.write_eof()
