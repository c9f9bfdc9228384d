"""The part `call`: runs its series one after the other on Floyd's stand, and on other bots' stands those that can
be asked of any bot; prints their tables."""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from figures import Options

from call import beside, bots, long, odd
from call.each import each, is_whole, problems_of
from call.floyd_stand import FloydStand

SERIES = ("latency", "zero", "yield", "load", "odd", "long")
UNASKED = SERIES[:-1]
"""What is run where `--only` names nothing: half an hour is asked for."""
MOST_CALLS = 100
BOTS = bots.NAMES
"""Who can be measured beside Floyd."""


async def measure(options: Options) -> dict[str, Any]:
    for bot in options.beside:
        if missing := bots.missing(bot):
            print(f"bench: call: {bot} is left out: not installed here: {', '.join(missing)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="floyd-bench-") as folder:
        async with FloydStand.standing(Path(folder), calls=MOST_CALLS) as stand:
            names = options.only or UNASKED
            alone = [name for name in names if name != "load"]
            found = await each("call", alone, lambda name: _series(name, stand, options))
            loads = {}
            if "load" in names:
                loads = await beside.measure_load(stand, options.beside, quick=options.quick, steps=options.steps)
                found["load"] = loads[beside.FLOYD]
    others = {bot: await beside.measure(bot, found, loads, quick=options.quick) for bot in options.beside}
    return {**found, "beside": others, "problems": problems_of(found) + problems_of(others)}


async def _series(name: str, stand: FloydStand, options: Options) -> dict[str, Any]:
    match name:
        case "latency" | "zero" | "yield":
            return await beside.series(name, stand, quick=options.quick)
        case "odd":
            return await odd.measure(stand, quick=options.quick)
        case "long":
            return await long.measure(stand, minutes=options.minutes)
        case _:
            raise ValueError(name)


PEERS = ("pipecat", "livekit")


def table(found: dict[str, Any]) -> str:
    parts = ["\n".join(_table(name, found[name])) for name in SERIES if is_whole(found, name)]
    for bot, figures in found["beside"].items():
        parts += beside.tables(bot, figures)
    parts += [
        f"  {peer} is installed here, and was not measured"
        for peer in PEERS
        if peer not in found["beside"] and find_spec(peer)
    ]
    return "\n\n".join(["", *parts])


def _table(name: str, found: dict[str, Any]) -> list[str]:
    match name:
        case "odd":
            return odd.table(found)
        case "long":
            return long.table(found)
        case _:
            return beside.table_of(name, found, "Floyd")
