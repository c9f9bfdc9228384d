"""`floyd worker`: the daemon alone."""

from __future__ import annotations

import os

import typer

from worker.cli import options, output
from worker.cli.failure import CliError, ExitCode
from worker.cli.supervise.ports import LOOPBACK
from worker.keys import with_worker_token
from worker.settings import forget_empty, load_settings, rehearsed_vendors


def worker(as_json: options.Json = False, debug: options.Debug = False) -> None:
    """Run the worker against the deployment of CONVEX_URL, until SIGTERM.

    It needs all vendors: keys, or the addresses of stand-ins (`python -m rehearsal serve` runs some). At SIGTERM
    it claims nothing more, lets its calls end for a bounded time, then says goodbye in them. With --json: prints
    one object at its start; the log, on standard error, is not affected.

    \b
    Examples:
      CONVEX_URL=https://happy-animal-123.convex.cloud floyd worker
    """
    settings = load_settings()
    if settings.convex_url is None:
        raise CliError(
            "CONVEX_URL is not set: the worker has no deployment",
            "Set it, or use `floyd up`, which starts the embedded one",
            ExitCode.USAGE,
        )
    if missing := sorted(vendor.value for vendor in rehearsed_vendors(settings)):
        raise CliError(
            f"Neither key nor address is set for: {', '.join(missing)}",
            "Set them (README, Settings), or use `floyd up`, which rehearses what is missing",
            ExitCode.USAGE,
        )
    forget_empty(os.environ)
    if as_json:
        output.emit({"url": f"http://{LOOPBACK}:{settings.floyd_port}", "deployment": settings.convex_url})
    # Late: the vendors' clients take seconds to import, and no other command needs them.
    from worker.daemon.main import run

    raise typer.Exit(run(with_worker_token(settings)))
