"""The page of a `floyd up`: built while the rest starts, and told of once it is served."""

from __future__ import annotations

import asyncio
import sys

from worker.cli import output
from worker.cli.failure import CliError
from worker.cli.options import OWNER
from worker.cli.sign_in_link import make_link
from worker.cli.supervise import page
from worker.deployment.client import DeploymentUnavailable, FunctionError
from worker.settings import Settings


class PageShown:
    """`builds` is False when Vite serves the page from its sources."""

    def __init__(self, settings: Settings, *, builds: bool) -> None:
        self._settings = settings
        self._builds = builds
        self._building: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin to build, if anything changed. Nothing waits for it yet."""
        if self._builds and self._building is None:
            self._building = asyncio.create_task(page.build(self._settings.floyd_data_dir / "logs"))

    async def end(self) -> None:
        """Break a build off."""
        if self._building is not None:
            self._building.cancel()
            await asyncio.gather(self._building, return_exceptions=True)

    async def show(self, deployment_url: str, page_url: str, *, as_json: bool) -> None:
        """Wait for the build, and say where the page is: on a terminal with a link that signs its owner in."""
        if not await self._served():
            return
        if as_json:
            output.emit({"pageUrl": page_url})
            return
        if sys.stdout.isatty():
            try:
                link = await make_link(self._settings, deployment_url, page_url, OWNER, operator=True)
            except (CliError, FunctionError, DeploymentUnavailable) as error:
                output.warn(f"no sign-in link could be made: {error}")
            else:
                output.say("page        open this link to be signed in; it works once, for 15 minutes:")
                output.say_unbroken(link.url)
                return
        output.say(f"page        {page_url}  (floyd token --link signs a browser in)")

    async def _served(self) -> bool:
        if not self._builds:
            return True
        self.begin()
        assert self._building is not None
        try:
            if self._building.done() or await asyncio.to_thread(page.is_current):
                await self._building
            else:
                with output.Progress().step("building the page, since it changed"):
                    await self._building
        except CliError as error:
            # Calls are made without a page as well as with one.
            output.warn(error.line())
            if page.is_there():
                output.warn("The page is served as it was built before.")
            return page.is_there()
        return True


def page_line(page_url: str) -> str | None:
    """For a Floyd that carries out one request, and does not build: where the page is, if it is up to date."""
    return f"page        {page_url}" if page.is_current() else None
