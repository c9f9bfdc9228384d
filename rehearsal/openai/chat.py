"""`POST /v1/chat/completions`, streamed as server-sent events or whole (OpenAI API reference, "Chat").

Streamed: a chunk with the role, one per token of text, those of a tool call (its first names it, the others carry
pieces of its arguments), one with the finish reason, one with usage if `stream_options.include_usage` asks for it,
and `data: [DONE]`. The first token comes after `modelFirstTokenMs`, the others at `modelTokensPerSecond`.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from rehearsal.openai.errors import check_key, json_object, refusal
from rehearsal.openai.model import answer
from rehearsal.openai.reading import Reading
from rehearsal.openai.reply import Reply, ToolUse
from rehearsal.openai.vocabulary import words_of
from rehearsal.scenario import Fault
from rehearsal.state import RehearsalState

SLOW_S = 5.0
"""How much longer a `slow` fault takes, unless it says `at`."""
ROLES = ("system", "developer", "user", "assistant", "tool")


class Chat:
    def __init__(self, state: RehearsalState) -> None:
        self._state = state

    async def complete(self, request: web.Request) -> web.StreamResponse:
        check_key(request)
        body = await json_object(request)
        messages = _messages(body)
        reading = Reading(messages)
        scenario = self._state.scenarios.for_request(reading.request) if reading.request else None
        # A request of no scenario is not struck by a scenario's faults.
        fault = self._state.faults.take("model", scenario=scenario.name if scenario else "")
        if fault is not None and fault.kind == "error":
            raise refusal(500, "The server had an error while processing your request.", kind="server_error")
        reply = _broken(answer(reading, scenario), fault)
        if not body.get("tools"):
            reply = Reply(reply.text)
        begin_s = self._state.delays.model_first_token_ms / 1000
        if fault is not None and fault.kind == "slow":
            begin_s += SLOW_S if fault.at is None else fault.at
        head = {
            "id": "chatcmpl-" + secrets.token_hex(12),
            "created": int(time.time()),
            "model": str(body.get("model")),
        }
        usage = _usage(messages, reply)
        dies = fault is not None and fault.kind == "die"
        if not body.get("stream"):
            await asyncio.sleep(begin_s + len(reply.tokens()) * self._token_s())
            if dies and request.transport is not None:
                request.transport.abort()
            return web.json_response(_whole(head, reply, usage))
        options = body.get("stream_options")
        with_usage = isinstance(options, dict) and options.get("include_usage") is True
        stream = _Stream(head, reply, usage if with_usage else None, begin_s, self._token_s(), dies)
        return await stream.run(request)

    def _token_s(self) -> float:
        rate = self._state.delays.model_tokens_per_second
        return 1 / rate if rate else 0.0


@dataclass(frozen=True)
class _Stream:
    """One streamed completion."""

    head: dict[str, Any]
    reply: Reply
    usage: dict[str, int] | None
    begin_s: float
    token_s: float
    dies: bool
    """Break off in the middle."""

    async def run(self, request: web.Request) -> web.StreamResponse:
        due = asyncio.get_running_loop().time() + self.begin_s
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await response.prepare(request)
        pieces = [{"content": token} for token in self.reply.tokens()] + list(_tool_deltas(self.reply.tool))
        if self.dies:
            pieces = pieces[: max(1, len(pieces) // 2)]
        await _until(due)
        await self._send(response, {"role": "assistant", "content": ""})
        for number, delta in enumerate(pieces):
            await _until(due + number * self.token_s)
            await self._send(response, delta)
        if self.dies:
            if request.transport is not None:
                request.transport.abort()
            return response
        await self._send(response, {}, finish="tool_calls" if self.reply.tool else "stop")
        if self.usage is not None:
            chunk = {**self.head, "object": "chat.completion.chunk", "choices": [], "usage": self.usage}
            await _event(response, chunk)
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    async def _send(self, response: web.StreamResponse, delta: dict[str, Any], finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        await _event(response, {**self.head, "object": "chat.completion.chunk", "choices": [choice]})


def _messages(body: dict[str, object]) -> list[dict[str, Any]]:
    """Raises the refusal for a request that the real API would not take either."""
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise refusal(400, "you must provide a model parameter", param="model")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise refusal(400, "messages must be an array with at least one message", param="messages")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise refusal(400, f"messages[{index}].role must be one of {', '.join(ROLES)}", param="messages")
        if not isinstance(message.get("content"), str | list) and not message.get("tool_calls"):
            raise refusal(400, f"messages[{index}].content must be a string or an array", param="messages")
    if body.get("n") not in (None, 1):
        raise refusal(400, "this stand-in gives one choice: leave n out", param="n")
    return messages


def _broken(reply: Reply, fault: Fault | None) -> Reply:
    match fault.kind if fault else None:
        case "empty":
            return Reply()
        case "brokenTool":
            return Reply("", ToolUse("end_call", '{"reason": '))
        case _:
            return reply


def _tool_deltas(tool: ToolUse | None) -> Iterator[dict[str, Any]]:
    if tool is None:
        return
    function = {"name": tool.name, "arguments": ""}
    yield {"tool_calls": [{"index": 0, "id": _call_id(), "type": "function", "function": function}]}
    for piece in tool.pieces():
        yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}


def _whole(head: dict[str, Any], reply: Reply, usage: dict[str, int]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None, "refusal": None}
    if reply.tool is not None:
        function = {"name": reply.tool.name, "arguments": reply.tool.arguments}
        message["tool_calls"] = [{"id": _call_id(), "type": "function", "function": function}]
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": "tool_calls" if reply.tool else "stop",
    }
    return {**head, "object": "chat.completion", "choices": [choice], "usage": usage}


def _usage(messages: list[dict[str, Any]], reply: Reply) -> dict[str, int]:
    asked = sum(len(words_of(str(message.get("content")))) for message in messages)
    answered = len(reply.tokens())
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


def _call_id() -> str:
    return "call_" + secrets.token_hex(12)


async def _until(due: float) -> None:
    wait = due - asyncio.get_running_loop().time()
    if wait > 0:
        await asyncio.sleep(wait)


async def _event(response: web.StreamResponse, chunk: dict[str, Any]) -> None:
    await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
