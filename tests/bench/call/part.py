"""The part `call`: runs its series one after the other on one stand, and prints their tables."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from figures import Options

from call import latency, load, yielding
from call.standing import Stand

SERIES = ("latency", "zero", "yield", "load")
MOST_CALLS = 100


async def measure(options: Options) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="floyd-bench-") as folder:
        async with Stand.standing(Path(folder), calls=MOST_CALLS) as stand:
            for name in options.only or SERIES:
                print(f"bench: call: {name}", flush=True)
                match name:
                    case "latency":
                        found[name] = await latency.measure(stand, quick=options.quick)
                    case "zero":
                        found[name] = await latency.measure_zero(stand, quick=options.quick)
                    case "yield":
                        found[name] = await yielding.measure(stand, quick=options.quick)
                    case "load":
                        found[name] = await load.measure(stand, quick=options.quick, steps=options.steps)
    found["problems"] = [f"{name}: {problem}" for name, series in found.items() for problem in series["problems"]]
    return found


def table(found: dict[str, Any]) -> str:
    lines: list[str] = []
    if "latency" in found:
        lines += ["", *latency.table("Turns", found["latency"])]
    if "zero" in found:
        lines += ["", *latency.table("All services at zero", found["zero"])]
    if "yield" in found:
        lines += ["", *yielding.table(found["yield"])]
    if "load" in found:
        lines += ["", *load.table(found["load"])]
    return "\n".join(lines)
