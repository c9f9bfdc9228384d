"""Who answers at which number, and which scenario a request belongs to.

Every scenario answers at its own numbers. Starting one begins it anew (its first dial is again the first of its
``calls``) and gives it its numbers back if another scenario had them. Started with a ``number``, it answers there
instead, so that one scenario can run several times at once. A number that no scenario has is the generic business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from rehearsal.scenario import Business, CalleeCall, Scenario


class UnknownScenario(LookupError):
    """No scenario has this name; the message lists those there are."""


@dataclass(frozen=True)
class Role:
    """Who answers one dial. ``scenario`` is None for the generic business; ``dial`` counts from 1 per number."""

    call: CalleeCall
    scenario: str | None
    dial: int


@dataclass
class _Run:
    """A scenario (or the generic business) between two starts."""

    name: str | None
    calls: tuple[CalleeCall, ...]
    dials: dict[str, int] = field(default_factory=dict)

    def next_role(self, number: str) -> Role:
        here = [call for call in self.calls if call.number == number] or list(self.calls)
        dial = self.dials[number] = self.dials.get(number, 0) + 1
        return Role(here[min(dial, len(here)) - 1], self.name, dial)


class Casting:
    def __init__(self, scenarios: Iterable[Scenario], generic: Business) -> None:
        self._scenarios = {scenario.name: scenario for scenario in scenarios}
        self._generic = _Run(None, tuple(generic.calls))
        self._runs: dict[str, _Run] = {}
        for scenario in self._scenarios.values():
            self._bind(scenario, first_come=True)

    def all(self) -> list[Scenario]:
        return sorted(self._scenarios.values(), key=lambda scenario: scenario.name)

    def named(self, name: str) -> Scenario:
        """Raises UnknownScenario."""
        if name not in self._scenarios:
            raise UnknownScenario(
                f'there is no scenario "{name}"; there are: {", ".join(sorted(self._scenarios))}'
            )
        return self._scenarios[name]

    def start(self, name: str, number: str | None = None) -> Scenario:
        """Begin a scenario anew, at ``number`` instead of its first one if given.

        Returns it as it now is: with ``number`` in all the places its own first number stood in. The number must
        be E.164. Raises UnknownScenario, or ValueError for a number that is not.
        """
        scenario = self.named(name)
        if number is not None and number not in scenario.numbers():
            scenario = _at_number(scenario, number)
        self._bind(scenario, first_come=False)
        return scenario

    def role_at(self, number: str) -> Role:
        """Who answers when ``number`` is dialled now; counts the dial."""
        return self._runs.get(number, self._generic).next_role(number)

    def scenario_at(self, number: str) -> str | None:
        """The scenario that answers at ``number``, without counting a dial."""
        run = self._runs.get(number)
        return run.name if run else None

    def for_request(self, text: str) -> Scenario | None:
        """The scenario a request's text belongs to: by the same words first, then by ``request_like``."""
        by_name = self.all()
        exact = [scenario for scenario in by_name if scenario.has_words_of(text)]
        alike = [scenario for scenario in by_name if scenario.is_like(text)]
        return next(iter([*exact, *alike]), None)

    def _bind(self, scenario: Scenario, *, first_come: bool) -> None:
        run = _Run(scenario.name, tuple(scenario.calls))
        for number in scenario.numbers():
            if not (first_come and number in self._runs):
                self._runs[number] = run


def _at_number(scenario: Scenario, number: str) -> Scenario:
    own = scenario.numbers()[0]
    moved = scenario.model_dump_json().replace(own, number)
    return Scenario.model_validate_json(moved)
