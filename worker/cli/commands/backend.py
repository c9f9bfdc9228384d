"""`floyd backend`: the embedded Convex deployment, for any folder of functions."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated

import typer

from worker.cli import interrupt, options, output
from worker.cli.failure import CliError, usage
from worker.cli.supervise import programs
from worker.cli.supervise.admin import deployment_environment, set_environment
from worker.cli.supervise.child import Child
from worker.cli.supervise.house import BACKEND_START_S, OTHERS_STOP_S
from worker.cli.supervise.ports import Port, is_free, usual_or_free
from worker.settings import PROJECT_ROOT, Settings, load_settings


def backend(
    *,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="3210 if it is free; 0: any.")
    ] = None,
    site_port: Annotated[
        int | None, typer.Option("--site-port", min=0, max=65535, help="HTTP actions: 3211 if it is free; 0: any.")
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Folder of the database.")] = None,
    functions: Annotated[
        Path | None, typer.Option("--functions", help="Folder of functions; Floyd's own.")
    ] = None,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Serve a folder of Convex functions from one process on SQLite, until interrupted.

    Any Convex client connects to its address; `npx convex` does with CONVEX_SELF_HOSTED_URL and
    CONVEX_SELF_HOSTED_ADMIN_KEY. With --json: prints {url, siteUrl, adminKey} once it is ready.

    \b
    Examples:
      floyd backend
      floyd backend --functions ../shop/convex --data ../shop/.data --port 0 --site-port 0 --json
    """
    settings = load_settings()
    folder = (functions or programs.FUNCTIONS).absolute()
    if not folder.is_dir():
        raise usage(
            f"--functions: {folder} is not a folder", "Give the folder that holds the functions, often convex/"
        )
    command = programs.backend_command(
        _port(port, Port.BACKEND, "--port"),
        _port(site_port, Port.SITE, "--site-port"),
        (data or _data_folder(settings, functions)).absolute(),
        folder,
    )
    try:
        interrupt.run(_serve(command, settings, functions is None, as_json))
    except interrupt.Interrupted:
        return


def _port(given: int | None, usual: Port, option: str) -> int:
    if given is None:
        return usual_or_free(usual)
    if given and not is_free(given):
        raise usage(
            f"{option}: port {given} is taken", f"Stop what uses it, or leave {option} out to get a free one"
        )
    return given


def _data_folder(settings: Settings, functions: Path | None) -> Path:
    """Floyd's own database, or one for each other folder of functions."""
    if functions is None:
        return settings.floyd_data_dir / "embedded"
    path = functions.absolute()
    return (
        settings.floyd_data_dir / "backends" / f"{path.name}-{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    )


async def _serve(command: list[str], settings: Settings, floyds_own: bool, as_json: bool) -> None:
    child = Child(
        "deployment",
        command,
        dict(os.environ),
        PROJECT_ROOT,
        settings.floyd_data_dir / "logs" / "backend.log",
        echo=True,
    )
    try:
        await child.start()
        ready = await child.ready(BACKEND_START_S)
        if floyds_own:
            # So that this data folder's tokens are good there, as with `floyd up`.
            await set_environment(str(ready["url"]), str(ready["adminKey"]), deployment_environment(settings))
        if as_json:
            output.emit({name: ready[name] for name in ("url", "siteUrl", "adminKey")})
        else:
            output.say(f"deployment  {ready['url']}")
            output.say(f"HTTP        {ready['siteUrl']}")
            output.say(f"admin key   {ready['adminKey']}")
        await child.wait()
        raise child.ended_unexpectedly()
    except KeyError as error:
        raise CliError(f"The deployment did not say its {error}") from error
    finally:
        await child.stop(OTHERS_STOP_S)
