"""Where the words go: results to standard output, progress and errors to standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from rich.console import Console
from rich.markup import escape
from rich.text import Text

_tracebacks = False


def show_tracebacks() -> None:
    global _tracebacks  # noqa: PLW0603 - one switch of the whole command
    _tracebacks = True


def tracebacks_wanted() -> bool:
    return _tracebacks


def stdout() -> Console:
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def stderr() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def emit(value: Any) -> None:
    """One JSON object on one line, at once."""
    sys.stdout.write(orjson.dumps(tidy(value)).decode() + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """A result for a person. Plain text: nothing in it is markup."""
    stdout().print(escape(text))


def say_unbroken(text: str) -> None:
    """The same for what is copied as a whole, such as a link: on one line, however narrow the terminal."""
    stdout().print(escape(text), soft_wrap=True)


def note(text: str) -> None:
    """Something to know beside the result."""
    stderr().print(escape(text), style="dim")


def warn(text: str) -> None:
    stderr().print(escape(text), style="yellow")


def tidy(value: Any) -> Any:
    """Whole floats as integers: the subscribing client delivers 3.0 where HTTP delivers 3."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: tidy(item) for key, item in value.items()}
        case list() | tuple():
            return [tidy(item) for item in value]
        case _:
            return value


class Progress:
    """Slow steps: a line for each, and on a terminal a spinner while it lasts."""

    def __init__(self) -> None:
        self._console = stderr()

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        if not self._console.is_terminal:
            self._console.print(escape(f"{doing} ..."))
            yield
            return
        with self._console.status(escape(doing)):
            yield
        self._console.print(f"[green]✓[/green] {escape(doing)}")


def complain(what: str, remedy: str = "") -> None:
    """An error, in one line, and what to do about it."""
    line = Text.assemble(("floyd: ", "bold red"), what)
    if remedy and "\n" in what:
        line.append(f"\n{remedy}.")
    elif remedy:
        line.append(f"{'' if what.endswith(('.', '!', '?')) else '.'} {remedy}.")
    stderr().print(line, soft_wrap=True)
