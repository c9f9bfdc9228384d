"""The command line of `scripts/bench`: runs the parts that are named, or all, and prints their tables."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

# Its own folder is on the path because it is run as a script; what all tests share is one above.
sys.path.insert(1, str(Path(__file__).resolve().parents[1]))

import embedded_load
import floyd
import psutil
from call import part as call
from figures import Options

PARTS = {"floyd": floyd, "call": call, "embedded": embedded_load}
"""Each has `async measure(options) -> figures` and `table(figures) -> str`; figures hold `problems`."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measure Floyd and its deployment on this machine."
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"what to measure: {', '.join(PARTS)} (all)")
    parser.add_argument(
        "--calls",
        type=_counts,
        default=(),
        metavar="N[,N...]",
        help="simultaneous calls: one number for `floyd` (20), steps for the series `load` of `call`",
    )
    parser.add_argument("--only", metavar="SERIES[,SERIES...]", default="", help="series of the part `call`")
    parser.add_argument("--minutes", type=float, default=30.0, help="length of the series `long` of `call` (30)")
    parser.add_argument(
        "--beside",
        metavar="NAME[,NAME...]",
        default="",
        help="the same series of `call` (latency, zero, yield, load) with other bots in the same run, and "
        f"what Floyd costs in terms of theirs: {', '.join(call.BOTS)}; one whose packages are missing is left "
        "out. floor only moves bytes: the least that a call costs in Python",
    )
    parser.add_argument("--quick", action="store_true", help="fewer requests, calls and turns")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the raw figures there")
    given = parser.parse_args()
    unknown = [name for name in given.parts if name not in PARTS]
    if unknown:
        parser.error(f'there is no part "{unknown[0]}"; there are: {", ".join(PARTS)}')
    calls = given.calls[-1] if given.calls else 20
    if "floyd" in (given.parts or PARTS) and not 1 <= calls <= 50:
        parser.error("--calls: from 1 to 50 for the part floyd")
    only = tuple(name for name in given.only.split(",") if name)
    unknown = [name for name in only if name not in call.SERIES]
    if unknown:
        parser.error(f'there is no series "{unknown[0]}"; there are: {", ".join(call.SERIES)}')
    beside = tuple(dict.fromkeys(name for name in given.beside.split(",") if name))
    unknown = [name for name in beside if name not in call.BOTS]
    if unknown:
        parser.error(f'there is no bot "{unknown[0]}"; there are: {", ".join(call.BOTS)}')
    if beside and "call" not in (given.parts or PARTS):
        parser.error("--beside: goes with the part call")
    options = Options(
        calls=min(calls, 5) if given.quick else calls,
        quick=given.quick,
        only=only,
        steps=given.calls,
        minutes=given.minutes,
        beside=beside,
    )
    figures: dict[str, Any] = {"machine": machine()}
    problems: list[str] = []
    for name in given.parts or PARTS:
        try:
            measured = asyncio.run(_until_terminated(PARTS[name].measure(options)))
        except (KeyboardInterrupt, asyncio.CancelledError):
            print(f"bench: {name}: broken off", file=sys.stderr)
            return 130
        figures[name] = measured
        problems += [f"{name}: {problem}" for problem in measured["problems"]]
        print(PARTS[name].table(measured), flush=True)
    if given.json is not None:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")
    for problem in problems:
        print(f"bench: {problem}", file=sys.stderr)
    return 1 if problems else 0


async def _until_terminated(measuring: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """SIGTERM breaks off as SIGINT does, so that the processes that were started are ended first."""
    measurement = asyncio.current_task()
    assert measurement is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, measurement.cancel)
    return await measuring


def _counts(text: str) -> tuple[int, ...]:
    try:
        counts = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number, or numbers like 1,8,16') from None
    if not all(1 <= count <= call.MOST_CALLS for count in counts):
        raise argparse.ArgumentTypeError(f"from 1 to {call.MOST_CALLS}")
    return counts


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
