"""The series `latency` and `zero`: how soon Floyd answers, and whom it talks over for that."""

from __future__ import annotations

from typing import Any

from figures import head_line, spread, spread_line, value_line

from call import scripts
from call.delays import NONE, Delays, configured_ms
from call.standing import Note, Stand

AT_ONCE = 4
"""Calls at once: few enough for the worker, and a quarter of the time."""
QUICK_TURNS = 24
FULL_TURNS = 96
"""A call. Of twelve turns four have a complete interim, four a wrong one, and four a pause."""
TURN_S = 9.0
"""At most, on average: the callee's sentence, the answer, and Floyd's two sentences."""


async def measure(stand: Stand, *, quick: bool, calls: int = AT_ONCE) -> dict[str, Any]:
    delays = Delays()
    await stand.delays(delays)
    turns = QUICK_TURNS if quick else FULL_TURNS
    called = await stand.call(
        [scripts.mixed(turns, seed) for seed in range(calls)], minutes=(turns + 4) * TURN_S / 60
    )
    problems = await called.over()
    notes = list(called.notes.values())
    return {"calls": calls, "problems": problems, **figures(notes, configured_ms(delays))}


async def measure_zero(stand: Stand, *, quick: bool, calls: int = AT_ONCE) -> dict[str, Any]:
    await stand.delays(NONE)
    turns = 8 if quick else 32
    try:
        called = await stand.call(
            [scripts.mixed(turns, seed, pauses=False) for seed in range(calls)], minutes=(turns + 4) * TURN_S / 60
        )
        problems = await called.over()
    finally:
        await stand.delays(Delays())
    notes = list(called.notes.values())
    return {"calls": calls, "problems": problems, **figures(notes, configured_ms(NONE))}


def figures(notes: list[Note], configured: float) -> dict[str, Any]:
    turns = [turn for note in notes for turn in note["turns"] if turn["label"] not in ("greeting", "goodbye")]
    kinds = dict.fromkeys(turn["label"] for turn in turns)
    model = [note["model"] for note in notes]
    answered = sum(turn["first_audio_at"] is not None for turn in turns)
    return {
        "configuredMs": configured,
        "voiceToVoiceMs": {kind: spread(_waits(turns, kind)) for kind in kinds},
        "turns": {kind: sum(turn["label"] == kind for turn in turns) for kind in kinds},
        "talkedOver": {kind: sum(t["label"] == kind and t["talked_over"] for t in turns) for kind in kinds},
        "spokenInto": sum(turn["spoken_into"] for turn in turns),
        "unanswered": sum(turn["unanswered"] for turn in turns),
        "answered": answered,
        "gaps": sum(len(note["gaps"]) for note in notes),
        "modelRequests": sum(one["begun"] for one in model),
        "modelCancelled": sum(one["cancelled"] for one in model),
        "tokens": sum(one["tokens"] for one in model),
        "tokensCancelled": sum(one["tokens_cancelled"] for one in model),
    }


def _waits(turns: list[Note], kind: str) -> list[float]:
    """From the last voiced frame to the first audio, in ms. Who was talked over heard Floyd before they ended."""
    return [
        (turn["first_audio_at"] - turn["last_voiced_at"]) * 1000
        for turn in turns
        if turn["label"] == kind
        and turn["first_audio_at"] is not None
        and not (turn["talked_over"] or turn["spoken_into"])
    ]


def table(name: str, found: dict[str, Any]) -> list[str]:
    """Rows for each kind of turn."""
    configured = found["configuredMs"]
    lines = [head_line(f"{name}, {found['calls']} calls at once (ms)")]
    for kind, voice_to_voice in found["voiceToVoiceMs"].items():
        lines.append(spread_line(f"{kind}: voice to voice", voice_to_voice))
        if configured and voice_to_voice:
            added = {key: value - (configured if key != "n" else 0) for key, value in voice_to_voice.items()}
            lines.append(spread_line(f"  added to the stand-ins' {configured:.1f}", added))
    for kind, count in found["talkedOver"].items():
        if "-" in kind:
            lines.append(value_line(f"{kind}: talked over", f"{count} of {found['turns'][kind]}"))
    answers = max(1, found["answered"])
    lines += [
        value_line("spoken into elsewhere", found["spokenInto"]),
        value_line("turns without an answer", found["unanswered"]),
        value_line("gaps in Floyd's speech", found["gaps"]),
        value_line("model: requests begun per answer", round(found["modelRequests"] / answers, 2)),
        value_line("model: requests cancelled per answer", round(found["modelCancelled"] / answers, 2)),
        value_line("model: tokens of those cancelled, of all", f"{found['tokensCancelled']} / {found['tokens']}"),
    ]
    return lines
