"""Server-sent events out of a stream of bytes (WHATWG HTML, section 9.2.6): the data of each event.

    data: {"choices": ...}        a field and its value; one space after the colon belongs to neither
    : keep-alive                  a comment
                                  an empty line ends the event

Lines end with LF or CRLF. (A lone CR, which the standard allows too, is sent by nobody.) Other fields than `data`
mean nothing here. Vendors' clients make a typed object of every token, which costs three times what the rest of a
streamed answer does.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

LONGEST_EVENT_BYTES = 1_000_000
"""An event is a token or two. What grows beyond this is no answer."""


class EventTooLong(ValueError):
    pass


async def data_of(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """The data of every event, to the end of `pieces`, which may cut anywhere. An event without its empty line at
    the end is incomplete, and passed over. Raises `EventTooLong`."""
    rest, data, size = b"", list[bytes](), 0
    async for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for ended in lines:
            line = ended.removesuffix(b"\r")
            if line.startswith(b"data:"):
                value = line[5:].removeprefix(b" ")
                data.append(value)
                size += len(value)
            elif not line and data:
                yield b"\n".join(data)
                data, size = [], 0
        if size + len(rest) > LONGEST_EVENT_BYTES:
            raise EventTooLong(f"an event of more than {LONGEST_EVENT_BYTES} bytes")
