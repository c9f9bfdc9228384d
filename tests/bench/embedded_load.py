"""The embedded deployment alone, under the load of official clients (`load/`, run with Node).

`README.md` beside this says what each number means.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from figures import Options

ROOT = Path(__file__).resolve().parents[2]
LOAD = Path(__file__).parent / "load" / "measure.ts"
WHOLE_RUN_S = 900.0
"""It takes some two minutes on a quiet machine, and every wait inside has a limit of its own."""


async def measure(options: Options) -> dict[str, Any]:
    command = [
        _node(),
        "--disable-warning=ExperimentalWarning",
        str(LOAD),
        *(["--quick"] if options.quick else []),
    ]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(WHOLE_RUN_S):
            output, _ = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    problems = [] if process.returncode == 0 else [f"the load ended with code {process.returncode}"]
    figures: dict[str, Any] = json.loads(output.splitlines()[-1]) if process.returncode == 0 else {}
    return {**figures, "problems": problems}


def _node() -> str:
    beside = Path(sys.executable).with_name("node")
    found = str(beside) if beside.exists() else shutil.which("node")
    if found is None:
        raise RuntimeError("Node is missing; run scripts/setup")
    return found


def table(figures: dict[str, Any]) -> str:
    if figures["problems"]:
        return "embedded: nothing was measured"
    start = figures["startUp"]
    lines = [
        "",
        f"{'mutation called -> subscriber told, ms':<56}{'p50':>9}{'p95':>9}{'p99':>9}{'CPU ms':>9}{'n':>6}",
    ]
    for one in figures["fanOut"]:
        count, kind = one["subscribers"], "a query each" if one["own"] else "the same query"
        if count == 1:
            lines.append(_times("1 subscriber", one["last"]))
        else:
            lines.append(_times(f"first of {count:,}, {kind}", one["first"]))
            lines.append(_times(f"last of {count:,}, {kind}", one["last"]))
    lines.append(f"{'mutations':<56}{'a second':>9}{'':>18}{'CPU ms':>9}{'n':>6}")
    lines += [
        f"  {one['name']:<54}{one['perSecond']:>9,}{'':>18}{_cell(one['cpuMs'])}{one['n']:>6}"
        for one in figures["throughput"]
    ]
    lines.append(f"{'one mutation, with subscriptions it does not touch, ms':<56}")
    lines += [
        _times(f"{one['subscriptions']:,} of {one['holder']}", one["mutation"]) for one in figures["untouched"]
    ]
    lines.append(f"{'an indexed read over the socket, ms':<56}")
    lines += [_times(f"5 rows of {one['rows']:,}", one["read"]) for one in figures["reads"]]
    seeded = figures["reads"][-1]
    lines += [
        "start-up and memory",
        f"  {'process started -> ready, median of 5, ms':<54}{start['medianMs']:>9.0f}",
        f"  {'resident, idle after the start, MiB':<54}{_cell(start['idleMiB'])}",
        f"  {'resident after fan-out and mutations, MiB':<54}{_cell(figures['memoryMiB'])}",
        f"  {'resident after the reads, MiB':<54}{_cell(figures['memoryAfterReadsMiB'])}",
        f"  {'rows inserted a second while seeding':<54}{seeded['seededPerSecond']:>9,}",
    ]
    return "\n".join(lines)


def _times(name: str, one: dict[str, Any]) -> str:
    cells = "".join(f"{one[key]:>9.2f}" for key in ("p50", "p95", "p99"))
    return f"  {name:<54}{cells}{_cell(one['cpuMs'])}{one['n']:>6}"


def _cell(value: float | None) -> str:
    return f"{'-':>9}" if value is None else f"{value:>9.2f}"
