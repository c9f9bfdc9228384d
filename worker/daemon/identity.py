"""Who this worker is, and that there is only one of it.

The id lives in the data folder, so that a worker started again is known as the same one: registering ends the
leases of the process before it at once, instead of a minute later. The lock file keeps a second process from using
the same folder, and so the same id.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

ID_FILE = "worker-id"
LOCK_FILE = "worker.lock"

_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")


class CannotStart(Exception):
    """The worker cannot run like this. The message is for a person, and names the remedy."""


@dataclass(frozen=True, slots=True)
class Identity:
    """`incarnation` is new for each process."""

    worker_id: str
    incarnation: str


class WorkerLock:
    """Held as long as the process lives; the system lets go of it even after `kill -9`."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / LOCK_FILE
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise CannotStart(
                f"{self._path} cannot be written ({error.strerror}); check the folder, or set FLOYD_DATA_DIR"
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._descriptor, 20, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise CannotStart(
                f"another worker (process {holder or 'unknown'}) uses {data_dir}: stop it, or give this one a "
                "data folder of its own with FLOYD_DATA_DIR"
            ) from error
        with contextlib.suppress(OSError):  # a full disk: the lock holds, only nobody can read whose it is
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        os.close(self._descriptor)


def load_identity(data_dir: Path) -> Identity:
    """Call it only while holding the `WorkerLock`. Raises `CannotStart` when the folder cannot be used."""
    path = data_dir / ID_FILE
    try:
        known = path.read_text("utf-8").strip() if path.exists() else ""
        if not _ID.fullmatch(known):
            known = f"worker-{secrets.token_hex(4)}"
            draft = path.with_suffix(".draft")
            draft.write_text(f"{known}\n", "utf-8")
            draft.replace(path)
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(
            f"{path} cannot be read or written ({error}); check the folder, or set FLOYD_DATA_DIR"
        ) from error
    return Identity(known, secrets.token_hex(16))
