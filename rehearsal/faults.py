"""What shall go wrong next, and for whom: scenarios and ``POST /faults`` arm faults, the stand-ins take them.

A stand-in asks once for every request, stream or dial it begins. A fault with a ``turn`` (or ``call``) strikes at
that one, counted from 1 since the fault was armed; one without strikes at the next. Each strikes ``times`` times.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rehearsal.scenario import Fault


@dataclass
class _Armed:
    fault: Fault
    scenario: str | None
    seen: int = 0
    struck: int = 0


class Faults:
    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def arm(self, faults: Iterable[Fault], *, scenario: str | None = None) -> None:
        """Add faults; with a scenario's name they replace those it armed before, and strike only in its calls."""
        if scenario is not None:
            self._armed = [armed for armed in self._armed if armed.scenario != scenario]
        self._armed += [_Armed(fault, scenario) for fault in faults]

    def take(self, on: str, *, scenario: str | None = None) -> Fault | None:
        """The fault that strikes the request, stream or dial now beginning at stand-in ``on``, if any.

        ``scenario`` is the one it belongs to, None where the stand-in cannot know: then any may strike.
        """
        struck: Fault | None = None
        for armed in self._armed:
            if armed.fault.on != on or (None not in (armed.scenario, scenario) and armed.scenario != scenario):
                continue
            armed.seen += 1
            due = armed.fault.turn or armed.fault.call
            if struck is None and armed.struck < armed.fault.times and (due is None or armed.seen >= due):
                armed.struck += 1
                struck = armed.fault
        return struck

    def waiting(self) -> list[Fault]:
        """The faults that have not struck as often as they are to."""
        return [armed.fault for armed in self._armed if armed.struck < armed.fault.times]

    def clear(self) -> None:
        self._armed.clear()
