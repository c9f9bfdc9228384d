"""How often the worker's event loop stood still, from its `/metrics` and its log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

HISTOGRAMS = {"late": "floyd_loop_stall_seconds", "blocked": "floyd_loop_blocked_seconds"}
OVER_S = (0.02, 0.05, 0.1)
LINE = "the event loop stood still"


class Stalls:
    """`async with Stalls(url, log) as stalls:`; then `stalls.figures()`."""

    def __init__(self, worker_url: str, log: Path) -> None:
        self._url = worker_url + "/metrics"
        self._log = log

    async def __aenter__(self) -> Stalls:
        self._log_start = self._log.stat().st_size
        self._before = await self._read()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._after = await self._read()

    def figures(self) -> dict[str, Any]:
        """`late`: timers that ran later than due; `blocked`: the same without the time in which the machine gave
        the loop no CPU; `stalls`: those over 50 ms that the log tells of, and where the loop was."""
        figures: dict[str, Any] = {}
        for name, counts in self._after.items():
            more = {bound: count - self._before[name][bound] for bound, count in counts.items()}
            ticks = more[float("inf")]
            figures[name] = {"ticks": ticks}
            figures[name] |= {f"over{bound * 1000:g}Ms": ticks - more[bound] for bound in OVER_S}
        figures["stalls"] = self._lines()
        return figures

    async def _read(self) -> dict[str, dict[float, float]]:
        """Histogram to (upper bound to count)."""
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as http, http.get(self._url) as reply:
            text = await reply.text()
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return {
            name: {float(s.labels["le"]): s.value for s in samples if s.name == f"{metric}_bucket"}
            for name, metric in HISTOGRAMS.items()
        }

    def _lines(self) -> list[dict[str, Any]]:
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").splitlines()
        found = [json.loads(line) for line in lines if LINE in line and line.startswith("{")]
        return [
            {
                "ms": line["ms"],
                "withoutCpuMs": line["without_cpu_ms"],
                "computingMs": line["computing_ms"],
                "at": line["at"],
            }
            for line in found
        ]
