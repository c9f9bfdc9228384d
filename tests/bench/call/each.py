"""Series one after the other. One that breaks leaves the others' figures alone: they took minutes to get."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Iterable
from typing import Any


async def each(who: str, names: Iterable[str], run: Callable[[str], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """Figures by name. A series that broke has `broken`, and why among its `problems`."""
    found: dict[str, Any] = {}
    for name in names:
        print(f"bench: {who}: {name}", flush=True)
        try:
            found[name] = await run(name)
        except Exception as error:
            traceback.print_exc()
            found[name] = {"problems": [repr(error)], "broken": True}
    return found


def problems_of(found: dict[str, Any]) -> list[str]:
    return [f"{name}: {problem}" for name, series in found.items() for problem in series["problems"]]


def is_whole(found: dict[str, Any], name: str) -> bool:
    return name in found and "broken" not in found[name]
