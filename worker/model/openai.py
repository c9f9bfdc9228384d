"""A language model behind the Chat Completions API: OpenAI's, or any server that speaks it.

Streaming (server-sent events): each chunk has `choices[0].delta` with `content` and/or `tool_calls`, whose
`function.arguments` come in pieces under an `index`; `finish_reason` is set in the last chunk that has a choice;
with `stream_options.include_usage` one more chunk follows with `usage` and no choices.

Servers differ in optional parameters (`max_completion_tokens` is what OpenAI's newer models take, `max_tokens`
what most others do). A 400 that names one of them is answered by leaving it out from then on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai
import orjson
import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from worker.again import again
from worker.deadline import MovingDeadline
from worker.model.language_model import (
    Finished,
    ModelEvent,
    ModelUnavailable,
    Prompt,
    TextDelta,
    ToolCall,
)
from worker.model.server_sent_events import data_of
from worker.openai_post import post
from worker.settings import NO_KEY_NEEDED, Settings
from worker.spare_connection import SpareConnection

CONNECT_DEADLINE_S = 3.0
"""TCP and TLS to a vendor take well under a second."""

FIRST_EVENT_DEADLINE_S = 8.0
"""From asking to the first word. Longer than a slow vendor's bad minute; a callee has hung up long before twice
this."""

WARM_UP_DEADLINE_S = 5.0
"""Nobody waits for it."""

BETWEEN_EVENTS_DEADLINE_S = 5.0
"""A stream that stands still this long in the middle of a sentence is dead."""

OVERALL_DEADLINE_S = 40.0
"""A whole answer, retries included. The longest (a plan, a wrap-up) takes some ten seconds on a slow model."""

ATTEMPTS = 3
FIRST_RETRY_S = 0.2
LONGEST_RETRY_S = 1.0
"""Retries happen only before the first event, while somebody may be waiting on the line: few and soon."""

MOST_CONNECTIONS = 400
"""Above two requests at once (one of them speculative) for as many calls as a core holds."""

_NOT_CONNECTED = (httpx2.ConnectError, httpx2.ConnectTimeout)

LONGEST_TEXT = 20_000
LONGEST_ARGUMENTS = 8_000
MOST_TOOL_CALLS = 8
"""Bounds on one answer, in characters, for a server that does not honour `max_tokens`."""

log = structlog.get_logger(__name__)


Chunk = dict[str, Any]
"""One event of an answer, as the server wrote it: nothing in it is certain."""


class _TryAgain(Exception):
    """Nothing was said yet, and asking again may help."""


@dataclass(slots=True)
class _Dialect:
    """Which optional parameters this server takes, learnt from what it refuses."""

    stream_options: bool = True
    response_format: bool = True
    limit: str | None = "max_completion_tokens"

    def parameters(self, prompt: Prompt) -> dict[str, Any]:
        parameters: dict[str, Any] = {}
        if self.limit is not None:
            parameters[self.limit] = prompt.max_tokens
        if self.stream_options:
            parameters["stream_options"] = {"include_usage": True}
        if self.response_format and prompt.wants_json:
            parameters["response_format"] = {"type": "json_object"}
        return parameters

    def without(self, parameters: dict[str, Any], complaint: str) -> bool:
        """Give up a parameter the complaint names. False if it names none that was sent."""
        for name in ("max_completion_tokens", "max_tokens", "stream_options", "response_format"):
            if name in parameters and name in complaint:
                if name == "max_completion_tokens":
                    self.limit = "max_tokens"
                elif name == "max_tokens":
                    self.limit = None
                else:
                    setattr(self, name, False)
                log.info("the model's server does not take a parameter", parameter=name)
                return True
        return False


@dataclass(slots=True)
class _PartialTool:
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class _Answer:
    """What has come of an answer so far."""

    text_length: int = 0
    tools: dict[int, _PartialTool] = field(default_factory=dict)
    reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None

    def take(self, chunk: Chunk) -> tuple[str, bool]:
        """Fold a chunk in. Returns its text, and whether it moved the answer on at all."""
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            self.input_tokens = _count(usage.get("prompt_tokens"))
            self.output_tokens = _count(usage.get("completion_tokens"))
        choices = _list(chunk, "choices")
        if not choices:
            return "", isinstance(usage, dict)
        choice = _object(choices[0])
        reason, delta = choice.get("finish_reason"), _object(choice.get("delta"))
        if isinstance(reason, str):
            self.reason = reason
        text = delta.get("content")
        text = text if isinstance(text, str) else ""
        self.text_length += len(text)
        pieces = _list(delta, "tool_calls")
        for piece in pieces:
            self._take_tool(_object(piece))
        return text, bool(text or pieces or self.reason)

    def _take_tool(self, piece: Chunk) -> None:
        index = piece.get("index")
        if not isinstance(index, int):
            index = len(self.tools)
        if index not in self.tools and len(self.tools) >= MOST_TOOL_CALLS:
            return
        tool = self.tools.setdefault(index, _PartialTool())
        function = _object(piece.get("function"))
        name, arguments = function.get("name"), function.get("arguments")
        if isinstance(name, str):
            tool.name = (tool.name + name)[:100]
        if isinstance(arguments, str):
            tool.arguments = (tool.arguments + arguments)[:LONGEST_ARGUMENTS]

    def ending(self) -> list[ModelEvent]:
        events: list[ModelEvent] = [
            ToolCall(tool.name, tool.arguments) for _, tool in sorted(self.tools.items()) if tool.name
        ]
        return [*events, Finished(self.reason or "stop", self.input_tokens, self.output_tokens)]


class _Chunks:
    """The chunks of an answer that has begun; `aclose()` cancels what is left of it."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self._events = data_of(response.aiter_bytes())

    def __aiter__(self) -> _Chunks:
        return self

    async def __anext__(self) -> Chunk:
        """Raises `openai.APIError` for an error that the server sends instead of a chunk."""
        async for data in self._events:
            if data.startswith(b"[DONE]"):
                continue  # to the end of the body, so that the connection can be used again
            chunk = _object(orjson.loads(data))
            if error := chunk.get("error"):
                message = _object(error).get("message")
                raise openai.APIError(
                    message if isinstance(message, str) else "an error without a message",
                    self._response.request,
                    body=error,
                )
            return chunk
        raise StopAsyncIteration

    async def aclose(self) -> None:
        await self._events.aclose()
        await self._response.aclose()


class OpenAIModel:
    """Fulfils `LanguageModel`."""

    def __init__(self, settings: Settings) -> None:
        key = settings.openai_api_key
        self._key = key.get_secret_value() if key else NO_KEY_NEEDED
        self._model = settings.openai_model
        self._dialect = _Dialect()
        # Idle connections never expire here: the pause between two turns must not cost a TLS handshake. The
        # deadlines of a read are this module's own, which know what they wait for.
        limits = httpx2.Limits(
            max_connections=MOST_CONNECTIONS, max_keepalive_connections=MOST_CONNECTIONS, keepalive_expiry=None
        )
        timeout = httpx2.Timeout(OVERALL_DEADLINE_S, connect=CONNECT_DEADLINE_S)
        self._client = openai.AsyncOpenAI(
            api_key=self._key,
            base_url=settings.openai_base_url,
            max_retries=0,
            timeout=timeout,
            http_client=openai.DefaultAioHttpClient(limits=limits, timeout=timeout),
        )
        self._connections = SpareConnection(self._connect)
        self._where = f"{self._model} at {urlsplit(str(self._client.base_url)).netloc}"

    async def stream(self, prompt: Prompt) -> AsyncIterator[ModelEvent]:
        deadline = time.monotonic() + OVERALL_DEADLINE_S
        answer = _Answer()
        with self._connections.taken() as connection:
            chunks, text = await self._begin(prompt, answer, deadline)
            async with aclosing(chunks), self._going_on() as between:
                while answer.text_length <= LONGEST_TEXT:
                    if text:
                        between.pause()
                        yield TextDelta(text)
                    between.move(min(BETWEEN_EVENTS_DEADLINE_S, deadline - time.monotonic()))
                    try:
                        text, _ = answer.take(await anext(chunks))
                    except StopAsyncIteration:
                        connection.is_whole = True
                        break
                else:
                    answer.reason = "length"
        for event in answer.ending():
            yield event

    async def complete(self, prompt: Prompt) -> str:
        parts = [event.text async for event in self.stream(prompt) if isinstance(event, TextDelta)]
        text = "".join(parts).strip()
        if not text:
            raise ModelUnavailable(f"the language model ({self._where}) answered with nothing")
        return text

    async def warm_up(self) -> None:
        with self._connections.taken() as connection:
            await self._connect()
            connection.is_whole = True

    async def _connect(self) -> None:
        # The list of models costs nothing, and leaves an open connection behind whatever the answer is.
        try:
            async with asyncio.timeout(WARM_UP_DEADLINE_S):
                await self._client.models.with_raw_response.list()
        except TimeoutError:
            raise ModelUnavailable(self._late("did not answer", WARM_UP_DEADLINE_S)) from None
        except openai.APIStatusError as error:
            # Servers need not have this list; but a refused key is worth knowing before the first call.
            if error.status_code in (401, 403):
                raise ModelUnavailable(self._status_message(error)) from error
        except (openai.OpenAIError, httpx2.HTTPError) as error:
            raise ModelUnavailable(self._broken(error)) from error

    async def close(self) -> None:
        await self._connections.close()
        await self._client.close()

    async def _begin(self, prompt: Prompt, answer: _Answer, deadline: float) -> tuple[_Chunks, str]:
        """Ask until an answer begins; returns its stream and its first text (empty when a tool call began)."""
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await again(lambda: self._first_event(prompt, answer), _TryAgain, _retrying)
        except _TryAgain as error:
            raise ModelUnavailable(str(error)) from error.__cause__
        except TimeoutError:
            raise ModelUnavailable(self._late("did not answer", OVERALL_DEADLINE_S)) from None

    async def _first_event(self, prompt: Prompt, answer: _Answer) -> tuple[_Chunks, str]:
        chunks: _Chunks | None = None
        try:
            async with asyncio.timeout(FIRST_EVENT_DEADLINE_S):
                chunks = await self._ask(prompt)
                async for chunk in chunks:
                    text, moved = answer.take(chunk)
                    if moved:
                        began, chunks = chunks, None
                        return began, text
            raise _TryAgain(f"the language model ({self._where}) closed the connection without an answer")
        except TimeoutError as error:
            raise _TryAgain(self._late("said nothing", FIRST_EVENT_DEADLINE_S)) from error
        except openai.APIStatusError as error:
            message = self._status_message(error)
            if error.status_code in (408, 409, 429) or error.status_code >= 500:
                raise _TryAgain(message) from error
            raise ModelUnavailable(message) from error
        except (openai.OpenAIError, httpx2.HTTPError, ValueError, AttributeError, TypeError) as error:
            raise _TryAgain(self._broken(error)) from error
        finally:
            if chunks is not None:
                await chunks.aclose()

    async def _ask(self, prompt: Prompt) -> _Chunks:
        while True:
            parameters = {"model": self._model, "stream": True} | self._dialect.parameters(prompt)
            if prompt.tools:
                parameters["tools"] = [
                    {
                        "type": "function",
                        "function": {
                            "name": tool.name,
                            "description": tool.description,
                            "parameters": tool.parameters,
                        },
                    }
                    for tool in prompt.tools
                ]
            parameters["messages"] = [
                {"role": message.role, "content": message.content} for message in prompt.messages
            ]
            try:
                return _Chunks(await post(self._client, "/chat/completions", parameters))
            except openai.BadRequestError as error:
                # The complaint is read whole: servers put the parameter's name in different places.
                if not self._dialect.without(parameters, f"{error.param} {error.message}"):
                    raise

    @asynccontextmanager
    async def _going_on(self) -> AsyncGenerator[MovingDeadline]:
        """Reading an answer that has begun: a deadline to be moved, and what goes wrong as `ModelUnavailable`."""
        try:
            async with MovingDeadline(BETWEEN_EVENTS_DEADLINE_S) as between:
                yield between
        except TimeoutError as error:
            raise ModelUnavailable(
                self._late("stopped in the middle of an answer", BETWEEN_EVENTS_DEADLINE_S)
            ) from error
        except (openai.OpenAIError, httpx2.HTTPError, ValueError) as error:
            raise ModelUnavailable(self._broken(error)) from error

    def _status_message(self, error: openai.APIStatusError) -> str:
        match error.status_code:
            case 401 | 403:
                return f"the language model ({self._where}) refused the key: check OPENAI_API_KEY"
            case 404:
                return f"the language model ({self._where}) is not there: check OPENAI_MODEL and OPENAI_BASE_URL"
            case 429:
                return f"the language model ({self._where}) refused for now: too many requests, or no credit"
        said = error.body.get("message") if isinstance(error.body, dict) else None
        text = self._safe(said if isinstance(said, str) else error.message)
        return f"the language model ({self._where}) answered {error.status_code}: {text}"

    def _broken(self, error: Exception) -> str:
        cause = error.__cause__ if isinstance(error, openai.APIConnectionError) and error.__cause__ else error
        what = "cannot be reached" if isinstance(cause, _NOT_CONNECTED) else "broke off"
        return f"the language model ({self._where}) {what}: {self._safe(str(cause) or type(cause).__name__)}"

    def _late(self, what: str, seconds: float) -> str:
        return f"the language model ({self._where}) {what} within {seconds:.0f} s"

    def _safe(self, text: str) -> str:
        """Servers quote what they were sent, the key included."""
        return " ".join(text.replace(self._key, "***").split())[:200]


def _object(value: Any) -> Chunk:
    return value if isinstance(value, dict) else {}


def _list(chunk: Chunk, name: str) -> list[Any]:
    value = chunk.get(name)
    return value if isinstance(value, list) else []


def _retrying() -> AsyncRetrying:
    return AsyncRetrying(
        retry=retry_if_exception_type(_TryAgain),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=FIRST_RETRY_S, max=LONGEST_RETRY_S),
        reraise=True,
    )


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) else None
