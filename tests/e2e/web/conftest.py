"""`site`: everything standing, once for all tests of a process. `page`: somebody new, signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from harness import Site
from playwright.async_api import Page

SCENARIOS = Path(__file__).parent / "scenarios"
"""Beside the built-in ones."""


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
