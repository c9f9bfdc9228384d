"""`floyd backend` serves folders of functions."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli_process import COMMAND_S, command, environment, floyd

from worker.deployment.http import HttpDeployment
from worker.keys import load_key

NOTES = """
import { mutationGeneric as mutation, queryGeneric as query } from "convex/server";
import { v } from "convex/values";

export const add = mutation({
  args: { text: v.string() },
  handler: async (ctx, { text }) => { await ctx.db.insert("notes", { text }); return null; },
});
export const all = query({
  args: {},
  handler: async (ctx) => (await ctx.db.query("notes").collect()).map((note) => note.text),
});
"""
SCHEMA = """
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
export default defineSchema({ notes: defineTable({ text: v.string() }) });
"""


@contextmanager
def backend(data_dir: Path, *options: str) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    arguments = command("backend", "--port", "0", "--site-port", "0", "--json", *options)
    process = subprocess.Popen(
        arguments, env=environment(data_dir), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "it ended before it was ready"
        yield json.loads(line), process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=COMMAND_S)
        finally:
            process.kill()


async def test_floyds_own_functions_take_this_folders_tokens(tmp_path: Path) -> None:
    with backend(tmp_path) as (ready, process):
        assert ready.keys() == {"url", "siteUrl", "adminKey"}
        owner = HttpDeployment(ready["url"], load_key(tmp_path).person_token("owner"))
        try:
            assert await owner.query("users:me", {}) is None
            await owner.mutation("users:ensure", {"name": "Alex"})
            assert (await owner.query("users:me", {}))["name"] == "Alex"
        finally:
            await owner.close()
        assert ready["adminKey"] not in (tmp_path / "logs" / "backend.log").read_text()
    assert process.returncode == 0


def post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=COMMAND_S) as reply:
        return json.load(reply)


def test_any_folder_of_functions_is_served_and_its_state_outlives_a_kill(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    functions = tmp_path / "shop" / "convex"
    functions.mkdir(parents=True)
    (functions / "notes.ts").write_text(NOTES)
    (functions / "schema.ts").write_text(SCHEMA)
    (tmp_path / "shop" / "node_modules").symlink_to(root / "node_modules")
    options = ("--functions", str(functions), "--data", str(tmp_path / "state"))
    with backend(tmp_path / "floyd", *options) as (ready, process):
        added = post(f"{ready['url']}/api/mutation", {"path": "notes:add", "args": {"text": "tulips"}})
        assert added["status"] == "success", added
        process.kill()
        process.wait(COMMAND_S)
    with backend(tmp_path / "floyd", *options) as (ready, _):
        kept = post(f"{ready['url']}/api/query", {"path": "notes:all", "args": {}})
        assert kept["value"] == ["tulips"], kept


def test_what_cannot_be_served_is_named(tmp_path: Path) -> None:
    missing = floyd("backend", "--functions", str(tmp_path / "nothing"), env=environment(tmp_path))
    assert missing.code == 2
    assert "--functions" in missing.err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        busy = floyd("backend", "--port", port, env=environment(tmp_path))
    assert busy.code == 2
    assert f"--port: port {port} is taken" in busy.err


def test_broken_functions_are_named(tmp_path: Path) -> None:
    functions = tmp_path / "convex"
    functions.mkdir()
    (functions / "broken.ts").write_text("export const x = {;\n")
    done = floyd(
        "backend", "--functions", str(functions), "--port", "0", "--site-port", "0", env=environment(tmp_path)
    )
    assert done.code == 1
    assert "broken.ts" in done.err
    assert "Traceback" not in done.err
