"""The series `latency` and `zero`: how soon Floyd, or another bot, answers, and whom it talks over for that."""

from __future__ import annotations

from typing import Any

from figures import Spread, head_line, spread, spread_line, value_line
from stolen import Stolen

from call import scripts
from call.delays import NONE, Delays, configured_ms
from call.script import Script
from call.standing import Note, Stand

AT_ONCE, QUICK_AT_ONCE = 4, 8
"""Calls at once: few enough for the worker, and a fraction of the time."""
QUICK_TURNS, FULL_TURNS = 24, 96
"""A call. Of twelve turns four have a complete interim, four a wrong one, and four a pause."""
ZERO_QUICK_TURNS, ZERO_TURNS = 4, 32
BEFORE_S = 1.0
"""Before the callee's last sound: what was recognised, and guessed ahead, counts too."""
TURN_S = 9.0
"""At most, on average: the callee's sentence, the answer, and Floyd's two sentences."""


async def measure(stand: Stand, *, quick: bool) -> dict[str, Any]:
    turns, calls = (QUICK_TURNS, QUICK_AT_ONCE) if quick else (FULL_TURNS, AT_ONCE)
    return await _measure(stand, Delays(), [scripts.mixed(turns, seed) for seed in range(calls)])


async def measure_zero(stand: Stand, *, quick: bool) -> dict[str, Any]:
    turns, calls = (ZERO_QUICK_TURNS, QUICK_AT_ONCE) if quick else (ZERO_TURNS, AT_ONCE)
    return await _measure(stand, NONE, [scripts.mixed(turns, seed, pauses=False) for seed in range(calls)])


async def _measure(stand: Stand, delays: Delays, said: list[Script]) -> dict[str, Any]:
    await stand.delays(delays)
    before = await stand.speech()
    longest = max(len(script.turns) for script in said)
    async with Stolen() as stolen:
        called = await stand.call(said, minutes=(longest + 4) * TURN_S / 60)
        problems = await called.over()
    after = await stand.speech()
    made = {name: after[name] - before[name] for name in after}
    notes = list(called.notes.values())
    return {
        "calls": len(said),
        "problems": problems,
        "configuredMs": configured_ms(delays),
        **_turn_figures(notes, stolen),
        "waste": _waste(notes, made),
    }


def _turn_figures(notes: list[Note], stolen: Stolen) -> dict[str, Any]:
    turns = [turn for note in notes for turn in note["turns"] if turn["label"] not in ("greeting", "goodbye")]
    kinds = dict.fromkeys(turn["label"] for turn in turns)
    of_kind = {kind: [turn for turn in turns if turn["label"] == kind] for kind in kinds}
    return {
        "voiceToVoiceMs": {kind: spread(map(_waited_ms, _measurable(of_kind[kind]))) for kind in kinds},
        "undisturbedMs": {
            kind: spread(_waited_ms(turn) for turn in _measurable(of_kind[kind]) if not disturbed(turn, stolen))
            for kind in kinds
        },
        "slowest": {kind: _slowest(of_kind[kind]) for kind in kinds},
        "turns": {kind: len(of_kind[kind]) for kind in kinds},
        "talkedOver": {kind: [t["said"] for t in of_kind[kind] if t["talked_over"]] for kind in kinds},
        "spokenInto": [turn["said"] for turn in turns if turn["spoken_into"]],
        "unanswered": sum(turn["unanswered"] for turn in turns),
        "gaps": sum(len(note["gaps"]) for note in notes),
    }


def _measurable(turns: list[Note]) -> list[Note]:
    """Who was talked over heard Floyd before they had ended."""
    return [
        turn
        for turn in turns
        if turn["first_audio_at"] is not None and not (turn["talked_over"] or turn["spoken_into"])
    ]


def _waited_ms(turn: Note) -> float:
    """From the last voiced frame to the first audio."""
    return float(turn["first_audio_at"] - turn["last_voiced_at"]) * 1000


def disturbed(turn: Note, stolen: Stolen) -> bool:
    """Whether the host took processors away while the answer to a turn was under way, or shortly before."""
    return stolen.disturbed(turn["last_voiced_at"] - BEFORE_S, turn["first_audio_at"])


def _slowest(turns: list[Note]) -> str:
    return str(max(_measurable(turns), key=_waited_ms, default={"said": ""})["said"])


def _waste(notes: list[Note], made: dict[str, float]) -> dict[str, float]:
    """What guessing ahead costs: everything per answer that was heard."""
    model = [note["model"] for note in notes]
    begun, cancelled = sum(one["begun"] for one in model), sum(one["cancelled"] for one in model)
    tokens, lost = sum(one["tokens"] for one in model), sum(one["tokens_cancelled"] for one in model)
    answers = max(1, sum(turn["first_audio_at"] is not None for note in notes for turn in note["turns"]))
    played_s = sum(note["spoken_s"] for note in notes)
    return {
        "requests": begun / answers,
        "cancelled": cancelled / answers,
        "tokens": tokens / answers,
        "tokensOfAnAnswer": (tokens - lost) / max(1, begun - cancelled),
        "speechRequests": made["requests"] / answers,
        "speechCancelled": made["cancelled"] / answers,
        "speechMadePerPlayed": made["seconds"] / played_s if played_s else 0.0,
    }


def table(name: str, found: dict[str, Any], who: str = "Floyd") -> list[str]:
    """Rows for each kind of turn."""
    configured, waste = found["configuredMs"], found["waste"]
    lines = [head_line(f"{name}, {found['calls']} calls at once (ms)")]
    for kind, voice_to_voice in found["voiceToVoiceMs"].items():
        lines.append(spread_line(f"{kind}: voice to voice", voice_to_voice))
        undisturbed = found["undisturbedMs"][kind]
        if configured:
            lines.append(
                spread_line(f"  added to the stand-ins' {configured:.1f}", _less(voice_to_voice, configured))
            )
        if undisturbed != voice_to_voice:
            lines.append(spread_line("  while the host took no processor", _less(undisturbed, configured)))
        if found["slowest"][kind]:
            lines.append(f"    slowest: {found['slowest'][kind]}")
    for kind, said in found["talkedOver"].items():
        if "-" in kind:
            lines.append(value_line(f"{kind}: talked over", f"{len(said)} of {found['turns'][kind]}"))
            lines += [f"    {text}" for text in dict.fromkeys(said)]
    return [
        *lines,
        value_line("spoken into elsewhere", len(found["spokenInto"])),
        *(f"    {text}" for text in dict.fromkeys(found["spokenInto"])),
        value_line("turns without an answer", found["unanswered"]),
        value_line(f"gaps in {who}'s speech", found["gaps"]),
        value_line("model: requests begun, cancelled per answer", _pair(waste["requests"], waste["cancelled"])),
        value_line("  tokens sent per answer, in an answer", _pair(waste["tokens"], waste["tokensOfAnAnswer"])),
        value_line(
            "voice: requests begun, cancelled per answer", _pair(waste["speechRequests"], waste["speechCancelled"])
        ),
        value_line("  audio made for each second played, s", f"{waste['speechMadePerPlayed']:.2f}"),
    ]


def _less(waited: Spread, configured_ms: float) -> Spread:
    return {key: value - (configured_ms if key != "n" else 0) for key, value in waited.items()}


def _pair(one: float, other: float) -> str:
    return f"{one:.2f} / {other:.2f}"
