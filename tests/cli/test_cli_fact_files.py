"""Facts from files: each form, and what a mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.cli.fact_files import read_facts
from worker.cli.failure import CliError, ExitCode

TWO = [
    {"text": "Mara is in class 4B", "sharing": "free"},
    {"text": "We live at 12 Elm Street", "sharing": "never"},
]


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '[{"text": "Mara is in class 4B"}, {"text": "We live at 12 Elm Street", "sharing": "never"}]'),
        (
            "a.json",
            '{"facts": ["Mara is in class 4B", {"text": " We live at 12 Elm Street ", "sharing": "Never"}]}',
        ),
        ("a.yaml", "- Mara is in class 4B\n- {text: We live at 12 Elm Street, sharing: never}\n"),
        (
            "a.yml",
            "facts:\n  - text: Mara is in class 4B\n  - text: We live at 12 Elm Street\n    sharing: never\n",
        ),
        ("a.csv", 'Text,Sharing\nMara is in class 4B,\n"We live at 12 Elm Street",never\n'),
        ("a.csv", "\ufefftext,sharing\n\nMara is in class 4B,free\nWe live at 12 Elm Street,never\n"),
    ],
)
def test_each_form_is_read(tmp_path: Path, name: str, text: str) -> None:
    assert read_facts(written(tmp_path, name, text), "free") == TWO


def test_plain_text_is_a_fact_a_line(tmp_path: Path) -> None:
    path = written(tmp_path, "facts.txt", "# about us\n\nMara is in class 4B\n  Alex drives a Civic, blue  \n")
    assert read_facts(path, "ask") == [
        {"text": "Mara is in class 4B", "sharing": "ask"},
        {"text": "Alex drives a Civic, blue", "sharing": "ask"},
    ]


def test_a_csv_without_a_heading_has_its_facts_in_the_first_column(tmp_path: Path) -> None:
    path = written(tmp_path, "facts.csv", "Mara is in class 4B,x\n")
    assert read_facts(path, "free") == [{"text": "Mara is in class 4B", "sharing": "free"}]


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.txt", "\n# nothing\n", "holds no facts"),
        ("a.json", '["a",\n  b]', "line 2"),
        ("a.json", '{"contacts": []}', "neither a list"),
        ("a.json", "[1]", "fact 1: a fact is a text"),
        ("a.json", '["a", {"text": " "}]', "fact 2: a fact is a text"),
        ("a.yaml", "- a\n- b: [\n", "line"),
        ("a.yaml", "- {text: a, sharing: sometimes}", 'fact 1: sharing "sometimes" is not one of'),
        ("a.csv", "text,sharing\nx,maybe\n", 'line 2: sharing "maybe"'),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    with pytest.raises(CliError, match=complaint) as caught:
        read_facts(written(tmp_path, name, text), "free")
    assert caught.value.code == ExitCode.USAGE


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.txt").write_bytes(b"ok \xff\xfe")
    with pytest.raises(CliError, match="not UTF-8"):
        read_facts(tmp_path / "photo.txt", "free")
    with pytest.raises(CliError, match="cannot be read"):
        read_facts(tmp_path / "missing.txt", "free")
    written(tmp_path, "huge.txt", "x" * 3_000_000)
    with pytest.raises(CliError, match="larger than"):
        read_facts(tmp_path / "huge.txt", "free")
