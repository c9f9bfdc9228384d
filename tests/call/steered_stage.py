"""The owner on the stage: in a browser, with a microphone, steering the call; and the moments to do so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from stage import FINAL_AFTER_S, PhoneLine, Theatre, nobody_answers, now, spoken_s, voice_of

from worker.call.contract import CallControl
from worker.call.dialogue import Dialogue
from worker.call.line import Line
from worker.call.on_air import OnAir
from worker.call.on_line import OnLine
from worker.call.playback import Playback
from worker.call.steering import Hint

SILENT = b"\xff" * 160


class Owner:
    """`online` while their browser sends frames."""

    def __init__(self, stage: Theatre, control: CallControl | None = None) -> None:
        self.control = control or CallControl(nobody_answers)
        self.online = False
        self._stage = stage
        self._by_owner = False
        self._hang_up = False
        self._hints: list[Hint] = []
        self._mouth = bytearray()
        self._microphone = asyncio.create_task(self._send())
        self._hearing: list[asyncio.Task[None]] = []

    @property
    def on_air(self) -> OnAir:
        on_air = self._stage.calls.on_air("call1")
        assert on_air is not None
        return on_air

    def whisper(self, text: str) -> None:
        self._hints.append(Hint(f"hint{len(self._hints) + 1}", text))
        self._follow()

    def take_over(self, *, online: bool = True) -> None:
        self._by_owner, self.online = True, online
        self._follow()

    def hand_back(self) -> None:
        self._by_owner = False
        self._follow()

    def hang_up(self) -> None:
        self._hang_up = True
        self._follow()

    def vanish(self) -> None:
        self.online = False

    async def says(self, text: str) -> None:
        """Speak into the microphone, to the end."""
        audio = voice_of(text)
        self._mouth += audio
        recognition = self._stage.owners_recognition
        if recognition is not None:
            heard = recognition.understand(text, now(), spoken_s(text), final=True)
            self._hearing.append(asyncio.create_task(heard))
        await asyncio.sleep(len(audio) / 8000)

    async def says_and_waits(self, text: str) -> None:
        await self.says(text)
        await asyncio.sleep(FINAL_AFTER_S + 0.1)

    def close(self) -> None:
        self._microphone.cancel()

    def _follow(self) -> None:
        self.control.steering.follow(
            "call1", by_owner=self._by_owner, hang_up=self._hang_up, hints=list(self._hints)
        )

    async def _send(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            if not self.online:
                continue
            frame, self._mouth = bytes(self._mouth[:160]), self._mouth[160:]
            on_air = self._stage.calls.on_air("call1")
            if on_air is not None:
                on_air.speak(frame.ljust(160, b"\xff"))


class Inside:
    """What a call is at, for tests that need a certain moment of it."""

    def __init__(self, stage: Theatre) -> None:
        self._stage = stage

    @property
    def dialled(self) -> bool:
        return bool(self._stage.carrier.orders)

    @property
    def line(self) -> Line | None:
        session = self._stage.calls._sessions.get("call1")
        return None if session is None else session._line

    @property
    def on_line(self) -> OnLine:
        assert self.line is not None
        return self.line._on_line

    @property
    def dialogue(self) -> Dialogue:
        assert self.line is not None
        return self.line._dialogue

    @property
    def playback(self) -> Playback:
        return self.on_line.mouth._playback

    @property
    def halted(self) -> bool:
        saying = self.playback._current
        return saying is not None and saying.halted_at is not None

    async def until(self, true: Callable[[], bool], within_s: float = 60.0) -> None:
        async with asyncio.timeout(within_s):
            while not true():  # noqa: ASYNC110  (looking costs no time here)
                await asyncio.sleep(0.01)

    async def until_on_line(self) -> None:
        await self.until(lambda: self.line is not None)


async def is_quiet_for(line: PhoneLine, seconds: float) -> bool:
    """Whether nothing but silence is played for so long."""
    until = now() + seconds
    while now() < until:
        if any(kind == "audio" and content.strip(b"\xff") for kind, content in line._buffer):
            return False
        await asyncio.sleep(0.01)
    return True
