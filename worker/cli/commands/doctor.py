"""`floyd doctor`: what is configured, reachable, rehearsed."""

from __future__ import annotations

import typer
from rich.markup import escape

from worker.cli import checks, interrupt, options, output
from worker.cli.checks import Check, State
from worker.cli.failure import ExitCode
from worker.cli.supervise.running import read_running
from worker.settings import SettingsError, load_settings

MARKS = {
    State.OK: "[green]✓[/green]",
    State.REHEARSED: "[yellow]~[/yellow]",
    State.OFF: "[dim]-[/dim]",
    State.FAILED: "[bold red]✗[/bold red]",
}


def doctor(as_json: options.Json = False, debug: options.Debug = False) -> None:
    """Check what is configured, what can be reached, and what is rehearsed. Shows no secrets.

    Exit code 1 when something that should work does not.

    \b
    Examples:
      floyd doctor
      floyd doctor --json | jq '.checks[] | select(.state == "failed")'
    """
    found = interrupt.run(_examine())
    failed = any(check.state is State.FAILED for check in found)
    if as_json:
        names = ("name", "state", "detail", "remedy")
        output.emit({"ok": not failed, "checks": [{name: str(getattr(c, name)) for name in names} for c in found]})
    else:
        _print(found)
    raise typer.Exit(ExitCode.FAILED if failed else ExitCode.OK)


async def _examine() -> list[Check]:
    found = [checks.check_python(), await checks.check_node()]
    try:
        settings = load_settings()
    except SettingsError as error:
        remedy = "Correct it in the environment or in .env.local"
        return [*found, *(Check("settings", State.FAILED, problem, remedy) for problem in error.problems)]
    running = read_running(settings.floyd_data_dir)
    folder = checks.check_data_folder(settings)
    found += [folder, checks.check_ports(settings, running)]
    if folder.state is State.OK:  # without a key nobody can sign in
        found += await checks.check_deployment(settings, running)
    found.append(await checks.check_worker(settings, running))
    found += await checks.check_vendors(settings)
    if public := await checks.check_public_url(settings):
        found.append(public)
    if settings.floyd_call_override:
        found.append(Check("call override", State.OK, f"every call goes to {settings.floyd_call_override}"))
    return found


def _print(found: list[Check]) -> None:
    console = output.stdout()
    for check in found:
        console.print(f"{MARKS[check.state]} {check.name:<13} {escape(check.detail)}")
        if check.remedy and check.state is not State.OK:
            console.print(f"  {'':<13} [dim]{escape(check.remedy)}[/dim]")
    rehearsed = [check.name for check in found if check.state is State.REHEARSED]
    if rehearsed:
        console.print(f"[yellow]rehearsal:[/yellow] {', '.join(rehearsed)} would be played by stand-ins")
