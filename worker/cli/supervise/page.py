"""The web client: built into `web/dist` when its sources changed, or served by Vite while it is being worked on.

`web/dist/.sources` holds the hash of what the build was made from, so that a build is made once per change. A new
build is made beside the old one and takes its place when it is whole: whoever has the page open never gets half of
it, and a build that fails leaves the last one that worked.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.cli.failure import CliError
from worker.cli.supervise.child import Child
from worker.cli.supervise.programs import page_build_command
from worker.settings import PROJECT_ROOT

WEB = PROJECT_ROOT / "web"
DIST = WEB / "dist"
DRAFT = WEB / "build"
STAMP = ".sources"

BUILD_S = 180.0
"""Five seconds on an idle laptop; a small machine may be busy with a call."""
STOP_S = 5.0

_SOURCES = (WEB, PROJECT_ROOT / "convex")
_SINGLE_SOURCES = (PROJECT_ROOT / "package-lock.json",)
_NOT_SOURCES = frozenset((DIST, DRAFT))


def is_there() -> bool:
    """A page is served, of whatever age."""
    return (DIST / "index.html").exists()


def is_current() -> bool:
    try:
        return (DIST / STAMP).read_text("ascii") == sources_hash() and is_there()
    except (OSError, UnicodeDecodeError):
        return False


def sources_hash() -> str:
    """Of everything that the build depends on: names and contents."""
    digest = hashlib.sha256()
    for path in _source_files():
        name = path.relative_to(PROJECT_ROOT).as_posix().encode()
        content = path.read_bytes()
        digest.update(b"%d %s %d " % (len(name), name, len(content)))
        digest.update(content)
    return digest.hexdigest()


async def build(log_folder: Path) -> None:
    """Build the page if it is not current. Safe when several processes do so at once: one builds, the others wait.

    Raises CliError when it cannot be built."""
    if await asyncio.to_thread(is_current):
        return
    if not (WEB / "index.html").exists():
        raise CliError(f"{WEB} is missing", "Run floyd from a whole checkout of the project")
    with _alone() as lock:
        await _have(lock)
        wanted = await asyncio.to_thread(sources_hash)
        if await asyncio.to_thread(is_current):
            return
        await _run(
            Child("page's build", page_build_command(DRAFT), dict(os.environ), PROJECT_ROOT, log_of(log_folder))
        )
        await asyncio.to_thread(_replace, wanted)


def log_of(log_folder: Path) -> Path:
    return log_folder / "page.log"


async def _run(child: Child) -> None:
    await child.start()
    try:
        async with asyncio.timeout(BUILD_S):
            code = await child.wait()
    except TimeoutError:
        raise child.failure(f"The page's build took more than {BUILD_S:g} s") from None
    finally:
        await child.stop(STOP_S)
    if code != 0 or not (DRAFT / "index.html").exists():
        raise child.failure(f"The page could not be built ({child.end_words()})")


def _replace(stamp: str) -> None:
    (DRAFT / STAMP).write_text(stamp, "ascii")
    old = DIST.with_name("build-old")
    shutil.rmtree(old, ignore_errors=True)
    if DIST.exists():
        DIST.rename(old)
    DRAFT.rename(DIST)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _alone() -> Iterator[int]:
    """A descriptor to lock: the folder itself, so that no file is left over."""
    descriptor = os.open(WEB, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


async def _have(lock: int) -> None:
    """Wait for the lock; another's build has a deadline of its own."""
    try:
        async with asyncio.timeout(BUILD_S + STOP_S):
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                except BlockingIOError:
                    await asyncio.sleep(0.1)
    except TimeoutError:
        raise CliError("Another process goes on building the page", "End it, then try again") from None


def _source_files() -> list[Path]:
    found = [path for path in _SINGLE_SOURCES if path.exists()]
    for root in _SOURCES:
        for parent, folders, names in os.walk(root):
            folders[:] = [name for name in folders if Path(parent, name) not in _NOT_SOURCES]
            found += [Path(parent, name) for name in names if not name.endswith((".md", ".pyc"))]
    return sorted(found)
