"""`floyd rehearse`: play scenarios, and say how they went."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from worker.cli import interrupt, options, output
from worker.cli.control import RehearsalControl
from worker.cli.failure import CliError, ExitCode, usage
from worker.cli.scenario_play import Verdict, play
from worker.cli.supervise.house import House
from worker.cli.supervise.running import Running, hold, read_running
from worker.cli.view.drivers import rehearsal_banner, viewer
from worker.settings import PROJECT_ROOT, Settings, load_settings

LIMIT_S = 180.0
"""The longest scenario with two calls and a question between takes under a minute and a half."""
CHECK_S = 60.0
YAML_NAMES = (".yaml", ".yml")


def rehearse(
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SCENARIO]...", help="Names, or YAML files; none: all there are."),
    ] = None,
    limit_s: Annotated[float, typer.Option("--timeout", min=1, help="Seconds for each scenario.")] = LIMIT_S,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Play rehearsal scenarios against the running `floyd up`, or against one of their own in a temporary folder.

    Nobody is called: the phone line is a stand-in, and so are the model and the recogniser unless their keys are
    set. Each scenario has a person of its own. Exit code 1 if any went otherwise than it should.
    With --json: one object a line, a verdict for each.

    \b
    Examples:
      floyd rehearse
      floyd rehearse school busy
      floyd rehearse ./my-plumber.yaml --json
    """
    wanted = scenarios or []
    files = [Path(name).absolute() for name in wanted if name.endswith(YAML_NAMES)]
    raise typer.Exit(interrupt.run(_rehearse(wanted, files, limit_s, as_json)))


async def _rehearse(wanted: list[str], files: list[Path], limit_s: float, as_json: bool) -> int:
    settings = load_settings()
    async with _line(settings, files) as (line_settings, running):
        if not as_json:
            output.say(rehearsal_banner(running.rehearsed))
        known = [scenario["name"] for scenario in await RehearsalControl(str(running.control_url)).scenarios()]
        names = [Path(name).stem if name.endswith(YAML_NAMES) else name for name in wanted] or known
        if unknown := [name for name in names if name not in known]:
            raise usage(f"There is no scenario {', '.join(unknown)}", f"There are: {', '.join(known)}")
        verdicts = [await _play_one(line_settings, running, name, limit_s, as_json) for name in names]
    if not as_json:
        _print_verdicts(verdicts)
    return ExitCode.OK if all(verdict.passed for verdict in verdicts) else ExitCode.FAILED


async def _play_one(settings: Settings, running: Running, name: str, limit_s: float, as_json: bool) -> Verdict:
    if as_json:
        verdict = await play(settings, running, name, limit_s, lambda _: None)
        output.emit(verdict.as_json())
        return verdict
    output.stdout().print(Rule(Text(f"rehearsal: {name}"), align="left"))
    with viewer(as_json=False, rehearsed=()) as draw:
        verdict = await play(settings, running, name, limit_s, draw)
    for problem in verdict.problems:
        output.say(f"FAILED {name}: {problem}")
    return verdict


@asynccontextmanager
async def _line(settings: Settings, files: list[Path]) -> AsyncIterator[tuple[Settings, Running]]:
    """A running Floyd whose phone line is rehearsed."""
    for file in files:
        await _check(file)
    running = read_running(settings.floyd_data_dir)
    here = running is not None and settings.convex_url in (None, running.url)
    if running is not None and here and "twilio" in running.rehearsed and not files:
        output.note(f"playing against the Floyd that runs already (process {running.pid})")
        yield settings, running
        return
    with tempfile.TemporaryDirectory(prefix="floyd-rehearsal-") as folder:
        own = _apart(settings, Path(folder) / "data")
        scenarios = Path(folder) / "scenarios"
        scenarios.mkdir()
        for file in files:
            shutil.copy(file, scenarios / file.name)
        house = House(own, scenarios=[scenarios] if files else None)
        with hold(own.floyd_data_dir):
            async with house.running() as running, _unless_broken(house):
                yield own, running


@asynccontextmanager
async def _unless_broken(house: House) -> AsyncIterator[None]:
    """Ends what is done inside with an error when a part of the house fails."""
    doing = asyncio.current_task()
    assert doing is not None
    watch = asyncio.create_task(house.broken())
    watch.add_done_callback(lambda done: None if done.cancelled() else doing.cancel())
    try:
        yield
    except asyncio.CancelledError:
        if watch.done() and not watch.cancelled():
            doing.uncancel()
            raise watch.result() from None
        raise
    finally:
        watch.cancel()


def _apart(settings: Settings, data_dir: Path) -> Settings:
    """The same settings with a data folder and a deployment of their own, and never a real phone line."""
    return settings.model_copy(
        update={
            "floyd_data_dir": data_dir,
            "convex_url": None,
            "convex_site_url": None,
            "worker_token": None,
            "floyd_public_url": None,
            "floyd_call_override": None,
            "floyd_line": "telephone",
            "twilio_account_sid": None,
            "twilio_auth_token": None,
            "twilio_phone_number": None,
            "twilio_api_base_url": None,
        }
    )


async def _check(file: Path) -> None:
    """Raises CliError with the line and field of a mistake."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "rehearsal",
        "check",
        str(file),
        cwd=PROJECT_ROOT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(CHECK_S):
            _, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise CliError(f"Checking {file} took longer than {CHECK_S:g} s") from None
    if process.returncode:
        raise usage(errors.decode(errors="replace").strip() or f"{file} is not a scenario", "Correct the file")


def _print_verdicts(verdicts: list[Verdict]) -> None:
    if output.stdout().is_terminal:
        output.stdout().print(_table(verdicts))
    else:
        for verdict in verdicts:
            outcome = verdict.outcome or "no outcome"
            end = f"{verdict.status}, {outcome}, {verdict.calls} calls, {verdict.seconds:.1f} s"
            problems = f": {'; '.join(verdict.problems)}" if verdict.problems else ""
            output.say(f"{'passed' if verdict.passed else 'FAILED'}  {verdict.scenario} ({end}){problems}")
    failed = sum(not verdict.passed for verdict in verdicts)
    output.say(f"{len(verdicts) - failed} passed, {failed} failed")


def _table(verdicts: list[Verdict]) -> Table:
    table = Table(title="rehearsal", title_justify="left", title_style="bold")
    for title in ("scenario", "verdict", "status", "outcome", "calls", "seconds", "problems"):
        table.add_column(title, justify="right" if title in ("calls", "seconds") else "left")
    for verdict in verdicts:
        mark = Text("passed", style="green") if verdict.passed else Text("FAILED", style="bold red")
        cells = [verdict.status, verdict.outcome, str(verdict.calls), f"{verdict.seconds:.1f}"]
        table.add_row(verdict.scenario, mark, *cells, Text("; ".join(verdict.problems)))
    return table
