"""The part `call`: runs its series one after the other on one stand, and prints their tables."""

from __future__ import annotations

import tempfile
import traceback
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from figures import Options

from call import latency, load, long, odd, yielding
from call.floyd_stand import FloydStand

SERIES = ("latency", "zero", "yield", "load", "odd", "long")
UNASKED = SERIES[:-1]
"""What is run where `--only` names nothing: half an hour is asked for."""
MOST_CALLS = 100


async def measure(options: Options) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="floyd-bench-") as folder:
        async with FloydStand.standing(Path(folder), calls=MOST_CALLS) as stand:
            for name in options.only or UNASKED:
                print(f"bench: call: {name}", flush=True)
                try:
                    found[name] = await _series(name, stand, options)
                except Exception as error:  # the others' figures took minutes to get
                    traceback.print_exc()
                    found[name] = {"problems": [repr(error)], "broken": True}
    found["problems"] = [f"{name}: {problem}" for name, series in found.items() for problem in series["problems"]]
    return found


async def _series(name: str, stand: FloydStand, options: Options) -> dict[str, Any]:
    match name:
        case "latency":
            return await latency.measure(stand, quick=options.quick)
        case "zero":
            return await latency.measure_zero(stand, quick=options.quick)
        case "yield":
            return await yielding.measure(stand, quick=options.quick)
        case "load":
            return await load.measure(stand, quick=options.quick, steps=options.steps)
        case "odd":
            return await odd.measure(stand, quick=options.quick)
        case "long":
            return await long.measure(stand, minutes=options.minutes)
        case _:
            raise ValueError(name)


PEERS = ("pipecat", "livekit")


def table(found: dict[str, Any]) -> str:
    tables = {
        "latency": lambda series: latency.table("Turns", series),
        "zero": lambda series: latency.table("All services at zero", series),
        "yield": yielding.table,
        "load": load.table,
        "odd": odd.table,
        "long": long.table,
    }
    parts = [
        "\n".join(table(found[name]))
        for name, table in tables.items()
        if name in found and "broken" not in found[name]
    ]
    parts += [f"  {peer} is installed here, and was not measured" for peer in PEERS if find_spec(peer)]
    return "\n\n".join(["", *parts])
