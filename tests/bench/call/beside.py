"""Other bots in the same run, on the same core: the steps of `load` in turn with Floyd's, the other series after
all of Floyd's."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from figures import value_line

from call import bots, latency, load, yielding
from call.bot_stand import BotStand
from call.each import each, is_whole, problems_of
from call.standing import Stand

ALONE = ("latency", "zero", "yield")
SERIES = (*ALONE, "load")
"""What can be asked of any bot."""


async def series(name: str, stand: Stand, *, quick: bool) -> dict[str, Any]:
    """One of `ALONE`, with whoever stands there."""
    match name:
        case "latency":
            return await latency.measure(stand, quick=quick)
        case "zero":
            return await latency.measure_zero(stand, quick=quick)
        case "yield":
            return await yielding.measure(stand, quick=quick)
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


FLOYD = "floyd"
DID_NOT_START = (AssertionError, TimeoutError, ValueError)


async def measure_load(
    floyd: Stand, names: Iterable[str], *, quick: bool, steps: tuple[int, ...]
) -> dict[str, dict[str, Any]]:
    """The figures of `FLOYD` and of all bots that are installed, by name."""
    stands, broken = {FLOYD: floyd}, {}
    async with AsyncExitStack() as standing:
        for bot in names:
            if bots.missing(bot):
                continue
            try:
                stands[bot] = await standing.enter_async_context(_stand(bot))
            except DID_NOT_START as error:
                broken[bot] = {"problems": [str(error) or repr(error)], "broken": True}
        return broken | await load.measure(stands, quick=quick, steps=steps)


async def measure(bot: str, floyds: dict[str, Any], loads: dict[str, Any], *, quick: bool) -> dict[str, Any]:
    """The series that Floyd has figures of; of `load`, what `measure_load` has found."""
    if missing := bots.missing(bot):
        return {"missing": missing, "problems": []}
    found = {}
    if measured := [name for name in ALONE if is_whole(floyds, name)]:
        try:
            async with _stand(bot) as stand:
                found = await each(f"call: {bot}", measured, lambda name: series(name, stand, quick=quick))
        except DID_NOT_START as error:
            found = {"start": {"problems": [str(error) or repr(error)], "broken": True}}
    if bot in loads:
        found["load"] = loads[bot]
    problems = problems_of(found)
    if is_whole(found, "load") and is_whole(floyds, "load"):
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
