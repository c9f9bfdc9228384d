"""What the endpoints share: the rehearsal's state, and the reading of a body."""

from __future__ import annotations

from typing import Any, Protocol

from aiohttp import web

from rehearsal.delays import Delays
from rehearsal.ear import PhraseBook
from rehearsal.faults import Faults
from rehearsal.openai.errors import ApiError
from rehearsal.scenario import Scenario
from rehearsal.voice import Voice


class Scenarios(Protocol):
    def for_request(self, text: str) -> Scenario | None:
        """The scenario that a request's text belongs to."""
        ...


class State(Protocol):
    """What the stand-in needs of the rehearsal's state."""

    @property
    def phrasebook(self) -> PhraseBook: ...
    @property
    def delays(self) -> Delays: ...
    @property
    def faults(self) -> Faults: ...
    @property
    def voice(self) -> Voice: ...
    @property
    def scenarios(self) -> Scenarios: ...


STATE: web.AppKey[State] = web.AppKey("state")

SLOW_S = 5.0
"""How long a `slow` fault takes if it doesn't say."""


async def read_body(request: web.Request) -> dict[str, Any]:
    """The JSON object of the body. Raises ApiError, or json.JSONDecodeError."""
    body = await request.json()
    if not isinstance(body, dict):
        raise ApiError(400, "The body must be a JSON object.")
    return body


def required_text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        missing = f"Missing required parameter: '{name}'." if name not in body else f"'{name}' must be a string."
        raise ApiError(400, missing, param=name, code="missing_required_parameter")
    return value
