"""Requests to OpenAI's API whose answers are read as they come, by the official client.

The client's own methods for these endpoints (`chat.completions.create`, `audio.speech.create`) compare every
argument with its type hints and wrap the answer twice: 4 ms of the event loop for a dialogue of twenty lines. Its
`post` sends the same request, with the same headers, errors and deadlines.
"""

from __future__ import annotations

from typing import Any, cast

import httpx2
import orjson
from openai import AsyncOpenAI, AsyncStream


async def post(
    client: AsyncOpenAI, path: str, body: dict[str, Any], *, accept: str = "application/json"
) -> httpx2.Response:
    """An answer of which the headers have come. Close it (`aclose`), whatever happens.

    Raises `openai.OpenAIError`, for an answer that is an error too. Reading raises `httpx2.HTTPError`."""
    # Where `cast_to` is a response of HTTP the client hands it out as it is, and not what it declares.
    answer: Any = await client.post(
        path,
        cast_to=httpx2.Response,
        content=orjson.dumps(body),
        options={"headers": {"Accept": accept}},
        stream=True,
        stream_cls=AsyncStream[Any],
    )
    return cast(httpx2.Response, answer)
