"""The series `odd`: calls as they should not be. Each must come to its end, and the worker must stay up."""

from __future__ import annotations

from typing import Any

import aiohttp
from figures import head_line, spread

from call import scripts
from call.delays import Delays
from call.floyd_stand import FloydStand
from call.script import Script
from call.standing import Note

LIMIT_MINUTES = 1.5
"""The person's limit for these calls: Floyd must end the one that nothing else ends."""
BOUND_MINUTES = 4.0

ENDLESS = "talks without end, until Floyd ends the call"


async def measure(stand: FloydStand, *, quick: bool) -> dict[str, Any]:
    await stand.delays(Delays())
    turns = 6 if quick else 12
    by_name: dict[str, Script] = {
        "8 % of the packets late, and bursts": scripts.jittered(turns),
        "talks for a minute without a pause": scripts.never_stopping(repeat=False),
        ENDLESS: scripts.never_stopping(repeat=True),
        "both speak at once": scripts.both_at_once(turns),
    }
    called = await stand.call(list(by_name.values()), minutes=BOUND_MINUTES, limit_minutes=LIMIT_MINUTES)
    problems = await called.over()
    rows = [
        {"name": name, "status": status, **_row(note)}
        for name, note, status in zip(by_name, called.notes.values(), called.statuses, strict=True)
    ]
    problems += [
        f"{row['name']}: ended by {row['endedBy']}" for row in rows if row["endedBy"] not in ("floyd", "callee")
    ]
    if not await _ready(stand):
        problems.append("the worker is not ready any more")
    return {"rows": rows, "problems": problems}


def _row(note: Note) -> dict[str, Any]:
    waits = [
        (turn["first_audio_at"] - turn["last_voiced_at"]) * 1000
        for turn in note["turns"]
        if turn["first_audio_at"] is not None and turn["last_voiced_at"] is not None
    ]
    talked = note["ended_at"] is not None and note["answered_at"] is not None
    return {
        "seconds": round(note["ended_at"] - note["answered_at"], 1) if talked else None,
        "endedBy": note["ended_by"],
        "turns": len(note["turns"]),
        "answered": len(waits),
        "spokenInto": sum(turn["spoken_into"] or turn["talked_over"] for turn in note["turns"]),
        "voiceToVoiceMs": spread(waits),
        "gaps": len(note["gaps"]),
    }


async def _ready(stand: FloydStand) -> bool:
    timeout = aiohttp.ClientTimeout(total=5)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http, http.get(stand.worker_url + "/readyz") as reply:
            return reply.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


def table(found: dict[str, Any]) -> list[str]:
    lines = [head_line("Odd calls: voice to voice (ms)")]
    for row in found["rows"]:
        wait = row["voiceToVoiceMs"]
        cells = "".join(f"{wait[key]:>9.1f}" for key in ("median", "p95", "max")) if wait else " " * 27
        lines += [
            f"  {row['name']:<54}{cells}{row['answered']:>6}",
            f"    {row['turns']} turns, {row['spokenInto']} spoken into, {row['gaps']} gaps; "
            f"after {row['seconds']} s ended by {row['endedBy']}, {row['status']}",
        ]
    return lines
