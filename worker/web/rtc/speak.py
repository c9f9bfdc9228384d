"""`/rtc/speak`: the owner's voice to the callee, and the callee's back, while the owner has taken over."""

from __future__ import annotations

import asyncio

from worker.call.on_air import Heard, OnAir
from worker.web.rtc.listen import play_call
from worker.web.rtc.mixing import mixed
from worker.web.rtc.transport import AudioTransport


class Speakers:
    """Who speaks on which call. Of several pages it is the one that came last; the others are told
    `{"kind": "replaced"}`, and only hear."""

    def __init__(self) -> None:
        self._speaks: dict[str, AudioTransport] = {}

    async def speak_on(self, call_id: str, transport: AudioTransport, on_air: OnAir) -> None:
        """Until the page is gone, or the call is over. Who connects before taking over is not heard yet."""
        await transport.connected()
        if transport.is_closed:
            return
        before = self._speaks.get(call_id)
        self._speaks[call_id] = transport
        if before is not None:
            before.send({"kind": "replaced"})

        def sound(heard: Heard) -> bytes:
            # Not their own voice; Floyd's, where it is still or again Floyd who talks.
            return heard.callee if on_air.taken_over else mixed(heard.callee, heard.floyd)

        speaking = asyncio.create_task(self._speak(call_id, transport, on_air))
        try:
            await play_call(transport, on_air, sound)
        finally:
            speaking.cancel()
            await asyncio.wait([speaking])
            if self._speaks.get(call_id) is transport:
                del self._speaks[call_id]

    async def _speak(self, call_id: str, transport: AudioTransport, on_air: OnAir) -> None:
        # Only what really came: the call takes an owner from whom nothing comes for one who is gone.
        async for frame in transport.frames(filled=False):
            if self._speaks.get(call_id) is not transport:
                return
            on_air.speak(frame)
