"""Floyd as a whole: deployment, worker and rehearsed line as processes, measured from outside.

`README.md` beside this says what each number means.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from costs import Costs
from figures import Options, head_line, spread, spread_line, value_line
from parts import Parts
from stalls import Stalls
from turns import Turn, answered_turns, callee_lines_seen, floyd_lines_seen
from watching import ListWatcher, ShowWatcher, now_ms

from rehearsal.scenario_files import load_scenario
from worker.deployment.http import HttpDeployment
from worker.deployment.subscription import Subscriptions

SCENARIOS = Path(__file__).parent / "scenarios"

DELAYS = {
    "modelFirstTokenMs": 300,
    "modelTokensPerSecond": 60,
    "speechFirstByteMs": 250,
    "speechSpeed": 4,
    "interimMs": 150,
    "finalMs": 450,
}
FIRST_SENTENCE_TOKENS = 8
"""Of every answer in the scenarios here: seven words and a full stop."""
FIRST_SENTENCE_MS = (FIRST_SENTENCE_TOKENS - 1) * 1000 / DELAYS["modelTokensPerSecond"]
CONFIGURED_MS = DELAYS["finalMs"] + DELAYS["modelFirstTokenMs"] + FIRST_SENTENCE_MS + DELAYS["speechFirstByteMs"]
"""What a turn takes when everything but the stand-ins is instant, and nothing is guessed ahead."""

PERSON = "bench"
NO_NUMBER = "Ask the piano tuner whether Saturday suits him"
"""Nobody knows a number for it, so the request ends as needsInput within a second or two."""
PICKED_UP_WITHIN_S = 3.0
"""Calls are dialled together, and picked up one after the other within this time."""
FOLLOWED = 5
"""So many calls have a subscriber of their own: those who watch are elsewhere, not on the two cores measured."""
CLAIMED_WITHIN_S = 30.0
CALL_WITHIN_S = 150.0
"""From the request to the end of its call; they last about 70 s."""


async def measure(options: Options) -> dict[str, Any]:
    name, requests = ("bench-snack", 8) if options.quick else ("bench-dinner", 25)
    with tempfile.TemporaryDirectory(prefix="floyd-bench-") as folder:
        scenarios = Path(folder, "scenarios")
        _write_scenario(name, scenarios, options.calls)
        # A slot more than calls: none of them waits for one.
        standing = Parts.standing(Path(folder), scenarios=scenarios, floyd_max_calls=options.calls + 1)
        async with standing as parts, Bench(parts) as bench:
            print(f"bench: floyd: {requests} requests one after the other", flush=True)
            claims = await bench.claims(requests)
            await parts.control("POST", "/delays", DELAYS)
            figures: dict[str, Any] = {"delays": DELAYS, "configuredMs": CONFIGURED_MS, "claims": claims}
            figures["calls"] = []
            for count in dict.fromkeys((1, options.calls)):
                print(f"bench: floyd: {count} call{'s' if count > 1 else ''} at once", flush=True)
                scenario = await parts.control("POST", f"/scenarios/{name}/start", {})
                figures["calls"].append(await bench.calls(scenario, count))
    figures["problems"] = _problems(figures)
    return figures


def _write_scenario(name: str, folder: Path, calls: int) -> None:
    """The scenario with a dial for each call, so that they are picked up at different moments: calls in step with
    each other would measure something that does not happen."""
    scenario = load_scenario(SCENARIOS / f"{name}.yaml").model_dump(mode="json", exclude_unset=True)
    for turn in scenario["model"]["turns"]:
        first = turn["say"].partition(".")[0]
        if len(first.split()) + 1 != FIRST_SENTENCE_TOKENS or not first.replace(" ", "").isalpha():
            raise ValueError(f'{name}: "{first}." does not have {FIRST_SENTENCE_TOKENS} tokens')
    [call] = scenario["calls"]
    spread_s = [PICKED_UP_WITHIN_S * number / calls for number in range(calls)]
    scenario["calls"] = [{**call, "after": round(call["after"] + later_s, 3)} for later_s in spread_s]
    folder.mkdir()
    # JSON is YAML.
    Path(folder, f"{name}.yaml").write_text(json.dumps(scenario, indent=1))


class Bench:
    """One person's subscriptions and requests."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._worker_url = f"http://127.0.0.1:{parts.port}"
        self._person: HttpDeployment = parts.deployment.as_person(PERSON)

    async def __aenter__(self) -> Bench:
        await self._person.mutation("users:ensure", {"name": "Alex Rivera"})
        self._subscriptions = Subscriptions(
            self._parts.deployment.url, self._parts.deployment.person_token(PERSON)
        )
        page = {"paginationOpts": {"numItems": 100, "cursor": None}}
        self._list = ListWatcher(self._subscriptions.open("requests:list", page))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._list.close()
        self._subscriptions.close()
        await self._person.close()

    async def claims(self, count: int) -> dict[str, Any]:
        """Requests one after the other, by a person with nothing known."""
        pending_seen = 0
        from_pending, from_sent = [], []
        async with self._stalls() as stalls:
            for _ in range(count):
                sent = now_ms()
                request_id = str(await self._person.mutation("requests:create", {"text": NO_NUMBER}))
                filed = now_ms()
                async with asyncio.timeout(CLAIMED_WITHIN_S):
                    seen = await self._list.until(request_id, "needsInput")
                pending_seen += "pending" in seen
                from_pending.append(seen["inFlight"] - seen.get("pending", filed))
                from_sent.append(seen["inFlight"] - sent)
        return {
            "pendingSeen": pending_seen,
            "pendingToInFlightMs": spread(from_pending),
            "sentToInFlightMs": spread(from_sent),
            "loop": stalls.figures(),
        }

    async def calls(self, scenario: dict[str, Any], count: int) -> dict[str, Any]:
        """So many calls, all asked for at once, some of them followed by a subscriber to their end."""
        pids = {
            "worker": self._parts.worker.pid,
            "rehearsal": self._parts.rehearsal.pid,
            "deployment": self._parts.deployment.pid,
            "bench": os.getpid(),
        }
        async with AsyncExitStack() as measuring:
            stalls = await measuring.enter_async_context(self._stalls())
            costs = await measuring.enter_async_context(Costs(pids))
            followed = await asyncio.gather(*(self._call(scenario, number) for number in range(count)))
        notes = {note["sid"]: note for note in await self._parts.control("GET", "/calls")}
        watchers = [watcher for watcher, _ in followed]
        pairs = [
            (watcher, notes[call["callSid"]])
            for watcher in watchers
            for call in watcher.last["calls"]
            if call.get("callSid") in notes
        ]
        turns = [turn for watcher, note in pairs for turn in answered_turns(watcher.last, note)]
        spent = costs.figures()
        minutes = sum(_talked_ms(note) for _, note in pairs) / 60_000
        return {
            "calls": count,
            "atOnce": _at_once([note for _, note in pairs]),
            "completed": sum(watcher.last["request"]["status"] == "completed" for watcher in watchers),
            "sentToInFlightMs": spread(self._in_flight(watcher) - sent for watcher, sent in followed),
            "turns": _turn_figures(turns),
            "floydLineSeenMs": spread(ms for w in watchers for ms in floyd_lines_seen(w.last, w.seen)),
            "calleeLineSeenMs": spread(ms for w in watchers for ms in callee_lines_seen(w.last, w.seen)),
            "liveWordsSeenMs": spread(ms for w in watchers for ms in w.live_delays),
            "loop": stalls.figures(),
            "costs": spent,
            "callMinutes": round(minutes, 2),
            "workerCpuSecondsPerCallMinute": round(spent["cpuSeconds"]["worker"] / minutes, 2)
            if minutes
            else None,
            "standInLateSteps": sum(note["lateSteps"] for _, note in pairs),
        }

    def _stalls(self) -> Stalls:
        return Stalls(self._worker_url, self._parts.worker.log)

    def _in_flight(self, watcher: ShowWatcher) -> float:
        return self._list.seen[watcher.last["request"]["_id"]]["inFlight"]

    async def _call(self, scenario: dict[str, Any], number: int) -> tuple[ShowWatcher, float]:
        """One request to its end, and when it was sent. Only the first few are followed line by line."""
        sent = now_ms()
        order = {"text": scenario["request"], "to": scenario["calls"][0]["number"]}
        request_id = str(await self._person.mutation("requests:create", order))
        watcher = ShowWatcher()
        try:
            async with asyncio.timeout(CALL_WITHIN_S):
                if number < FOLLOWED:
                    await watcher.follow(self._subscriptions.open("requests:show", {"requestId": request_id}))
                await self._list.until_over(request_id)
        except TimeoutError:
            await self._person.mutation("requests:cancel", {"requestId": request_id})
            watcher.last = await self._show(request_id)
            said = "\n".join(f"  {line['speaker']}: {line['text']}" for line in watcher.last["transcript"])
            print(f"bench: a call was not over after {CALL_WITHIN_S:g} s; it went\n{said}", file=sys.stderr)
        watcher.last = await self._show(request_id)
        return watcher, sent

    async def _show(self, request_id: str) -> dict[str, Any]:
        return dict(await self._person.query("requests:show", {"requestId": request_id}))


def _turn_figures(turns: list[Turn]) -> dict[str, Any]:
    return {
        "voiceToVoiceMs": spread(turn.voice_to_voice for turn in turns),
        "addedMs": spread(turn.voice_to_voice - CONFIGURED_MS for turn in turns),
        "noticedMs": spread(turn.noticed for turn in turns),
        "finalMs": spread(turn.final for turn in turns),
        "endpointingMs": spread(turn.endpointing for turn in turns),
        "modelMs": spread(turn.model for turn in turns),
        "speechMs": spread(turn.speech for turn in turns),
        "floydMs": spread(turn.floyd for turn in turns),
        "totalMs": spread(turn.total for turn in turns),
        "unexplainedMs": spread(turn.voice_to_voice - turn.noticed - turn.total for turn in turns),
    }


def _talked_ms(note: dict[str, Any]) -> float:
    return float(note["endedAt"] - note["answeredAt"]) if note["answeredAt"] and note["endedAt"] else 0.0


def _at_once(notes: list[dict[str, Any]]) -> int:
    """The most calls that were on the line at the same time."""
    answered = [note for note in notes if note["answeredAt"] and note["endedAt"]]
    return max(
        (sum(o["answeredAt"] <= n["answeredAt"] < o["endedAt"] for o in answered) for n in answered), default=0
    )


def _problems(figures: dict[str, Any]) -> list[str]:
    problems = []
    for run in figures["calls"]:
        if run["completed"] < run["calls"]:
            problems.append(f"of {run['calls']} calls only {run['completed']} came to their end")
        if not run["turns"]["voiceToVoiceMs"]:
            problems.append(f"no turn could be measured with {run['calls']} calls")
    return problems


def table(figures: dict[str, Any]) -> str:
    claims = figures["claims"]
    lines = [
        "",
        head_line("A request is taken (ms)"),
        spread_line("pending seen -> inFlight seen, by a subscriber", claims["pendingToInFlightMs"]),
        spread_line("request sent -> inFlight seen", claims["sentToInFlightMs"]),
    ]
    for run in figures["calls"]:
        lines += ["", *_call_lines(run, figures["configuredMs"])]
    return "\n".join([*lines, "", *_cost_lines(figures["calls"])])


def _call_lines(run: dict[str, Any], configured: float) -> list[str]:
    turns = run["turns"]
    count = f"{run['calls']} call" + (f"s, {run['atOnce']} of them at once" if run["calls"] > 1 else "")
    return [
        head_line(f"{count} (ms)"),
        spread_line("request sent -> inFlight seen", run["sentToInFlightMs"]),
        spread_line("callee's last voice -> Floyd's first audio (outside)", turns["voiceToVoiceMs"]),
        spread_line(f"  added to the stand-ins' {configured:.1f}", turns["addedMs"]),
        spread_line("  the end of speech as Floyd noticed it", turns["noticedMs"]),
        spread_line("  the final words are there (stand-in: 450)", turns["finalMs"]),
        spread_line("  endpointing, from the end that Floyd noticed", turns["endpointingMs"]),
        spread_line("  model, to the first clause (stand-in: 416.7)", turns["modelMs"]),
        spread_line("  speech, to its first audio (stand-in: 250)", turns["speechMs"]),
        spread_line("  Floyd, between these", turns["floydMs"]),
        spread_line("  sum of the four, as Floyd wrote it down", turns["totalMs"]),
        spread_line("  not in that sum", turns["unexplainedMs"]),
        spread_line("Floyd's line played -> seen by a subscriber", run["floydLineSeenMs"]),
        spread_line("callee's turn taken -> line seen by a subscriber", run["calleeLineSeenMs"]),
        spread_line("words being spoken written -> seen by a subscriber", run["liveWordsSeenMs"]),
    ]


def _cost_lines(runs: list[dict[str, Any]]) -> list[str]:
    def row(name: str, value: Any) -> str:
        return value_line(name, *(value(run) for run in runs))

    lines = [
        value_line("", *(f"{run['calls']} call" + ("s" if run["calls"] > 1 else "") for run in runs)),
        row("event loop late by more than 20 ms, times", lambda r: _count(r, "late", "over20Ms")),
        row("event loop late by more than 50 ms, times", lambda r: _count(r, "late", "over50Ms")),
        row("  by its own doing: more than 20 ms", lambda r: _count(r, "blocked", "over20Ms")),
        row("  by its own doing: more than 50 ms", lambda r: _count(r, "blocked", "over50Ms")),
        row("worker: CPU s per call-minute", lambda r: r["workerCpuSecondsPerCallMinute"]),
        row("worker: peak memory, MiB", lambda r: r["costs"]["memoryPeakMiB"]["worker"]),
        row("cores used: worker", lambda r: _cores(r, "worker")),
        row("cores used: rehearsal", lambda r: _cores(r, "rehearsal")),
        row("cores used: deployment", lambda r: _cores(r, "deployment")),
        row("cores used: this benchmark's subscribers", lambda r: _cores(r, "bench")),
        row("cores used: by others on this machine", lambda r: r["costs"]["otherCores"]),
        row("cores that the host took away", lambda r: r["costs"]["stolenCores"]),
        row("stand-in's 20 ms steps that came late", lambda r: r["standInLateSteps"]),
    ]
    if len(runs) > 1:
        lines.append(value_line("worker: MiB per further call", f"{memory_per_call(runs):.2f}"))
    for run in runs:
        lines += [
            f"  {run['calls']}: stood still {s['ms']} ms ({s['withoutCpuMs']} without CPU): {s['at']}"
            for s in run["loop"]["stalls"]
        ]
    return lines


def memory_per_call(runs: list[dict[str, Any]]) -> float:
    one, many = runs[0], runs[-1]
    more = many["costs"]["memoryPeakMiB"]["worker"] - one["costs"]["memoryPeakMiB"]["worker"]
    return float(more / (many["calls"] - one["calls"]))


def _count(run: dict[str, Any], kind: str, bound: str) -> int:
    return int(run["loop"][kind][bound])


def _cores(run: dict[str, Any], process: str) -> float:
    return round(run["costs"]["cpuSeconds"][process] / run["costs"]["seconds"], 2)
