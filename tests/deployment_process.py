"""A real embedded deployment with the project's functions, as a process that tests may stop, kill and restart."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from collections import deque
from pathlib import Path
from typing import Any

from worker.deployment.http import HttpDeployment
from worker.keys import SigningKey, load_key

ROOT = Path(__file__).resolve().parents[1]

START_S = 30.0
"""Bundling the functions and opening the database takes about two seconds; the machine may be busy."""
END_S = 10.0


class DeploymentProcess:
    """`url`, `site_url` and `admin_key` hold once `start` has returned. Starting again keeps data and ports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key: SigningKey = load_key(folder)
        self.url = ""
        self.site_url = ""
        self.admin_key = ""
        self.log: deque[str] = deque(maxlen=400)
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        ports = [part.rsplit(":", 1)[1] if part else "0" for part in (self.url, self.site_url)]
        options = ["--port", ports[0], "--site-port", ports[1], "--data", str(self.folder / "embedded")]
        command = [_node(), "--disable-warning=ExperimentalWarning", str(ROOT / "embedded" / "main.mjs"), *options]
        self._process = subprocess.Popen(
            [*command, "--functions", str(ROOT / "convex"), "--json"],
            cwd=ROOT,
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        lines: queue.Queue[str] = queue.Queue()
        for stream, take in ((self._process.stdout, lines.put), (self._process.stderr, self.log.append)):
            threading.Thread(target=_pump, args=(stream, take), daemon=True).start()
        try:
            ready = json.loads(lines.get(timeout=START_S))
        except (queue.Empty, ValueError) as error:
            self.kill()
            raise AssertionError("the deployment did not start:\n" + "\n".join(self.log)) from error
        self.url, self.site_url, self.admin_key = ready["url"], ready["siteUrl"], ready["adminKey"]
        self.set_environment(FLOYD_JWKS=self.key.jwks_uri)

    def set_environment(self, **variables: str | None) -> None:
        changes = [{"name": name, "value": value} for name, value in variables.items()]
        self.admin("/api/update_environment_variables", {"changes": changes})

    def admin(self, route: str, body: Any) -> Any:
        """A call with the admin key; raises on any HTTP error."""
        headers = {"Authorization": f"Convex {self.admin_key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + route, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=END_S) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def worker_token(self) -> str:
        return self.key.worker_token()

    def person_token(self, name: str = "owner") -> str:
        return self.key.person_token(name)

    def as_worker(self) -> HttpDeployment:
        """The functions as the worker; the caller closes it."""
        return HttpDeployment(self.url, self.worker_token())

    def as_person(self, name: str = "owner") -> HttpDeployment:
        """The functions as a person (not known before `users:ensure`); the caller closes it."""
        return HttpDeployment(self.url, self.person_token(name))

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(END_S)


def _pump(stream: Any, take: Any) -> None:
    for line in stream:
        take(line.rstrip("\n"))


def _node() -> str:
    beside = Path(sys.executable).parent / "node"
    found = str(beside) if beside.exists() else shutil.which("node")
    assert found, "no Node: run scripts/setup"
    return found
