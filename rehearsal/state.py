"""What the stand-ins of one rehearsal share."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.casting import Casting
from rehearsal.delays import Delays
from rehearsal.ear import PhraseBook
from rehearsal.faults import Faults
from rehearsal.scenario import Demo
from rehearsal.scenario_files import BUILT_IN_FOLDER, load_business, load_demo, load_folder
from rehearsal.voice import Voice

RESULTS_KEPT = 500
"""Of the recogniser: some minutes of speech."""


@dataclass(frozen=True, slots=True)
class Result:
    """A hypothesis that the recogniser sent, and when."""

    text: str
    final: bool
    at_ms: float
    """Epoch."""


@dataclass
class RehearsalState:
    """One per process; every stand-in holds the same."""

    scenarios: Casting
    demo: Demo
    phrasebook: PhraseBook = field(default_factory=PhraseBook)
    """Everything that either side has spoken: what can be recognised."""
    delays: Delays = field(default_factory=lambda: Delays.model_validate({}))
    voice: Voice = field(default_factory=Voice)
    faults: Faults = field(default_factory=Faults)
    recognised: deque[Result] = field(default_factory=lambda: deque(maxlen=RESULTS_KEPT))
    """Google's, oldest first."""

    @classmethod
    def load(cls, folders: Sequence[Path] = (BUILT_IN_FOLDER,)) -> RehearsalState:
        """Read all scenarios of ``folders``; one in a later folder replaces an earlier one of its name.

        Raises ScenarioError with every problem of the first folder that has any.
        """
        by_name = {scenario.name: scenario for folder in folders for scenario in load_folder(folder)}
        return cls(scenarios=Casting(by_name.values(), load_business()), demo=load_demo())
