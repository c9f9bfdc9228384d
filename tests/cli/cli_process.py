"""The `floyd` command as a process, with nothing configured but what a test says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from worker.cli.main import run
from worker.settings import Settings

COMMAND_S = 30.0
"""A command takes a second; the machine may be busy."""


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(data_dir: Path, variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Every setting is set to nothing, which hides a developer's own `.env.local`."""
    unset = {str(info.validation_alias or name).upper(): "" for name, info in Settings.model_fields.items()}
    own = {"FLOYD_DATA_DIR": str(data_dir), "COLUMNS": "100", "NO_COLOR": "1"}
    return {**os.environ, **unset, **own, **(variables or {})}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "worker.cli.main", *arguments]


class Here:
    """`floyd` inside the test's process: a tenth of the time, for commands without a live query."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], env: Mapping[str, str]
    ) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        for name, value in env.items():
            monkeypatch.setenv(name, value)

    def __call__(self, *arguments: str) -> Result:
        self._monkeypatch.setattr(sys, "argv", ["floyd", *arguments])
        logging = structlog.get_config()
        self._capsys.readouterr()
        try:
            code = run()
        finally:
            structlog.configure(**logging)
        printed = self._capsys.readouterr()
        return Result(code, printed.out, printed.err)


def floyd(*arguments: str, env: dict[str, str], stdin: str = "") -> Result:
    done = subprocess.run(
        command(*arguments), env=env, input=stdin, capture_output=True, text=True, timeout=COMMAND_S, check=False
    )
    return Result(done.returncode, done.stdout, done.stderr)
