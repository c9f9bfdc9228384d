"""Reads scenario files and says of a broken one where it is broken: ``file:line: field: problem``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from rehearsal.scenario import Business, Demo, Scenario

# A scenario is a page of text; a file far beyond that is something else, given by mistake.
MAX_FILE_BYTES = 1_000_000

HERE = Path(__file__).parent
BUILT_IN_FOLDER = HERE / "scenarios"
GENERIC_FILE = HERE / "generic.yaml"
DEMO_FILE = HERE / "demo.yaml"

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a file. ``line`` counts from 1; ``field`` is a path such as ``calls[0].after``."""

    path: Path
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}"
        return f"{where}: {self.field}: {self.message}" if self.field else f"{where}: {self.message}"


class ScenarioError(Exception):
    """A scenario file that cannot be used; ``problems`` names every line and field."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = list(problems)


def load_scenario(path: Path) -> Scenario:
    """One scenario. Raises ScenarioError with every problem found in the file."""
    return _load(path, Scenario)


def load_business(path: Path = GENERIC_FILE) -> Business:
    return _load(path, Business)


def load_demo(path: Path = DEMO_FILE) -> Demo:
    return _load(path, Demo)


def load_folder(folder: Path) -> list[Scenario]:
    """All ``*.yaml`` of a folder, by name. Raises ScenarioError; two files with one name are a problem too."""
    if not folder.is_dir():
        raise ScenarioError([Problem(folder, 1, "", "is not a folder; give one that holds *.yaml scenario files")])
    scenarios: dict[str, Scenario] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            scenario = load_scenario(path)
        except ScenarioError as error:
            problems += error.problems
            continue
        if scenario.name in scenarios:
            problems.append(Problem(path, 1, "name", f'"{scenario.name}" is the name of another file here'))
        scenarios[scenario.name] = scenario
    if problems:
        raise ScenarioError(problems)
    return list(scenarios.values())


def _load(path: Path, shape: type[ModelT]) -> ModelT:
    data = _read_yaml(path)
    if not isinstance(data, CommentedMap):
        raise ScenarioError([Problem(path, 1, "", f"must be fields such as {_allowed(shape)}")])
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        raise ScenarioError([_problem(path, data, shape, detail) for detail in error.errors()]) from None


def _read_yaml(path: Path) -> Any:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ScenarioError([Problem(path, 1, "", f"is larger than {MAX_FILE_BYTES} bytes: not a scenario")])
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioError([Problem(path, 1, "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ScenarioError([Problem(path, line, "", "is not UTF-8 text")]) from None
    try:
        return YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        what = (error.problem or "cannot be read").strip().splitlines()[0]
        raise ScenarioError([Problem(path, line, "", f"is not YAML: {what}")]) from None
    except YAMLError as error:
        raise ScenarioError([Problem(path, 1, "", f"is not YAML: {str(error).splitlines()[0]}")]) from None


def _problem(path: Path, data: CommentedMap, shape: type[BaseModel], detail: ErrorDetails) -> Problem:
    where = detail["loc"]
    line, steps = _locate(data, where)
    field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
    return Problem(path, line, field, _message(shape, detail, data))


def _locate(data: Any, loc: tuple[int | str, ...]) -> tuple[int, list[int | str]]:
    """The line of the deepest part of ``loc`` that the file has, and the steps that name the field."""
    line, here, steps = 1, data, list[int | str]()
    for step in loc:
        if isinstance(here, CommentedMap) and step in here:
            line = here.lc.key(step)[0] + 1
            here = here[step]
        elif isinstance(here, CommentedSeq) and isinstance(step, int) and step < len(here):
            line = here.lc.item(step)[0] + 1
            here = here[step]
        elif not isinstance(here, CommentedMap | CommentedSeq):
            break  # a step of the check itself (which member of a union), not of the file
        steps.append(step)
    return line, steps


def _message(shape: type[BaseModel], detail: ErrorDetails, data: CommentedMap) -> str:
    kind, loc, given = detail["type"], detail["loc"], detail["input"]
    match kind:
        case "extra_forbidden":
            return f"there is no such field; allowed here: {_allowed_at(shape, loc[:-1])}"
        case "missing":
            return "is missing; give it a value"
        case "value_error":
            return str(detail["msg"]).removeprefix("Value error, ")
        case "literal_error" | "enum":
            return f'"{given}" is not allowed; allowed: {detail["ctx"]["expected"]}'
        case "string_type":
            hint = "; put it in quotes" if isinstance(given, int | float | bool) else ""
            return f"must be text, not {_kind(given)}{hint}"
        case "list_type":
            return f"must be a list, not {_kind(given)}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"must be fields such as {_allowed_at(shape, loc)}, not {_kind(given)}"
    return f"{detail['msg'][:1].lower()}{detail['msg'][1:]} (given: {given!r})"


def _kind(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "a yes or no"
        case int() | float():
            return f"the number {value}"
        case str():
            return "text"
        case dict():
            return "fields"
        case list():
            return "a list"
    return type(value).__name__


def _allowed(shape: type[BaseModel]) -> str:
    return ", ".join(shape.model_fields)


def _allowed_at(shape: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    """The field names of the model that ``loc`` leads to."""
    here: Any = shape
    for step in loc:
        if isinstance(step, str) and isinstance(here, type) and issubclass(here, BaseModel):
            if step not in here.model_fields:
                break
            here = _model_in(here.model_fields[step].annotation) or here
    return _allowed(here)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        model = _model_in(part)
        if model:
            return model
    return None
