"""`site`: everything standing, once for all tests of a process. `page`: somebody new, signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from harness import Site
from parts import SCENARIOS
from playwright.async_api import Page

LONGEST = ("voice_request", "steering", "line", "request_page", "sign_in", "quality", "requests")
"""Files that begin first, so that at the end no long calls are left to one process. The others follow."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {f"test_{name}": rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def whole_site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with Site.standing(tmp_path_factory.mktemp("site"), scenarios=SCENARIOS) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="session")
async def site(whole_site: Site) -> AsyncIterator[Site]:
    """Shared: leave no request under way, and stop none of its processes: for that, `Site.standing`."""
    yield whole_site
    complaints = await whole_site.leave()
    assert not complaints, complaints


@pytest_asyncio.fixture(loop_scope="session")
async def page(site: Site) -> Page:
    """At the list of requests, on a desk, in light colours."""
    return await site.open(await site.person())
