"""Server-sent events: the same ones, wherever the stream is cut."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.model import server_sent_events
from worker.model.server_sent_events import EventTooLong, data_of


async def read(pieces: Sequence[bytes]) -> list[bytes]:
    async def stream() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return [data async for data in data_of(stream())]


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        (b"", []),
        (b"data: one\n\ndata: two\n\n", [b"one", b"two"]),
        (b"data: one\r\n\r\ndata: two\r\n\r\n", [b"one", b"two"]),
        (b"data:one\n\n", [b"one"]),
        (b"data:  one\n\n", [b" one"]),
        (b"data: one\ndata: more\n\n", [b"one\nmore"]),
        (b": keep-alive\n\ndata: one\n\n", [b"one"]),
        (b"event: delta\nid: 7\nretry: 10\ndata: one\n\n", [b"one"]),
        (b"data: one", []),
        (b"data: one\n", []),
        (b"\n\n\ndata: one\n\n\n\n", [b"one"]),
        ("data: a\u2028b\x0bc\x85\n\n".encode(), ["a\u2028b\x0bc\x85".encode()]),
        (b"database: no\nno\n\n", []),
    ],
)
async def test_events(stream: bytes, data: list[bytes]) -> None:
    assert await read([stream]) == data


LINES = st.binary(max_size=12).filter(lambda line: b"\n" not in line and not line.endswith(b"\r"))


@given(st.lists(LINES.filter(lambda line: not line.startswith(b" ")), max_size=6), st.data())
async def test_cuts_change_nothing(said: list[bytes], drawn: st.DataObject) -> None:
    stream = b"".join(b"data: " + one + b"\r\n\r\n" for one in said)
    cuts = sorted(drawn.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    edges = [0, *cuts, len(stream)]
    assert await read([stream[a:b] for a, b in itertools.pairwise(edges)]) == said


@pytest.mark.parametrize("ending", [b"", b"\n"])
async def test_an_event_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch, ending: bytes) -> None:
    monkeypatch.setattr(server_sent_events, "LONGEST_EVENT_BYTES", 100)
    with pytest.raises(EventTooLong):
        await read([b"data: " + b"x" * 30 + ending] * 5)
