"""`/rtc/listen`: both voices of a call, as they sound now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from worker.call.on_air import Heard, OnAir
from worker.web.rtc.mixing import mixed
from worker.web.rtc.transport import FRAME_BYTES, AudioTransport

MOST_BEHIND_BYTES = 5 * FRAME_BYTES
"""0.1 s of audio may wait for its time: it evens out what the call's network and this loop do to the frames."""

LOOK_EVERY = 50
"""Frames. What waited for all of a second was not needed to even anything out; but one frame may stay."""

LAST_WORD_S = 0.3
"""For a last message to arrive before the connection is closed."""


async def listen_in(transport: AudioTransport, on_air: OnAir) -> None:
    """Until the page is gone, or the call is over (then the page is told)."""
    await transport.connected()
    if not transport.is_closed:
        await play_call(transport, on_air, lambda heard: mixed(heard.callee, heard.floyd))


async def play_call(transport: AudioTransport, on_air: OnAir, sound: Callable[[Heard], bytes]) -> None:
    """Play what `sound` makes of each 20 ms of the call."""
    listener = on_air.listen()
    gone = asyncio.create_task(transport.closed())
    gone.add_done_callback(lambda _: listener.close())
    frames, least = 0, MOST_BEHIND_BYTES
    try:
        async for heard in listener:
            least = min(least, transport.unplayed)
            transport.play(sound(heard))
            transport.keep_latest(MOST_BEHIND_BYTES)
            frames += 1
            if frames % LOOK_EVERY == 0:
                transport.keep_latest(transport.unplayed - max(0, least - FRAME_BYTES))
                least = MOST_BEHIND_BYTES
    finally:
        gone.cancel()
        listener.close()
    if not transport.is_closed:
        transport.send({"kind": "ended"})
        await asyncio.sleep(LAST_WORD_S)
