"""The web client as it is served, built once per run of the tests, however many processes run them."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

from deployment_process import ROOT

DIST = ROOT / "web" / "dist"
LOCK = ROOT / ".floyd" / "web-build.lock"
BUILD_S = 120.0
"""A few seconds alone on two cores."""


def build() -> None:
    """Build web/dist, unless another process of this run of the tests has."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if lock.read() == run and (DIST / "index.html").exists():
            return
        vite = ROOT / "node_modules" / "vite" / "bin" / "vite.js"
        command = [
            "node",
            str(vite),
            "build",
            "--config",
            str(ROOT / "web" / "vite.config.ts"),
            "--logLevel",
            "warn",
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=BUILD_S, check=False)
        assert done.returncode == 0, f"the page could not be built:\n{done.stdout}\n{done.stderr}"
        lock.truncate(0)
        lock.write(run)


def files() -> list[Path]:
    """What a browser may load of the built page."""
    return [path for path in DIST.rglob("*") if path.is_file()]
