"""The demo person of a rehearsed first run, so that there is something to know."""

from __future__ import annotations

from pathlib import Path

from worker.cli.control import RehearsalControl
from worker.cli.knowledge import add_contacts, add_facts
from worker.cli.session import Session, make_known

UNFINISHED = "demo-unfinished"
"""A mark in the data folder while the demo person is written: a run that is killed then leaves it to the next."""


async def seed_demo(connection: Session, control_url: str, data_dir: Path) -> str | None:
    """Write the demo person when Floyd knows nobody yet; their name if so."""
    mark = data_dir / UNFINISHED
    if await connection.query("users:me") is not None and not mark.exists():
        return None
    mark.touch()
    demo = await RehearsalControl(control_url).demo()
    await make_known(connection, demo["name"], demo.get("phone"), demo.get("timezone"))
    await add_facts(connection, demo["facts"])
    await add_contacts(connection, demo["contacts"])
    mark.unlink(missing_ok=True)
    return str(demo["name"])
