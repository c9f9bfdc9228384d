"""Which memory can be in large pages, and that asking for them harms nobody."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.daemon import large_pages
from worker.daemon.large_pages import LARGE_PAGE, large_ranges, use_large_pages


def line(start: int, end: int, permissions: str = "rw-p", inode: int = 0, path: str = "") -> str:
    device = "fe:00" if inode else "00:00"
    return f"{start:x}-{end:x} {permissions} 00000000 {device} {inode} {path}\n"


@pytest.mark.parametrize(
    ("maps", "ranges"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param(line(2 * LARGE_PAGE, 5 * LARGE_PAGE), [(2 * LARGE_PAGE, 5 * LARGE_PAGE)], id="fits"),
        pytest.param(
            line(4096, 3 * LARGE_PAGE + 4096), [(LARGE_PAGE, 3 * LARGE_PAGE)], id="the whole ones within"
        ),
        pytest.param(line(4096, LARGE_PAGE), [], id="smaller than one"),
        pytest.param(line(4096, 2 * LARGE_PAGE - 4096), [], id="as large as one, and not aligned"),
        pytest.param(line(0, LARGE_PAGE, path="        [heap]"), [(0, LARGE_PAGE)], id="heap"),
        pytest.param(line(0, LARGE_PAGE, path="        [stack]"), [], id="stack"),
        pytest.param(line(0, LARGE_PAGE, inode=7, path="/usr/lib/libc.so.6"), [], id="a file's"),
        pytest.param(line(0, LARGE_PAGE, "r-xp"), [], id="code"),
        pytest.param(line(0, LARGE_PAGE, "---p"), [], id="a guard"),
        pytest.param(line(0, LARGE_PAGE, "rw-s"), [], id="shared"),
        pytest.param("no maps at all\n", [], id="something else"),
    ],
)
def test_ranges(maps: str, ranges: list[tuple[int, int]]) -> None:
    assert large_ranges(maps) == ranges


@given(start=st.integers(0, 2**46), size=st.integers(1, 64 * LARGE_PAGE))
def test_a_range_lies_within_what_is_mapped(start: int, size: int) -> None:
    for low, high in large_ranges(line(start, start + size)):
        assert start <= low < high <= start + size
        assert low % LARGE_PAGE == high % LARGE_PAGE == 0


def test_what_is_in_memory_stays_as_it_is() -> None:
    before = bytearray(range(256)) * (4 * LARGE_PAGE // 256)
    assert use_large_pages() >= 0
    assert before == bytearray(range(256)) * (4 * LARGE_PAGE // 256)


def test_where_there_are_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(large_pages, "_MAPS", tmp_path / "maps")
    assert use_large_pages() == 0
    monkeypatch.setattr(sys, "platform", "darwin")
    assert use_large_pages() == 0
