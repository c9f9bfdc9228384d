"""Facts from a file: plain text with one a line, YAML, JSON, or CSV."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from worker.cli.failure import usage

LARGEST_FILE_BYTES = 2 * 1024 * 1024
"""Ten times the facts that Floyd keeps for one person."""
SHARINGS = ("free", "ask", "never")
COMMENT = "#"


def read_facts(path: Path, sharing: str) -> list[dict[str, Any]]:
    """`[{text, sharing}]`; `sharing` is for facts that do not say. Raises CliError with the place of a mistake."""
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise usage(f"{path} is larger than {LARGEST_FILE_BYTES // 1024:,} kB", "Import it in parts")
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise usage(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise usage(f"{path} is not UTF-8 text (byte {error.start})", "Save it as UTF-8") from error
    match path.suffix.lower():
        case ".json":
            items = _items(_parse_json(path, text), path)
        case ".yaml" | ".yml":
            items = _items(_parse_yaml(path, text), path)
        case ".csv":
            items = _csv_items(text)
        case _:
            lines = enumerate(text.splitlines(), start=1)
            items = [
                (f"line {number}", line) for number, line in lines if line.strip() and not line.startswith(COMMENT)
            ]
    facts = [_fact(item, sharing, f"{path}, {place}") for place, item in items]
    if not facts:
        raise usage(f"{path} holds no facts", "Write one a line")
    return facts


def _parse_json(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise usage(f"{path}, line {error.lineno}: {error.msg}") from error


def _parse_yaml(path: Path, text: str) -> Any:
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError
    except ImportError as error:
        raise usage(
            "Reading YAML needs the package ruamel.yaml", "Install it, or save the file as JSON"
        ) from error
    try:
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise usage(f"{path}, line {line}: {error.problem}") from error
    except YAMLError as error:
        raise usage(f"{path} is not YAML: {error}") from error


def _items(value: Any, path: Path) -> list[tuple[str, Any]]:
    """A list, or the list under `facts`."""
    if isinstance(value, dict):
        value = value.get("facts")
    if not isinstance(value, list):
        raise usage(f'{path} is neither a list of facts nor an object with a list "facts"')
    return [(f"fact {number}", item) for number, item in enumerate(value, start=1)]


def _csv_items(text: str) -> list[tuple[str, Any]]:
    """With a heading line that has `text`, columns by name; without, the first column is the text."""
    rows = [
        (f"line {number}", row) for number, row in enumerate(csv.reader(io.StringIO(text)), start=1) if any(row)
    ]
    if not rows:
        return []
    heading = [cell.strip().lower() for cell in rows[0][1]]
    if "text" not in heading:
        return [(place, row[0]) for place, row in rows]
    return [(place, dict(zip(heading, row, strict=False))) for place, row in rows[1:]]


def _fact(item: Any, sharing: str, place: str) -> dict[str, Any]:
    if isinstance(item, str):
        item = {"text": item}
    if not isinstance(item, dict) or not isinstance(item.get("text"), str) or not item["text"].strip():
        raise usage(f'{place}: a fact is a text, or an object with a "text"')
    chosen = str(item.get("sharing") or sharing).strip().lower()
    if chosen not in SHARINGS:
        raise usage(f'{place}: sharing "{chosen}" is not one of {", ".join(SHARINGS)}')
    return {"text": item["text"].strip(), "sharing": chosen}
