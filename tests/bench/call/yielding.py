"""The series `yield`: does a bot stop for the callee's words, and only for those?"""

from __future__ import annotations

from typing import Any

from figures import head_line, spread, spread_line, value_line
from stolen import Stolen

from call import scripts
from call.delays import Delays
from call.standing import Note, Stand
from call.voice import WORD_MS

AT_ONCE, QUICK_AT_ONCE = 4, 8
ROUNDS, QUICK_ROUNDS = 9, 1
"""A call."""
ROUND_S = 65.0
"""At most: four answers that are interrupted, and one of some sixteen seconds."""
BEGINNING_S = 90.0
"""Dialling, and Floyd's first answer, which nobody interrupts; and the goodbye."""
YIELDED_S = 2.0
"""Who has not stopped by then has not yielded (the limit that tau-voice uses)."""


async def measure(stand: Stand, *, quick: bool) -> dict[str, Any]:
    await stand.delays(Delays())
    rounds, calls = (QUICK_ROUNDS, QUICK_AT_ONCE) if quick else (ROUNDS, AT_ONCE)
    said = [scripts.interrupting(rounds, seed) for seed in range(calls)]
    async with Stolen() as stolen:
        called = await stand.call(said, minutes=(rounds * ROUND_S + BEGINNING_S) / 60)
        problems = await called.over()
    return {"calls": calls, "problems": problems, **_figures(list(called.notes.values()), stolen)}


def _figures(notes: list[Note], stolen: Stolen) -> dict[str, Any]:
    turns = [turn for note in notes for turn in note["turns"]]
    over = [turn for turn in turns if turn["over_floyd"]]
    yielded = [turn for turn in over if turn["cleared_at"] is not None]
    at_once = [turn for turn in yielded if turn["label"] != scripts.AFTER_MURMUR]
    waits = [_to_clear_s(turn) * 1000 for turn in yielded]
    undisturbed = [
        _to_clear_s(turn) * 1000
        for turn in yielded
        if not stolen.disturbed(turn["first_voiced_at"], turn["cleared_at"])
    ]
    patient = [_to_clear_s(turn) * 1000 for turn in yielded if turn["label"] == scripts.AFTER_MURMUR]
    # After a clear the carrier counts from there, so that what went on after a back-channel is not known in whole.
    heard = [turn for turn in at_once if turn["remembered_words"] is not None]
    sounds = [sound for turn in turns for sound in turn["sounds"]]
    stopped = [sound for sound in sounds if sound["cleared_at"] is not None]
    stray = sum(note["stray_clears"] for note in notes)
    return {
        "interruptions": len(over),
        "yieldedInTime": sum(ms <= YIELDED_S * 1000 for ms in waits),
        "toClearMs": spread(waits),
        "toClearUndisturbedMs": spread(undisturbed),
        "toClearAfterMurmurMs": spread(patient),
        "slowest": max(yielded, key=_to_clear_s)["said"] if yielded else "",
        "answeredMs": spread(
            (turn["first_audio_at"] - turn["last_voiced_at"]) * 1000
            for turn in yielded
            if turn["first_audio_at"] is not None and turn["last_voiced_at"] is not None
        ),
        "rememberedMinusHeardWords": spread(
            turn["remembered_words"] - turn["heard_ms"] / WORD_MS for turn in heard
        ),
        "rememberedWithinAWord": sum(
            abs(turn["remembered_words"] - turn["heard_ms"] / WORD_MS) <= 1 for turn in heard
        ),
        "remembered": len(heard),
        "sounds": {
            name: _selectivity([sound for sound in sounds if sound["sound"] == name])
            for name in sorted({sound["sound"] for sound in sounds})
        },
        "soundsInAll": len(sounds),
        "stoppedInAll": len(stopped),
        "resumedMs": spread(
            (sound["heard_again_at"] - sound["cleared_at"]) * 1000
            for sound in stopped
            if sound["heard_again_at"] is not None
        ),
        "resumedAfterItsEndMs": spread(
            (sound["heard_again_at"] - sound["last_voiced_at"]) * 1000
            for sound in stopped
            if sound["heard_again_at"] is not None and sound["last_voiced_at"] is not None
        ),
        "notResumed": sum(sound["heard_again_at"] is None for sound in stopped),
        "strayClears": stray,
        "turns": len(turns),
        "falseInterruptionsPerTurn": (len(stopped) + stray) / max(1, len(turns)),
    }


def _to_clear_s(turn: Note) -> float:
    return float(turn["cleared_at"] - turn["first_voiced_at"])


def _selectivity(sounds: list[Note]) -> dict[str, int]:
    return {"made": len(sounds), "stopped": sum(sound["cleared_at"] is not None for sound in sounds)}


def table(found: dict[str, Any], who: str = "Floyd") -> list[str]:
    def of(count: int, all_: int) -> str:
        return f"{count} of {all_}"

    lines = [
        head_line(f"The callee speaks while {who} does, {found['calls']} calls at once (ms)"),
        spread_line("callee begins to speak -> clear", found["toClearMs"]),
        *_undisturbed_lines(found),
        spread_line("  after a back-channel in the same answer", found["toClearAfterMurmurMs"]),
        f"  slowest: {found['slowest']}",
        value_line("yielded within 2 s", of(found["yieldedInTime"], found["interruptions"])),
        spread_line("interruption over -> the answer", found["answeredMs"]),
        spread_line("words remembered, less those heard", found["rememberedMinusHeardWords"]),
        value_line("  right to within a word", of(found["rememberedWithinAWord"], found["remembered"])),
        value_line(f"sounds that stopped {who}", of(found["stoppedInAll"], found["soundsInAll"])),
    ]
    for name, one in found["sounds"].items():
        lines.append(value_line(f"  {name}", of(one["stopped"], one["made"])))
    return [
        *lines,
        spread_line("stopped by a sound -> heard again", found["resumedMs"]),
        spread_line("  from the end of that sound", found["resumedAfterItsEndMs"]),
        value_line("  never heard again before the callee went on", found["notResumed"]),
        value_line("fell silent for nothing", found["strayClears"]),
        value_line("false interruptions per turn", round(found["falseInterruptionsPerTurn"], 3)),
    ]


def _undisturbed_lines(found: dict[str, Any]) -> list[str]:
    if found["toClearUndisturbedMs"] == found["toClearMs"]:
        return []
    return [spread_line("  while the host took no processor", found["toClearUndisturbedMs"])]
