"""Numbers out of samples, and lines of a table out of numbers."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Spread = dict[str, float]
"""`n`, `median`, `p95` (nearest rank) and `max`."""


@dataclass(frozen=True)
class Options:
    calls: int
    """Simultaneous calls."""
    quick: bool
    only: tuple[str, ...] = ()
    """Series of the part `call`; none: all that are run unasked."""
    steps: tuple[int, ...] = ()
    """Simultaneous calls of its series `load`, one step after the other."""
    minutes: float = 30.0
    """Of its series `long`."""
    beside: tuple[str, ...] = ()
    """Bots that its series are run with after Floyd."""


def spread(samples: Iterable[float]) -> Spread:
    """Empty for no samples."""
    ordered = sorted(samples)
    if not ordered:
        return {}
    return {
        "n": len(ordered),
        "median": round(statistics.median(ordered), 2),
        "p95": round(ordered[math.ceil(0.95 * len(ordered)) - 1], 2),
        "max": round(ordered[-1], 2),
    }


def spread_line(name: str, one: Spread) -> str:
    if not one:
        return f"  {name:<54}      -"
    cells = "".join(f"{one[key]:>9.1f}" for key in ("median", "p95", "max"))
    return f"  {name:<54}{cells}{one['n']:>6.0f}"


def head_line(title: str) -> str:
    return f"{title:<56}{'median':>9}{'p95':>9}{'max':>9}{'n':>6}"


def value_line(name: str, *values: Any) -> str:
    return f"  {name:<54}" + "".join(f"{value:>9}" for value in values)
