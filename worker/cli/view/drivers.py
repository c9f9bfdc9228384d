"""Showing a request while it changes: as a live screen, as appended lines, or as JSON lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from worker.cli import output
from worker.cli.view.plain import PlainView
from worker.cli.view.screen import screen
from worker.cli.view.words import Show

REDRAWS_PER_S = 8
"""Words arrive at most five times a second."""

Draw = Callable[[Show], None]


def rehearsal_banner(rehearsed: tuple[str, ...]) -> str:
    """What a rehearsal is, said before anything else; empty when nothing is rehearsed."""
    if not rehearsed:
        return ""
    phone = " No phone rings." if "twilio" in rehearsed else ""
    return f"rehearsal: {', '.join(rehearsed)} played by stand-ins on this machine.{phone}"


def public(show: Show) -> Show:
    """What `--json` prints while following: the contract's fields, and the words being spoken now."""
    names = ("request", "calls", "transcript", "turns", "questions", "disclosures", "live")
    return {name: show[name] for name in names if name in show}


@contextmanager
def viewer(*, as_json: bool, rehearsed: tuple[str, ...] = ()) -> Iterator[Draw]:
    """A function that draws each `requests:show`, in the way that suits standard output."""
    console = output.stdout()
    if as_json:
        yield lambda show: output.emit(public(show))
    elif console.is_terminal:
        with _live(console, rehearsed) as draw:
            yield draw
    else:
        yield _lines(console, rehearsed)


def _lines(console: Console, rehearsed: tuple[str, ...]) -> Draw:
    view = PlainView()
    if banner := rehearsal_banner(rehearsed):
        console.print(Text(banner))

    def draw(show: Show) -> None:
        for line in view.update(show):
            console.print(Text(line), soft_wrap=True)
        console.file.flush()

    return draw


@contextmanager
def _live(console: Console, rehearsed: tuple[str, ...]) -> Iterator[Draw]:
    latest: Show | None = None
    started = time.monotonic()

    def picture() -> RenderableType:
        if latest is None:
            return Text(f"waiting for the request ({time.monotonic() - started:.0f} s)", style="dim")
        return screen(latest, rehearsed=rehearsed, height=console.height)

    def draw(show: Show) -> None:
        nonlocal latest
        latest = show

    # What moves is drawn over and erased; what stays behind is the whole story, once.
    with Live(console=console, get_renderable=picture, refresh_per_second=REDRAWS_PER_S, transient=True):
        yield draw
    if latest is not None:
        console.print(screen(latest, rehearsed=rehearsed))
