"""The series `load`: how many calls one core holds.

Calls come and stay; once all are up, a stretch in which all talk is looked at, and then they are let go. The
worker has a core of its own. The stand-ins share the other: where they themselves were late, the row says little
of Floyd, and the step is taken again.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

from costs import Costs
from figures import Spread, spread, value_line
from stolen import Stolen

from call import scripts
from call.delays import Delays, configured_ms
from call.latency import disturbed
from call.standing import Note, Stand

STEPS = (1, 8, 16, 32, 48, 64, 80)
QUICK_STEPS = (1, 8)
STRETCH_S = 45.0
QUICK_STRETCH_S = 20.0
CALL_SECONDS = 150.0
"""The stretch is so much longer with few calls that it has enough turns."""
QUICK_CALL_SECONDS = 40.0
FLOOR_MS = 20.0
"""The 95th percentile of the added time may be twice that of a single call, and this much more: a single one's is
little more than the resolution of timers."""
LINE_LATE_S = 0.01
LINE_LATE_SHARE = 0.01
"""Where more of the line's steps than this were so late, it was the line that was measured."""
ATTEMPTS = 3
"""At a step. It is the one in which the line was late least that counts, whatever Floyd did in it."""
SHOWN_PLACES = 3
"""Of those where the event loop stood still most often."""


async def measure(
    stands: Mapping[str, Stand], *, quick: bool, steps: tuple[int, ...]
) -> dict[str, dict[str, Any]]:
    """Figures by name. All take each step in turn, since the machine's speed changes with time. Without `steps`,
    what the first stand does not hold is the last one; a stand that breaks takes no further ones."""
    found: dict[str, dict[str, Any]] = {name: {"rows": [], "problems": []} for name in stands}
    first = found[next(iter(stands))]
    for count in steps or (QUICK_STEPS if quick else STEPS):
        for name, stand in stands.items():
            if "broken" in found[name]:
                continue
            print(f"bench: load: {count} call{'s' if count > 1 else ''}: {name}", flush=True)
            try:
                await _measure_step(stand, count, found[name], quick=quick)
            except Exception as error:
                traceback.print_exc()
                found[name] |= {"problems": [*found[name]["problems"], repr(error)], "broken": True}
        if "broken" in first or not (steps or first["rows"][-1]["held"]):
            break
    return found


async def _measure_step(stand: Stand, count: int, found: dict[str, Any], *, quick: bool) -> None:
    await stand.delays(Delays())
    rows: list[dict[str, Any]] = []
    for attempt in range(1, ATTEMPTS + 1):
        row, problems = await _step(stand, count, quick=quick)
        rows.append(row)
        found["problems"] += [f"{count} calls: {problem}" for problem in problems]
        if row["lineLateShare"] <= LINE_LATE_SHARE or problems:
            break
        again = "once more" if attempt < ATTEMPTS else "left at that"
        print(f"bench:   the line itself was late in {row['lineLateShare']:.1%} of its steps: {again}", flush=True)
    best = min(rows, key=lambda row: float(row["lineLateShare"]))
    found["leftOut"] = found.get("leftOut", []) + [row for row in rows if row is not best]
    found["rows"].append(best | {"attempts": len(rows)})
    found["rows"][-1]["held"] = _held(best, found["rows"][0])


async def _step(stand: Stand, count: int, *, quick: bool) -> tuple[dict[str, Any], list[str]]:
    least_s, call_seconds = (QUICK_STRETCH_S, QUICK_CALL_SECONDS) if quick else (STRETCH_S, CALL_SECONDS)
    stretch_s = max(least_s, call_seconds / count)
    called = await stand.call([scripts.steady(seed) for seed in range(count)], minutes=4 + stretch_s / 60)
    problems = []
    try:
        await called.up(turns=2)
    except TimeoutError:
        problems.append("not all calls were up in time")
    stalls = stand.stalls()
    async with stalls or nullcontext(), Stolen() as stolen, Costs(stand.pids) as costs:
        began = time.monotonic()
        await asyncio.sleep(stretch_s)
        ended = time.monotonic()
    loop = stalls.figures() if stalls is not None else None
    late_s = await stand.late_s(began, ended)
    await called.finish()
    problems += await called.over()
    notes = list(called.notes.values())
    row = _row(notes, costs.figures(), late_s, (began, ended), stolen)
    return {"calls": count, **row, "loop": loop}, problems


def _row(
    notes: list[Note], spent: dict[str, Any], late_s: list[float], stretch: tuple[float, float], stolen: Stolen
) -> dict[str, Any]:
    count, (began, ended) = len(notes), stretch
    minutes = count * (ended - began) / 60
    turns = [
        turn
        for note in notes
        for turn in note["turns"]
        if turn["first_audio_at"] is not None and began <= turn["first_audio_at"] < ended
    ]
    configured = configured_ms(Delays())
    gaps = [ms for note in notes for at, ms in note["gaps"] if began <= at < ended]
    used = spent["cpuSeconds"]
    steps = min(count, 10) * (ended - began) * 50

    def added(turns: list[Note]) -> dict[str, Spread]:
        return {
            kind: spread(
                (turn["first_audio_at"] - turn["last_voiced_at"]) * 1000 - configured
                for turn in turns
                if turn["label"] == kind and not turn["spoken_into"]
            )
            for kind in ("complete", "garbled")
        }

    return {
        "up": sum(note["answered_at"] is not None for note in notes),
        "addedMs": added(turns),
        "undisturbedMs": added([turn for turn in turns if not disturbed(turn, stolen)]),
        "spokenInto": sum(turn["spoken_into"] for turn in turns),
        "gapsPerCallMinute": len(gaps) / minutes,
        "longestGapMs": max(gaps, default=0.0),
        "cpuSecondsPerCallMinute": used["worker"] / minutes,
        "coreLoad": {name: seconds / spent["seconds"] for name, seconds in used.items()},
        "otherCores": spent["otherCores"],
        "stolenCores": spent["stolenCores"],
        "memoryMiB": spent["memoryPeakMiB"]["worker"],
        "lineLateShare": sum(late > LINE_LATE_S for late in late_s) / steps,
        "lineLatestMs": max(late_s, default=0.0) * 1000,
    }


def _held(row: dict[str, Any], single: dict[str, Any]) -> bool:
    """Whether a row is as good as a single call's, but for twice the time."""
    if row["gapsPerCallMinute"] > 0:
        return False
    for kind, added in row["addedMs"].items():
        alone = single["addedMs"][kind]
        if added and alone and added["p95"] > 2 * abs(alone["p95"]) + FLOOR_MS:
            return False
    return True


def table(found: dict[str, Any], who: str = "Floyd") -> list[str]:
    rows = found["rows"]
    first = rows[0]
    process = "worker" if who == "Floyd" else who

    def line(name: str, value: Callable[[dict[str, Any]], Any]) -> str:
        return value_line(name, *(value(row) for row in rows))

    def added(kind: str, which: str, of: str = "addedMs") -> Callable[[dict[str, Any]], str]:
        return lambda row: f"{row[of][kind][which]:.0f}" if row[of][kind] else "-"

    def undisturbed(kind: str) -> str:
        return line("  p95 while the host took no processor", added(kind, "p95", "undisturbedMs"))

    def loop(kind: str, bound: str) -> Callable[[dict[str, Any]], str]:
        return lambda row: f"{row['loop'][kind][bound]:.0f}" if row["loop"] else "-"

    def memory_per_call(row: dict[str, Any]) -> str:
        more = row["calls"] - first["calls"]
        return f"{(row['memoryMiB'] - first['memoryMiB']) / more:.2f}" if more else "-"

    return [
        line("Calls at once on one core", lambda row: row["calls"]),
        line("added, interim complete, ms: median", added("complete", "median")),
        line("  p95", added("complete", "p95")),
        undisturbed("complete"),
        line("added, interim wrong, ms: median", added("garbled", "median")),
        line("  p95", added("garbled", "p95")),
        undisturbed("garbled"),
        line("    of so many turns", added("garbled", "n", "undisturbedMs")),
        line(f"gaps in {who}'s speech per call-minute", lambda row: round(row["gapsPerCallMinute"], 2)),
        line("  longest, ms", lambda row: round(row["longestGapMs"])),
        line("spoken into", lambda row: row["spokenInto"]),
        line("held as well as a single call", lambda row: "yes" if row["held"] else "no"),
        line(f"{process}: CPU s per call-minute", lambda row: round(row["cpuSecondsPerCallMinute"], 2)),
        line(f"{process}: its core used", lambda row: round(row["coreLoad"]["worker"], 2)),
        line(f"{process}: memory, MiB", lambda row: round(row["memoryMiB"])),
        line("  per further call", memory_per_call),
        line("event loop late by more than 20 ms, times", loop("late", "over20Ms")),
        line("  by its own doing", loop("blocked", "over20Ms")),
        line("event loop late by more than 50 ms, times", loop("late", "over50Ms")),
        line("  by its own doing", loop("blocked", "over50Ms")),
        line("the line itself late: steps over 10 ms", lambda row: f"{row['lineLateShare']:.2%}"),
        line("  at the most, ms", lambda row: round(row["lineLatestMs"])),
        line("  so taken again, times", lambda row: row["attempts"] - 1),
        line("other core used by line", lambda row: round(row["coreLoad"]["line"], 2)),
        line("  by deployment", lambda row: round(row["coreLoad"].get("deployment", 0.0), 2)),
        line("cores used by others on this machine", lambda row: row["otherCores"]),
        *_remarks(rows, who),
    ]


def _remarks(rows: list[dict[str, Any]], who: str) -> list[str]:
    late = [row["calls"] for row in rows if row["lineLateShare"] > LINE_LATE_SHARE]
    remarks = [f"  {count} calls: the line itself was late, so this says little of {who}" for count in late]
    for row in rows:
        stalls = row["loop"]["stalls"] if row["loop"] else []
        where = Counter(_innermost(stall["at"]) for stall in stalls)
        remarks += [
            f"  {row['calls']} calls: stood still over 50 ms {times} times in {place}"
            for place, times in where.most_common(SHOWN_PLACES)
        ]
    return remarks


def _innermost(stack: str | None) -> str:
    return stack.partition(" < ")[0].rpartition("/")[2].rstrip(")") if stack else "an unknown place"
