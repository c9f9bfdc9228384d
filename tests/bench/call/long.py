"""The series `long`: one call of half an hour. Is its end as quick as its beginning, and does anything grow?"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

import psutil
from figures import value_line

from call import scripts
from call.delays import Delays, configured_ms
from call.standing import Note, Stand

FEW = 10
"""Turns at the beginning and at the end that are compared."""
SETTLED_S = 30.0
"""Into the call: memory is looked at from here on."""
EARLY_TURN, LATE_TURN = 5, 60
KINDS = ("complete", "garbled")
MIB = 1024 * 1024


async def measure(stand: Stand, *, minutes: float) -> dict[str, Any]:
    await stand.delays(Delays())
    worker = psutil.Process(stand.pids["worker"])
    called = await stand.call([scripts.steady(seed=11)], minutes=minutes + 3)
    await called.up(turns=2)
    began = time.monotonic()
    await asyncio.sleep(SETTLED_S)
    memory = [worker.memory_info().rss / MIB]
    await asyncio.sleep(max(0.0, began + minutes * 60 - time.monotonic()))
    memory.append(worker.memory_info().rss / MIB)
    await called.finish()
    problems = await called.over()
    [note] = called.notes.values()
    return {"problems": problems, "minutes": minutes, "memoryMiB": memory, **_figures(note)}


def _figures(note: Note) -> dict[str, Any]:
    turns = [turn for turn in note["turns"] if turn["label"] in KINDS and turn["first_audio_at"] is not None]
    added: dict[str, Any] = {}
    for kind in KINDS:
        waits = [(t["first_audio_at"] - t["last_voiced_at"]) * 1000 for t in turns if t["label"] == kind]
        if len(waits) >= FEW:
            configured = configured_ms(Delays())
            added[kind] = [statistics.median(part) - configured for part in (waits[:FEW], waits[-FEW:])]
    return {
        "turns": len(note["turns"]),
        "answered": sum(turn["first_audio_at"] is not None for turn in note["turns"]),
        "unanswered": sum(turn["unanswered"] for turn in note["turns"]),
        "spokenInto": sum(turn["spoken_into"] for turn in note["turns"]),
        "addedFirstAndLastMs": added,
        "promptChars": {
            "early": _prompt(note, EARLY_TURN),
            "late": _prompt(note, LATE_TURN),
            "last": note["model"]["prompts"][-1][1] if note["model"]["prompts"] else None,
            "longest": max((size for _, size in note["model"]["prompts"]), default=None),
        },
        "gaps": len(note["gaps"]),
        "strayClears": note["stray_clears"],
    }


def _prompt(note: Note, turn: int) -> int | None:
    """The size in characters of the prompt that answered a turn (from 1): the last one before its audio came."""
    if len(note["turns"]) <= turn or note["turns"][turn]["first_audio_at"] is None:
        return None
    before = [size for at, size in note["model"]["prompts"] if at < note["turns"][turn]["first_audio_at"]]
    return before[-1] if before else None


def table(found: dict[str, Any]) -> list[str]:
    lines = [value_line(f"One call of {found['minutes']:g} minutes", f"first {FEW}", f"last {FEW}")]
    for kind, name in zip(KINDS, ("complete", "wrong"), strict=True):
        if kind in found["addedFirstAndLastMs"]:
            pair = (f"{ms:.0f}" for ms in found["addedFirstAndLastMs"][kind])
            lines.append(value_line(f"added, interim {name}, ms: median", *pair))
    chars = found["promptChars"]
    return [
        *lines,
        value_line("turns, answered", found["turns"], found["answered"]),
        value_line("spoken into, unanswered", found["spokenInto"], found["unanswered"]),
        value_line("gaps in Floyd's speech, fell silent for nothing", found["gaps"], found["strayClears"]),
        value_line(f"prompt at turns {EARLY_TURN} and {LATE_TURN}, characters", chars["early"], chars["late"]),
        value_line("prompt at the end, and the longest, characters", chars["last"], chars["longest"]),
        value_line("worker: MiB after half a minute, at the end", *(f"{m:.1f}" for m in found["memoryMiB"])),
    ]
