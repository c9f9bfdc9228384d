"""Other bots in the same run: after Floyd's series the same ones with each bot, on the same core."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from figures import value_line

from call import bots, latency, load, yielding
from call.bot_stand import BotStand
from call.each import each, is_whole, problems_of
from call.standing import Stand

SERIES = ("latency", "zero", "yield", "load")
"""What can be asked of any bot."""


async def series(name: str, stand: Stand, *, quick: bool, steps: tuple[int, ...]) -> dict[str, Any]:
    """One of `SERIES`, with whoever stands there."""
    match name:
        case "latency":
            return await latency.measure(stand, quick=quick)
        case "zero":
            return await latency.measure_zero(stand, quick=quick)
        case "yield":
            return await yielding.measure(stand, quick=quick)
        case "load":
            return await load.measure(stand, quick=quick, steps=steps)
        case _:
            raise ValueError(name)


def table_of(name: str, found: dict[str, Any], who: str) -> list[str]:
    match name:
        case "latency":
            return latency.table("Turns", found, who)
        case "zero":
            return latency.table("All services at zero", found, who)
        case "yield":
            return yielding.table(found, who)
        case "load":
            return load.table(found, who)
        case _:
            raise ValueError(name)


async def measure(bot: str, floyds: dict[str, Any], *, quick: bool) -> dict[str, Any]:
    """The series that Floyd has figures of, with the same calls at once."""
    if missing := bots.missing(bot):
        return {"missing": missing, "problems": []}
    measured = [name for name in SERIES if is_whole(floyds, name)]
    steps = tuple(row["calls"] for row in floyds["load"]["rows"]) if "load" in measured else ()
    try:
        async with _stand(bot) as stand:
            found = await each(
                f"call: {bot}", measured, lambda name: series(name, stand, quick=quick, steps=steps)
            )
    except (AssertionError, TimeoutError, ValueError) as error:  # it did not start
        return {"problems": [str(error) or repr(error)]}
    problems = problems_of(found)
    if "rows" in found.get("load", {}):
        found["cpuRatios"] = _cpu_ratios(floyds["load"]["rows"], found["load"]["rows"])
    return {**found, "problems": problems}


@asynccontextmanager
async def _stand(bot: str) -> AsyncIterator[BotStand]:
    with tempfile.TemporaryDirectory(prefix=f"floyd-bench-{bot}-") as folder:
        async with BotStand.standing(bot, Path(folder)) as stand:
            yield stand


def _cpu_ratios(floyds: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> dict[int, float]:
    """Floyd's CPU time per call-minute in the bot's, by the number of calls at once."""
    of_bot = {row["calls"]: row["cpuSecondsPerCallMinute"] for row in theirs}
    return {
        row["calls"]: row["cpuSecondsPerCallMinute"] / of_bot[row["calls"]]
        for row in floyds
        if of_bot.get(row["calls"])
    }


def tables(bot: str, found: dict[str, Any]) -> list[str]:
    """To be parted by empty lines."""
    if "missing" in found:
        return [f"Beside Floyd: {bot} is left out: not installed here: {', '.join(found['missing'])}"]
    parts = [f"Beside Floyd, in the same run: {bot}"]
    parts += ["\n".join(table_of(name, found[name], bot)) for name in SERIES if is_whole(found, name)]
    if ratios := found.get("cpuRatios"):
        lines = [
            value_line("Calls at once on one core", *ratios),
            value_line(f"CPU s per call-minute, Floyd / {bot}", *(f"{ratio:.2f}" for ratio in ratios.values())),
        ]
        parts.append("\n".join(lines))
    return parts
