"""How long the stand-ins take: settable while they run, so that a benchmark can fix or remove them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

MAX_DELAY_MS = 60_000.0


class Delays(BaseModel):
    """The defaults are what hosted services take on a good day, as measured from outside.

    JSON names are camelCase (`modelFirstTokenMs`); an unknown name is an error.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", validate_assignment=True
    )

    model_first_token_ms: float = Field(300.0, ge=0, le=MAX_DELAY_MS)
    model_tokens_per_second: float = Field(60.0, ge=0, description="0: all at once")
    speech_first_byte_ms: float = Field(250.0, ge=0, le=MAX_DELAY_MS)
    speech_speed: float = Field(4.0, ge=0, description="times real time; 0: all at once")
    interim_ms: float = Field(150.0, ge=0, le=MAX_DELAY_MS, description="after the last voiced audio of the words")
    final_ms: float = Field(450.0, ge=0, le=MAX_DELAY_MS, description="after the end of speech")
