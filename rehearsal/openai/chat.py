"""`POST /chat/completions`: https://platform.openai.com/docs/api-reference/chat

Streamed (server-sent events) or whole, with tool calls and usage. The first token comes `model_first_token_ms`
after the request, the others at `model_tokens_per_second`, on an absolute schedule. A tool's arguments are
streamed in pieces after the text. `max_tokens` and `max_completion_tokens` are honoured.

Faults (`on: model`), one for each request: `error` answers 500; `empty` answers nothing; `brokenTool` uses a
tool with arguments that are not JSON; `slow` waits `at` seconds (5) more; `die` breaks the connection in the
middle of the answer.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from rehearsal.delays import Delays
from rehearsal.openai import model
from rehearsal.openai.errors import ApiError
from rehearsal.openai.reading import read
from rehearsal.openai.reply import Reply
from rehearsal.openai.shared import SLOW_S, STATE, read_body, required_text
from rehearsal.scenario import Fault

BROKEN_ARGUMENTS = '{"reason": "do'
_TOKEN = re.compile(r"\s*\S{1,8}|\s+")
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer in tokens. `tool` is (name, arguments as JSON)."""

    tokens: list[str]
    tool: tuple[str, list[str]] | None
    reason: str


class _Completion:
    """What stands in every part of one answer."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._id = f"chatcmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())
        self._model = str(body["model"])
        self._call_id = f"call_{uuid.uuid4().hex[:24]}"

    def chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self._base("chat.completion.chunk") | {"choices": [choice]}

    def tool_start(self, name: str) -> dict[str, Any]:
        function = {"name": name, "arguments": ""}
        return {"tool_calls": [{"index": 0, "id": self._call_id, "type": "function", "function": function}]}

    def usage_chunk(self, usage: dict[str, Any]) -> dict[str, Any]:
        return self._base("chat.completion.chunk") | {"choices": [], "usage": usage}

    def whole(self, answer: _Answer, usage: dict[str, Any]) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": "".join(answer.tokens) or None, "refusal": None}
        if answer.tool is not None:
            name, arguments = answer.tool
            function = {"name": name, "arguments": "".join(arguments)}
            message["tool_calls"] = [{"id": self._call_id, "type": "function", "function": function}]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.reason}
        return self._base("chat.completion") | {"choices": [choice], "usage": usage}

    def _base(self, kind: str) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": self._created, "model": self._model}


async def completions(request: web.Request) -> web.StreamResponse:
    arrived = time.monotonic()
    state = request.app[STATE]
    body = await read_body(request)
    _check(body)
    asked = read(body)
    scenario = state.scenarios.for_request(asked.request) if asked.request else None
    fault = state.faults.take("model", scenario=scenario.name if scenario else None)
    delays = state.delays
    first_s = delays.model_first_token_ms / 1000
    if fault is not None and fault.kind == "slow":
        first_s += SLOW_S if fault.at is None else fault.at
    reply = model.answer(asked, scenario.model if scenario else None)
    answer = _limited(_answer(_struck(reply, fault, asked.tools)), body)
    completion = _Completion(body)
    usage = _usage(body, answer)
    await _until(arrived + first_s)
    if fault is not None and fault.kind == "error":
        raise ApiError(500, "The server had an error while processing your request. Sorry about that!")
    dies = fault is not None and fault.kind == "die"
    if body.get("stream"):
        options = body.get("stream_options")
        wants_usage = isinstance(options, dict) and bool(options.get("include_usage"))
        return await _stream(request, completion, answer, delays, usage if wants_usage else None, dies)
    await _until(time.monotonic() + _position(_count(answer), delays))
    if dies and request.transport is not None:
        request.transport.abort()
    return web.json_response(completion.whole(answer, usage))


def _check(body: dict[str, Any]) -> None:
    required_text(body, "model")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ApiError(400, "'messages' must be a list with at least one message.", param="messages")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            raise ApiError(400, f"Invalid value: 'messages[{index}].role'.", param=f"messages[{index}].role")


def _struck(reply: Reply, fault: Fault | None, tools: tuple[str, ...]) -> tuple[str, tuple[str, str] | None]:
    """The text and the tool (name, JSON) of a reply, with the fault that befell it."""
    if fault is not None and fault.kind == "empty":
        return "", None
    if fault is not None and fault.kind == "brokenTool" and tools:
        return reply.text, (reply.tool.name if reply.tool else tools[0], BROKEN_ARGUMENTS)
    if reply.tool is None or (tools and reply.tool.name not in tools):
        return reply.text, None
    return reply.text, (reply.tool.name, json.dumps(reply.tool.arguments))


def _answer(reply: tuple[str, tuple[str, str] | None]) -> _Answer:
    text, tool = reply
    pieces = None if tool is None else (tool[0], _TOKEN.findall(tool[1]))
    return _Answer(_TOKEN.findall(text), pieces, "stop" if tool is None else "tool_calls")


def _limited(answer: _Answer, body: Mapping[str, Any]) -> _Answer:
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    if not isinstance(limit, int) or _count(answer) <= limit:
        return answer
    return _Answer(answer.tokens[: max(limit, 0)], None, "length")


def _count(answer: _Answer) -> int:
    return len(answer.tokens) + (len(answer.tool[1]) + 1 if answer.tool else 0)


def _usage(body: Mapping[str, Any], answer: _Answer) -> dict[str, Any]:
    prompt = sum(len(_TOKEN.findall(str(message.get("content") or ""))) for message in body["messages"])
    completion = _count(answer)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _position(token: int, delays: Delays) -> float:
    """Seconds from the first token to this one."""
    return token / delays.model_tokens_per_second if delays.model_tokens_per_second else 0.0


async def _until(when: float) -> None:
    wait_s = when - time.monotonic()
    if wait_s > 0:
        await asyncio.sleep(wait_s)


async def _stream(
    request: web.Request,
    completion: _Completion,
    answer: _Answer,
    delays: Delays,
    usage: dict[str, Any] | None,
    dies: bool,
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
    response.headers["Cache-Control"] = "no-cache"
    deltas: list[dict[str, Any]] = [{"content": token} for token in answer.tokens]
    if answer.tool is not None:
        name, arguments = answer.tool
        deltas.append(completion.tool_start(name))
        deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in arguments]
    started = time.monotonic()
    try:
        await response.prepare(request)
        await _send(response, completion.chunk({"role": "assistant", "content": ""}))
        for index, delta in enumerate(deltas):
            await _until(started + _position(index, delays))
            if dies and index >= len(deltas) // 2:
                _cut(request)
                return response
            await _send(response, completion.chunk(delta))
        if dies:
            _cut(request)
            return response
        await _send(response, completion.chunk({}, answer.reason))
        if usage is not None:
            await _send(response, completion.usage_chunk(usage))
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
    except ConnectionResetError:
        pass  # the client has heard enough
    return response


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def _send(response: web.StreamResponse, chunk: dict[str, Any]) -> None:
    await response.write(b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n")
