"""The entry point of `floyd`."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from typing import NoReturn

import structlog
import typer

from worker.cli import output
from worker.cli.commands import (
    answer,
    ask,
    backend,
    cancel,
    contacts,
    doctor,
    facts,
    hint,
    listing,
    me,
    rehearse,
    show,
    token,
    up,
    watch,
    work,
)
from worker.cli.failure import ExitCode, explained
from worker.cli.interrupt import Interrupted

app = typer.Typer(
    name="floyd",
    help="Floyd makes phone calls for people: say what you need, and watch it being done.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

RUNNING = "Running Floyd"
REQUESTS = "Requests"
KNOWLEDGE = "What Floyd knows"

app.command(rich_help_panel=RUNNING)(up.up)
app.command(rich_help_panel=RUNNING)(backend.backend)
app.command("worker", rich_help_panel=RUNNING)(work.worker)
app.command(rich_help_panel=RUNNING)(rehearse.rehearse)
app.command(rich_help_panel=RUNNING)(doctor.doctor)
app.command(rich_help_panel=RUNNING)(token.token)
app.command(rich_help_panel=REQUESTS)(ask.ask)
app.command(rich_help_panel=REQUESTS)(watch.watch)
app.command(rich_help_panel=REQUESTS)(show.show)
app.command("list", rich_help_panel=REQUESTS)(listing.list_requests)
app.command(rich_help_panel=REQUESTS)(answer.answer)
app.command(rich_help_panel=REQUESTS)(hint.hint)
app.command(rich_help_panel=REQUESTS)(cancel.cancel)
app.command(rich_help_panel=KNOWLEDGE)(me.me)
app.add_typer(facts.app, rich_help_panel=KNOWLEDGE)
app.add_typer(contacts.app, rich_help_panel=KNOWLEDGE)


def main() -> NoReturn:
    """Run the command and leave the process.

    Without the interpreter's tidying up: the subscribing client's own threads may reach for the interpreter while
    it is being taken down, which aborts the process (SIGABRT in place of the exit code)."""
    code = run()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # whoever read it has gone
            stream.flush()
    os._exit(code)


def run() -> int:
    """Run the command; its exit code."""
    # Standard output is for results. The worker's own log is set up by the worker.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.stderr))
    try:
        app(prog_name="floyd")
    except SystemExit as ended:
        return (
            ended.code if isinstance(ended.code, int) else ExitCode.OK if ended.code is None else ExitCode.FAILED
        )
    except Exception as error:
        return _report(error)
    return ExitCode.OK


def _report(error: Exception) -> int:
    if isinstance(error, Interrupted):
        return ExitCode.INTERRUPTED
    if output.tracebacks_wanted():
        traceback.print_exception(error)
    known = explained(error)
    if known is None:
        output.complain(
            f"{type(error).__name__}: {error}", "This is a defect of Floyd's; --debug shows where it happened"
        )
        return ExitCode.FAILED
    output.complain(known.what, known.remedy)
    return known.code


if __name__ == "__main__":
    main()
