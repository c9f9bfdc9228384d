"""The page's build: made once per change, whole or not at all, and no reason for Floyd not to run.

In place of Vite runs a small program that takes the same arguments; Vite itself runs in the tests of the pages."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from worker.cli.failure import CliError
from worker.cli.page_shown import PageShown
from worker.cli.supervise import page
from worker.settings import Settings

BUILDER = """
import pathlib, sys, time
folder, sources = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
text = (sources / "main.ts").read_text()
folder.mkdir(exist_ok=True)
(folder / "part.js").write_text(text)
with (sources.parents[1] / "builds.txt").open("a") as builds: builds.write("built\\n")
time.sleep(0.2)
if "broken" in text:
    print("main.ts:1: this cannot be built", file=sys.stderr)
    sys.exit(1)
(folder / "index.html").write_text(text)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    web = tmp_path / "web"
    (web / "src").mkdir(parents=True)
    (web / "index.html").write_text("<!doctype html>")
    (web / "src" / "main.ts").write_text("one")
    monkeypatch.setattr(page, "PROJECT_ROOT", tmp_path)
    monkeypatch.setattr(page, "WEB", web)
    monkeypatch.setattr(page, "DIST", web / "dist")
    monkeypatch.setattr(page, "DRAFT", web / "build")
    monkeypatch.setattr(page, "_SOURCES", (web,))
    monkeypatch.setattr(page, "_SINGLE_SOURCES", (tmp_path / "package-lock.json",))
    monkeypatch.setattr(page, "_NOT_SOURCES", frozenset((web / "dist", web / "build")))
    command = [sys.executable, "-c", BUILDER]
    monkeypatch.setattr(page, "page_build_command", lambda folder: [*command, str(folder), str(web / "src")])
    return tmp_path


def change(project: Path, text: str) -> None:
    (project / "web" / "src" / "main.ts").write_text(text)


def served(project: Path) -> str:
    return (project / "web" / "dist" / "index.html").read_text()


def builds(project: Path) -> int:
    record = project / "builds.txt"
    return len(record.read_text().splitlines()) if record.exists() else 0


async def test_it_is_built_once_per_change(project: Path) -> None:
    assert not page.is_current()
    await page.build(project)
    assert served(project) == "one"
    await page.build(project)
    assert (page.is_current(), builds(project)) == (True, 1)
    change(project, "two")
    assert not page.is_current()
    await page.build(project)
    assert served(project) == "two"
    assert not (project / "web" / "build").exists()


@pytest.mark.parametrize("name", ["web/src/other.ts", "package-lock.json", "web/vite.config.ts"])
async def test_any_source_counts(project: Path, name: str) -> None:
    await page.build(project)
    assert page.is_current()
    (project / name).write_text("x")
    assert not page.is_current()


async def test_a_broken_build_leaves_the_last_one_and_says_why(project: Path) -> None:
    await page.build(project)
    change(project, "broken")
    with pytest.raises(CliError) as failure:
        await page.build(project)
    assert "this cannot be built" in failure.value.what
    assert "page.log" in failure.value.remedy
    assert served(project) == "one"
    assert not page.is_current()
    change(project, "three")
    await page.build(project)
    assert served(project) == "three"


async def test_several_at_once_build_once(project: Path) -> None:
    change(project, "four")
    # Each has the lock by a descriptor of its own, as separate processes would.
    await asyncio.gather(*[page.build(project / str(number)) for number in range(3)])
    assert (served(project), builds(project)) == ("four", 1)


async def test_a_broken_page_stops_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(project, "broken")
    shown = PageShown(Settings(_env_file=None, floyd_data_dir=project), builds=True)
    shown.begin()
    await shown.show("http://127.0.0.1:9", "http://127.0.0.1:3220", as_json=False)
    printed = capsys.readouterr()
    assert "could not be built" in printed.err
    assert "3220" not in printed.out
    await shown.end()


async def test_where_the_page_is_is_said_once_it_is_served(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = PageShown(Settings(_env_file=None, floyd_data_dir=project), builds=True)
    await shown.show("http://127.0.0.1:9", "http://127.0.0.1:3220", as_json=True)
    assert capsys.readouterr().out == '{"pageUrl":"http://127.0.0.1:3220"}\n'
    assert served(project) == "one"


async def test_a_build_that_is_broken_off_leaves_nothing_running(project: Path) -> None:
    await page.build(project)
    change(project, "five")
    shown = PageShown(Settings(_env_file=None, floyd_data_dir=project), builds=True)
    shown.begin()
    await asyncio.sleep(0)
    await shown.end()
    assert served(project) == "one"
    await page.build(project)
    assert served(project) == "five"
