"""How each part is started."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from worker.cli.failure import CliError
from worker.settings import PROJECT_ROOT

FUNCTIONS = PROJECT_ROOT / "convex"
"""Floyd's own functions."""


def node() -> str:
    """The Node that scripts/setup put beside this Python, else one on the PATH. Raises CliError."""
    beside = Path(sys.executable).parent / "node"
    found = str(beside) if beside.exists() else shutil.which("node")
    if found is None:
        raise CliError("Node was not found", "Run scripts/setup, which brings it")
    return found


def backend_command(port: int, site_port: int, data: Path, functions: Path) -> list[str]:
    main = PROJECT_ROOT / "embedded" / "main.mjs"
    if not main.exists():
        raise CliError(f"{main} is missing", "Run floyd from a whole checkout of the project")
    options = [
        "--port",
        str(port),
        "--site-port",
        str(site_port),
        "--data",
        str(data),
        "--functions",
        str(functions),
    ]
    return [node(), "--disable-warning=ExperimentalWarning", str(main), *options, "--json"]


def rehearsal_command(port: int, speech_port: int, scenarios: list[Path]) -> list[str]:
    folders = [part for folder in scenarios for part in ("--scenarios", str(folder))]
    ports = ["--port", str(port), "--speech-port", str(speech_port)]
    return [sys.executable, "-m", "rehearsal", "serve", *ports, *folders, "--json"]


def worker_command() -> list[str]:
    return [sys.executable, "-m", "worker.cli.main", "worker"]


def page_build_command(folder: Path) -> list[str]:
    return [*_vite(), "build", *_PAGE_CONFIG, "--outDir", str(folder), "--emptyOutDir", "--logLevel", "warn"]


def page_dev_command(host: str, port: int) -> list[str]:
    return [*_vite(), *_PAGE_CONFIG, "--host", host, "--port", str(port), "--strictPort", "--clearScreen", "false"]


_PAGE_CONFIG = ["--config", str(PROJECT_ROOT / "web" / "vite.config.ts")]


def _vite() -> list[str]:
    program = PROJECT_ROOT / "node_modules" / "vite" / "bin" / "vite.js"
    if not program.exists():
        raise CliError(f"{program} is missing", "Run scripts/setup, which brings it")
    return [node(), str(program)]
