"""What processes cost meanwhile: CPU time and memory, and how much of the machine others used."""

from __future__ import annotations

import asyncio
from typing import Any

import psutil

SAMPLE_S = 0.25
MIB = 1024 * 1024


class Costs:
    """`async with Costs({"worker": pid, ...}) as costs:`; then `costs.figures()`."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._peak = {name: process.memory_info().rss for name, process in self._processes.items()}
        self._first_memory = dict(self._peak)

    async def __aenter__(self) -> Costs:
        self._cpu = self._cpu_times()
        self._machine, self._steal = _machine_cpu()
        self._began = asyncio.get_running_loop().time()
        self._sampling = asyncio.create_task(self._sample())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sampling.cancel()
        await asyncio.gather(self._sampling, return_exceptions=True)
        self._seconds = asyncio.get_running_loop().time() - self._began
        self._cpu = {name: after - self._cpu[name] for name, after in self._cpu_times().items()}
        busy, steal = _machine_cpu()
        self._machine, self._steal = busy - self._machine, steal - self._steal

    def figures(self) -> dict[str, Any]:
        """CPU in s, memory (resident) in MiB, `otherCores`: cores used on average by what is not ours."""
        ours = sum(self._cpu.values())
        return {
            "seconds": round(self._seconds, 1),
            "cpuSeconds": {name: round(used, 2) for name, used in self._cpu.items()},
            "memoryAtFirstMiB": {name: round(size / MIB, 1) for name, size in self._first_memory.items()},
            "memoryPeakMiB": {name: round(size / MIB, 1) for name, size in self._peak.items()},
            "otherCores": round(max(0.0, self._machine - ours) / self._seconds, 2),
            "stolenCores": round(self._steal / self._seconds, 2),
        }

    def _cpu_times(self) -> dict[str, float]:
        times = {name: process.cpu_times() for name, process in self._processes.items()}
        return {name: used.user + used.system for name, used in times.items()}

    async def _sample(self) -> None:
        while True:
            for name, process in self._processes.items():
                self._peak[name] = max(self._peak[name], process.memory_info().rss)
            await asyncio.sleep(SAMPLE_S)


def _machine_cpu() -> tuple[float, float]:
    """Seconds of all cores since the start: used, and taken by the host."""
    times = psutil.cpu_times()
    used = times.user + times.system + getattr(times, "irq", 0.0) + getattr(times, "softirq", 0.0)
    return used + getattr(times, "nice", 0.0), getattr(times, "steal", 0.0)
