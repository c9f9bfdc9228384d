"""What tests of several parts share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from deployment_process import DeploymentProcess
from hypothesis import HealthCheck, settings

# gRPC takes every fork for one that goes on with its work, starts its threads in the child, and now and then
# aborts there, before the child's own program begins. It reads this at its first import.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

settings.register_profile(
    "search", max_examples=2_000, deadline=None, suppress_health_check=(HealthCheck.too_slow,)
)


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeploymentProcess]:
    """One embedded deployment for all tests that do not stop it. Use a person of your own per test, and leave no
    request pending behind: a worker takes everybody's."""
    yield from _running(tmp_path_factory.mktemp("deployment"))


@pytest.fixture
def own_deployment(tmp_path: Path) -> Iterator[DeploymentProcess]:
    """A deployment of the test's own, to kill, start again or fill."""
    yield from _running(tmp_path / "deployment")


def _running(folder: Path) -> Iterator[DeploymentProcess]:
    process = DeploymentProcess(folder)
    process.start()
    try:
        yield process
    finally:
        process.kill()
