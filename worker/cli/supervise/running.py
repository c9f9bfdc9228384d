"""`running.json` in the data folder: what a `floyd up` runs, for commands in other terminals. No secrets.

The file may be left over from a process that was killed, so it is believed only while its writer holds the lock
on `up.lock`. The kernel drops the lock with the process, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

RUNNING_FILE = "running.json"
LOCK_FILE = "up.lock"

LOCK_ATTEMPTS = 5
LOCK_PAUSE_S = 0.02


class Running(BaseModel):
    """Addresses and process ids of a running `floyd up`."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    pid: int
    started_at: float
    """Epoch ms."""
    url: str
    site_url: str | None
    worker_url: str
    control_url: str | None
    """Of the rehearsal."""
    rehearsed: tuple[str, ...]
    pids: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(by_alias=True)


class AlreadyRunning(Exception):
    """Another `floyd up` has this data folder."""


@contextlib.contextmanager
def hold(data_dir: Path) -> Iterator[None]:
    """Have this data folder to oneself. Raises `AlreadyRunning`."""
    data_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # A command that looks whether the lock is held has it itself for a moment.
        for attempt in range(LOCK_ATTEMPTS):
            if _locked(descriptor):
                break
            if attempt + 1 == LOCK_ATTEMPTS:
                raise AlreadyRunning(str(data_dir))
            time.sleep(LOCK_PAUSE_S)
        try:
            yield
        finally:
            (data_dir / RUNNING_FILE).unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(data_dir: Path) -> bool:
    """Whether a `floyd up` has this data folder now."""
    try:
        descriptor = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _locked(descriptor)
    finally:
        os.close(descriptor)


def write_running(data_dir: Path, running: Running) -> None:
    draft = data_dir / f"{RUNNING_FILE}.new"
    draft.write_bytes(orjson.dumps(running.as_json(), option=orjson.OPT_INDENT_2) + b"\n")
    draft.replace(data_dir / RUNNING_FILE)


def read_running(data_dir: Path) -> Running | None:
    """What runs now, or None: also while a `floyd up` is still starting."""
    if not is_held(data_dir):
        return None
    try:
        return Running.model_validate(orjson.loads((data_dir / RUNNING_FILE).read_bytes()))
    except (OSError, orjson.JSONDecodeError, ValidationError):
        return None
