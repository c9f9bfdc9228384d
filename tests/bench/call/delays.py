"""How long the stand-ins take. Fixed for a series; a run may set each of them, zero included."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass
class Delays:
    """JSON has the names as they stand here. In ms unless said otherwise."""

    first_token_ms: float = 300.0
    tokens_per_s: float = 60.0
    """0: all at once."""
    first_byte_ms: float = 250.0
    """Of the voice's audio."""
    speech_speed: float = 4.0
    """Times real time; 0: all at once."""
    interim_ms: float = 150.0
    """From the arrival of a word's last audio."""
    final_ms: float = 450.0
    """From the arrival of the last voiced audio before a silence."""
    finals_in_pauses: bool = True
    """A pause longer than `final_ms` in the middle of a sentence brings a final of what was said before it."""

    def set(self, values: dict[str, Any]) -> None:
        """In place, since every stand-in holds this object. Raises ValueError for an unknown name."""
        unknown = values.keys() - {field.name for field in fields(self)}
        if unknown:
            raise ValueError(f"there is no delay {min(unknown)!r}")
        for name, value in values.items():
            setattr(self, name, value)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


NONE = Delays(first_token_ms=0, tokens_per_s=0, first_byte_ms=0, speech_speed=0, interim_ms=0, final_ms=0)

FIRST_SENTENCE_TOKENS = 8
"""Of every answer of the model: seven words and a full stop."""


def configured_ms(delays: Delays) -> float:
    """What a turn takes when all but the stand-ins is instant, and nothing is guessed ahead."""
    sentence = (FIRST_SENTENCE_TOKENS - 1) * 1000 / delays.tokens_per_s if delays.tokens_per_s else 0.0
    return delays.final_ms + delays.first_token_ms + sentence + delays.first_byte_ms
