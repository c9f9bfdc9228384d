"""`floyd up`: everything Floyd needs, in one command."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import typer

from worker.cli import interrupt, options, output
from worker.cli.failure import CliError, ExitCode
from worker.cli.page_shown import PageShown, page_line
from worker.cli.requesting import file_request, follow_shown, phone_number, request_text
from worker.cli.session import session
from worker.cli.supervise.house import House
from worker.cli.supervise.running import AlreadyRunning, Running, hold, is_held, read_running
from worker.cli.view.drivers import rehearsal_banner
from worker.deployment.client import FunctionError
from worker.settings import Settings, load_settings

OTHER_START_S = 120.0
"""Another `floyd up` for the same data folder may be starting."""
LOOK_EVERY_S = 0.2

READY = 'Floyd is ready. In another terminal:  floyd ask "Call ..." --wait    Ctrl-C stops everything.'


def up(
    text: Annotated[
        str | None,
        typer.Argument(metavar="TEXT", help="A request to carry out and follow; `-` reads it from stdin."),
    ] = None,
    *,
    to: options.To = None,
    scenario: options.Scenario = None,
    keep: Annotated[bool, typer.Option("--keep", help="With TEXT: keep everything running afterwards.")] = False,
    line: Annotated[
        Literal["telephone", "browser"] | None,
        typer.Option(
            "--line", help="What calls go over, in place of FLOYD_LINE; browser: the page rings, and you answer."
        ),
    ] = None,
    dev: Annotated[bool, typer.Option("--dev", help="Serve the page by Vite, for working on it.")] = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Start the embedded deployment, the worker, the page and, for each vendor without keys, its rehearsal.

    With TEXT: file that request, follow it live, and stop everything when it is over.
    Exit code 0 when it was completed, 3 when it needs an answer from you, 1 otherwise.

    With --json: the addresses once all is ready, then the request's states, one object a line; without TEXT
    {"pageUrl"} once the page is built.

    \b
    Examples:
      floyd up
      floyd up --dev
      floyd up --line browser
      floyd up "Call the school and let them know Mara is home sick today"
      floyd up "Ask whether they are open on Sunday" --to "+14155550142" --json
    """
    try:
        settings = load_settings() if line is None else load_settings(floyd_line=line)
        wanted = request_text(text) if text is not None else None
        number = phone_number(to)
        if wanted is None and (to or scenario):
            raise CliError("--to and --scenario belong to a request", 'Give one: floyd up "Call ..."')
        if dev and wanted is not None and not keep:
            raise CliError("--dev is for a Floyd that stays", "Leave out the request, or give --keep too")
        order = Wanted(wanted, number, scenario)
        raise typer.Exit(_run(settings, order, keep=keep, dev=dev, as_json=as_json))
    except CliError as error:
        # Not 2, 3 or 0: whoever runs a request with this command learns from it how the request ended.
        error.code = ExitCode.FAILED
        raise
    except FunctionError as error:
        raise CliError(error.message) from error


@dataclass(frozen=True)
class Wanted:
    """The request, if there is one."""

    text: str | None
    to: str | None
    scenario: str | None


def _run(settings: Settings, wanted: Wanted, *, keep: bool, dev: bool, as_json: bool) -> int:
    house: House | None = None

    def second_signal() -> None:
        if house is not None:
            house.kill()

    async def own() -> int:
        nonlocal house
        house = House(settings, dev=dev)
        page = PageShown(settings, builds=not dev)
        if wanted.text is None or settings.floyd_line == "browser":
            page.begin()
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(page.end)
            running = await stack.enter_async_context(house.running())
            show_page = partial(page.show, running.url, house.page_url, as_json=as_json)
            _announce(running, as_json, banner=wanted.text is None)
            if settings.floyd_line == "browser" and not as_json:
                output.say("line        the browser: Floyd's calls ring at its page, and you answer them there")
            elif wanted.text is not None and not as_json and (line := page_line(house.page_url)):
                output.say(line)
            work = asyncio.create_task(_work(settings, wanted, as_json, show_page, keep=keep))
            broken = asyncio.create_task(house.broken())
            try:
                await asyncio.wait({work, broken}, return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    return work.result()
                raise broken.result()
            finally:
                for task in (work, broken):
                    task.cancel()
                await asyncio.gather(work, broken, return_exceptions=True)

    try:
        try:
            with hold(settings.floyd_data_dir):
                return interrupt.run(own(), second_signal)
        except AlreadyRunning:
            return interrupt.run(_use_other(settings, wanted, as_json))
    except interrupt.Interrupted:
        return ExitCode.OK if wanted.text is None else ExitCode.INTERRUPTED


async def _work(
    settings: Settings, wanted: Wanted, as_json: bool, show_page: Callable[[], Awaitable[None]], *, keep: bool
) -> int:
    """Carry out the request, if there is one. Without one, or with `keep`: then wait for ever."""
    if wanted.text is None or settings.floyd_line == "browser":  # where the call will ring must be known before
        await show_page()
    if wanted.text is None:
        if not as_json:
            output.say(READY)
        await asyncio.Event().wait()
    code = await _carry_out(settings, wanted, as_json, goes_on=False)
    if keep:
        output.note("still running; Ctrl-C stops it")
        if settings.floyd_line != "browser":
            await show_page()
        await asyncio.Event().wait()
    return code


async def _carry_out(settings: Settings, wanted: Wanted, as_json: bool, *, goes_on: bool) -> int:
    """`goes_on`: so does the request when we are stopped."""
    assert wanted.text is not None
    async with session(settings=settings) as connection:
        request_id = await file_request(connection, wanted.text, wanted.to, wanted.scenario)
        return await follow_shown(connection, request_id, as_json=as_json, goes_on=goes_on)


async def _use_other(settings: Settings, wanted: Wanted, as_json: bool) -> int:
    """A `floyd up` has this data folder: its services do for a request."""
    running = await _other(settings)
    if wanted.text is None:
        output.note(f"already running (process {running.pid}) for {settings.floyd_data_dir}")
        _announce(running, as_json, banner=False)
        if not as_json:
            await PageShown(settings, builds=True).show(running.url, running.worker_url, as_json=False)
        return ExitCode.OK
    output.note(f"using the Floyd that runs already (process {running.pid})")
    if as_json:
        output.emit(running.as_json())
    return await _carry_out(settings, wanted, as_json, goes_on=True)


async def _other(settings: Settings) -> Running:
    deadline = time.monotonic() + OTHER_START_S
    with contextlib.ExitStack() as steps:
        waiting = False
        while True:
            running = read_running(settings.floyd_data_dir)
            if running is not None:
                return running
            if time.monotonic() > deadline or not is_held(settings.floyd_data_dir):
                raise CliError(
                    f"Another `floyd up` for {settings.floyd_data_dir} did not get ready",
                    "Look at its terminal, then try again",
                )
            if not waiting:
                steps.enter_context(output.Progress().step("waiting for another `floyd up` that is starting"))
                waiting = True
            await asyncio.sleep(LOOK_EVERY_S)


def _announce(running: Running, as_json: bool, *, banner: bool) -> None:
    if as_json:
        output.emit(running.as_json())
        return
    if banner and (text := rehearsal_banner(running.rehearsed)):
        output.say(text)
    output.say(f"deployment  {running.url}")
    if running.site_url:
        output.say(f"HTTP        {running.site_url}  (POST /requests)")
    output.say(f"worker      {running.worker_url}")
