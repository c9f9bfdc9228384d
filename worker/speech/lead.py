"""How far a voice's audio is ahead of its playing, and how long what follows may gather.

A voice sends its audio faster than it is played, in pieces of some 50 to 100 ms, and each piece costs about as
much as a large one: with many calls, a good part of all. So once there is something to play, what comes next is
left in the socket for a moment. The first sound is never held up.
"""

from __future__ import annotations

ENOUGH_S = 0.2
"""With less ahead, every piece is taken as it comes: a pause of the network or of the loop would be heard."""

GATHER_S = 0.08
"""At most: four times as fast as it is played, a voice sends in it a third of a second, which one read takes."""


class Lead:
    """One stream of audio, played from when its first piece is there. `now` is seconds on one clock."""

    def __init__(self) -> None:
        self._plays_out_at: float | None = None

    def came(self, audio_s: float, now: float) -> None:
        """So many seconds of audio came."""
        begins_at = now if self._plays_out_at is None else max(now, self._plays_out_at)
        self._plays_out_at = begins_at + audio_s

    def may_wait_s(self, now: float) -> float:
        """Before more is wanted."""
        left_s = 0.0 if self._plays_out_at is None else self._plays_out_at - now
        return GATHER_S if left_s >= ENOUGH_S else 0.0
