"""`/rtc/speak`: the owner's voice to the callee, and the callee's back, while the owner has taken over."""

from __future__ import annotations

import asyncio

from worker.call.on_air import Heard, OnAir
from worker.web.rtc.listen import play_call
from worker.web.rtc.mixing import mixed
from worker.web.rtc.transport import AudioTransport


async def speak_on(transport: AudioTransport, on_air: OnAir) -> None:
    """Until the page is gone, or the call is over. Who connects before taking over is not heard yet."""
    await transport.connected()
    if transport.is_closed:
        return

    def sound(heard: Heard) -> bytes:
        # Not their own voice; Floyd's, where it is still or again Floyd who talks.
        return heard.callee if on_air.taken_over else mixed(heard.callee, heard.floyd)

    speaking = asyncio.create_task(_speak(transport, on_air))
    try:
        await play_call(transport, on_air, sound)
    finally:
        speaking.cancel()
        await asyncio.wait([speaking])


async def _speak(transport: AudioTransport, on_air: OnAir) -> None:
    async for frame in transport.frames():
        on_air.speak(frame)
