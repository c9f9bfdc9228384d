"""One process that the supervisor started: its log, its first words, its end.

Children run in a session of their own, so that a Ctrl-C reaches the supervisor alone, which then stops them in
order. They do not outlive it either: on Linux the kernel kills them when it dies, however that happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from worker.cli.failure import CliError

LINES_KEPT = 15
"""Of the log, for the error message."""
LONGEST_LINE = 1024 * 1024
KILL_WAIT_S = 5.0
"""From SIGKILL to the end: the kernel's work, not the process's."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def _die_with_parent() -> Callable[[], None] | None:
    """Run in the child before its program. SIGKILL: a dead supervisor means a dead house; whatever restarts it
    must find nothing left over, and every part survives being killed."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return prepare


class Child:
    """`name` is for people: "worker". Lines of its output go to `log_path`, but for its ready line, which may
    hold a key. `echo`: they go to standard error as well."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log_path: Path,
        *,
        echo: bool = False,
    ) -> None:
        self.name = name
        self.log_path = log_path
        self._command = list(command)
        self._environment = dict(environment)
        self._folder = folder
        self._echo = echo
        self._tail: deque[str] = deque(maxlen=LINES_KEPT)
        self._process: asyncio.subprocess.Process | None = None
        self._pumps: asyncio.Task[Any] | None = None
        self._ready: asyncio.Future[dict[str, Any]] | None = None

    async def start(self) -> None:
        """Raises CliError when the program cannot be started."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        if self.log_path.exists():
            self.log_path.replace(self.log_path.with_suffix(".previous.log"))
        self._ready = asyncio.get_running_loop().create_future()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=LONGEST_LINE,
                start_new_session=True,
                preexec_fn=_die_with_parent(),
            )
        except OSError as error:
            raise CliError(f"The {self.name} cannot be started: {error}", "Run scripts/setup") from error
        self._pumps = asyncio.create_task(self._pump_all(self._process))

    async def _pump_all(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        with self.log_path.open("ab", buffering=0) as log:
            await asyncio.gather(self._pump(process.stdout, log, True), self._pump(process.stderr, log, False))

    async def _pump(self, stream: asyncio.StreamReader, log: BinaryIO, first_object_is_ready: bool) -> None:
        while True:
            try:
                line = await stream.readline()
            except ValueError:  # a line over the limit; what was read of it is dropped
                continue
            if not line:
                return
            if first_object_is_ready and (ready := _json_object(line)) is not None:
                first_object_is_ready = False
                if self._ready is not None and not self._ready.done():
                    self._ready.set_result(ready)
                continue
            self._tail.append(line.decode(errors="replace").rstrip())
            with contextlib.suppress(OSError):  # a full disk must not stop the pipe, and with it the child
                log.write(line)
            if self._echo:
                sys.stderr.buffer.write(line)
                sys.stderr.buffer.flush()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def ready(self, deadline_s: float) -> dict[str, Any]:
        """The first JSON object of its standard output. Raises CliError."""
        assert self._ready is not None
        await self._first_of(asyncio.ensure_future(asyncio.shield(self._ready)), deadline_s)
        return self._ready.result()

    async def until(self, condition: asyncio.Task[Any], deadline_s: float) -> None:
        """Wait for a condition that this process must fulfil. Raises CliError."""
        await self._first_of(condition, deadline_s)

    async def _first_of(self, wanted: asyncio.Future[Any], deadline_s: float) -> None:
        end = asyncio.create_task(self.wait())
        try:
            done, _ = await asyncio.wait({wanted, end}, timeout=deadline_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            end.cancel()
            if not wanted.done():
                wanted.cancel()
        if wanted in done:
            wanted.result()
            return
        if end in done:
            raise self.failure(f"The {self.name} ended at its start ({self.end_words()})")
        raise self.failure(f"The {self.name} was not ready after {deadline_s:g} s")

    async def wait(self) -> int:
        """Its exit code, once its output is in the log."""
        assert self._process is not None
        code = await self._process.wait()
        if self._pumps is not None:
            await asyncio.shield(self._pumps)
        return code

    def failure(self, what: str) -> CliError:
        """An error with the last lines of the log."""
        lines = "".join(f"\n    {line}" for line in self._tail)
        said = f"; its last lines:{lines}" if lines else ""
        return CliError(f"{what}{said}", f"Its log is {self.log_path}")

    def ended_unexpectedly(self) -> CliError:
        return self.failure(f"The {self.name} ended unexpectedly ({self.end_words()})")

    def end_words(self) -> str:
        """How it ended: "exit code 1", "killed by SIGKILL"."""
        code = self._process.returncode if self._process else None
        if code is not None and code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return f"exit code {code}"

    async def stop(self, grace_s: float) -> None:
        """SIGTERM, then SIGKILL after `grace_s`. Nothing happens to a process that has ended."""
        if self._process is None:
            return
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                async with asyncio.timeout(grace_s):
                    await self._process.wait()
            except TimeoutError:
                self.kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(KILL_WAIT_S):
                await self.wait()

    def kill(self) -> None:
        if self._process is not None and self.running:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()


def _json_object(line: bytes) -> dict[str, Any] | None:
    if not line.startswith(b"{"):
        return None
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
