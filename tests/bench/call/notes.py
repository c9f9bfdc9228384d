"""What happened in a call, as the line process saw it.

Times are `time.monotonic()` seconds, at receipt or sending; on Linux that is one clock for all processes.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class SoundNote:
    """An interjection over Floyd's answer."""

    sound: str
    at: float
    last_voiced_at: float | None = None
    cleared_at: float | None = None
    heard_again_at: float | None = None
    """After a clear: when audible audio came again."""


@dataclass
class TurnNote:
    """A turn of the callee's, and Floyd's answer to it."""

    label: str
    said: str
    first_voiced_at: float
    last_voiced_at: float | None = None
    first_audio_at: float | None = None
    """The first audible audio received after the last voiced frame was sent."""
    talked_over: bool = False
    """Audible audio came in the pause in the middle of the sentence, or while its second part began."""
    spoken_into: bool = False
    """Audible audio came while the callee spoke on at another place (and Floyd was silent when they began)."""
    over_floyd: bool = False
    """The callee began while Floyd was being heard, as the script wanted."""
    cleared_at: float | None = None
    """Floyd stopped for this turn, which began over its words."""
    heard_ms: int | None = None
    """How much of Floyd's words had been played then, pauses between them left out."""
    remembered_words: int | None = None
    """How many words of it stood in the model's next prompt."""
    unanswered: bool = False
    sounds: list[SoundNote] = field(default_factory=list)
    """Over the answer to this turn."""


@dataclass
class ModelNote:
    """The requests to the language model for one call's conversation."""

    begun: int = 0
    cancelled: int = 0
    """Ended by the client before the last token."""
    tokens: int = 0
    """Sent, in requests of either kind."""
    tokens_cancelled: int = 0
    prompts: list[tuple[float, int]] = field(default_factory=list)
    """When each request came, and how many characters its messages have."""


@dataclass
class CallNote:
    to: str
    answered_at: float | None = None
    ended_at: float | None = None
    ended_by: str = ""
    """floyd, callee, or what broke."""
    turns: list[TurnNote] = field(default_factory=list)
    gaps: list[tuple[float, float]] = field(default_factory=list)
    """(when, ms) silence in the middle of what Floyd said, because its next audio came too late."""
    stray_clears: int = 0
    """Floyd fell silent in the middle of its words and nobody had made a sound."""
    spoken_s: float = 0.0
    """Of Floyd's audio that was played."""
    model: ModelNote = field(default_factory=ModelNote)
