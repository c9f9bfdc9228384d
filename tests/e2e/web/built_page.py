"""The web client as it is served: built as `floyd up` builds it, once per change, however many processes ask."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deployment_process import ROOT

from worker.cli.supervise import page
from worker.cli.supervise.page import DIST


def build() -> None:
    """Build web/dist, unless it is current. Also from within a loop: the build has a loop of its own."""
    logs = ROOT / ".floyd" / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(asyncio.run, page.build(logs)).result()


def files() -> list[Path]:
    """What a browser may load of the built page."""
    return [path for path in DIST.rglob("*") if path.is_file() and not path.name.startswith(".")]
