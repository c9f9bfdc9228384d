"""The command line of `scripts/bench`: runs the parts that are named, or all, and prints their tables."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

# Its own folder is on the path because it is run as a script; what all tests share is one above.
sys.path.insert(1, str(Path(__file__).resolve().parents[1]))

import embedded_load
import floyd
import psutil
from figures import Options

PARTS = {"floyd": floyd, "embedded": embedded_load}
"""Each has `async measure(options) -> figures` and `table(figures) -> str`; figures hold `problems`."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measure Floyd and its deployment on this machine."
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"what to measure: {', '.join(PARTS)} (all)")
    parser.add_argument("--calls", type=int, default=20, help="simultaneous calls (20)")
    parser.add_argument("--quick", action="store_true", help="fewer requests, calls and turns")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the raw figures there")
    given = parser.parse_args()
    unknown = [name for name in given.parts if name not in PARTS]
    if unknown:
        parser.error(f'there is no part "{unknown[0]}"; there are: {", ".join(PARTS)}')
    if not 1 <= given.calls <= 50:
        parser.error("--calls: from 1 to 50")
    options = Options(calls=min(given.calls, 5) if given.quick else given.calls, quick=given.quick)
    figures: dict[str, Any] = {"machine": machine()}
    problems: list[str] = []
    for name in given.parts or PARTS:
        measured = asyncio.run(PARTS[name].measure(options))
        figures[name] = measured
        problems += [f"{name}: {problem}" for problem in measured["problems"]]
        print(PARTS[name].table(measured), flush=True)
    if given.json is not None:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")
    for problem in problems:
        print(f"bench: {problem}", file=sys.stderr)
    return 1 if problems else 0


def machine() -> dict[str, Any]:
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": psutil.cpu_count(),
        "loadAverage": psutil.getloadavg()[0],
        "python": platform.python_version(),
        "system": platform.platform(),
    }


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # The subscribing client's threads may not survive the interpreter's own way out.
    os._exit(code)
