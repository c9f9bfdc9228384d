"""Streaming transcription over the Realtime API (`GET /v1/realtime?intent=transcription`), for one who knows what
will be said.

The wire is OpenAI's (API reference, "Realtime", and guide "Realtime transcription"): `session.created` comes
first, `session.update` says how to listen, `input_audio_buffer.append` brings audio, `input_audio_buffer.commit`
ends an utterance. A commit is answered by `input_audio_buffer.committed`, `conversation.item.added` and, once the
utterance has been understood, `conversation.item.input_audio_transcription.completed`. Deltas come while the audio
does, or together with the final if the model is none for streaming. Finals come in order; OpenAI does not promise
that.

A message that the real one would refuse is answered by an `error` event, and the session goes on. Served are
mu-law and `turn_detection: null`: the client commits, 100 ms of audio at least. A session ends after 60 minutes.

Words are due as the rehearsal's delays have it: `interim_ms` after their sound, a final `final_ms` after the last
sound, though not before its commit.

Faults (`on: recognizer`), struck when a session is configured: `die` drops the connection, `error` sends a server
error and closes, both `at` seconds later; `empty` understands nothing; `slow` gives all results `at` seconds later
(2).
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
from aiohttp import WSMsgType, web

from rehearsal import g711
from rehearsal.delays import Delays
from rehearsal.ear import PhraseBook
from rehearsal.faults import Faults
from rehearsal.google.recognition import Activity, Recognition, Transcript
from rehearsal.openai.transcription_order import Order, Refused, audio_of, event_of, order_of

MAX_SESSION_S = 3600.0
MIN_COMMIT_MS = 100.0
SLOW_S = 2.0
SEND_S = 5.0
CLOSE_S = 1.0
MAX_MESSAGE_BYTES = 21 * 1024 * 1024
"""OpenAI's 15 MiB of audio, in base64."""

_PREFIX = "conversation.item.input_audio_transcription"


class State(Protocol):
    """What transcription needs of the rehearsal's state."""

    @property
    def phrasebook(self) -> PhraseBook: ...
    @property
    def delays(self) -> Delays: ...
    @property
    def faults(self) -> Faults: ...


@dataclass
class _Item:
    """The utterance that the buffer holds."""

    name: str = field(default_factory=lambda: f"item_{secrets.token_hex(10)}")
    audio_bytes: int = 0
    settled: list[str] = field(default_factory=list)
    """Its parts before pauses."""
    told: str = ""
    """In deltas."""
    due: float = 0.0


class Transcription:
    """One session."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._socket = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES)
        self._recognition = Recognition(state.phrasebook, state.delays)
        self._order: Order | None = None
        self._item = _Item()
        self._before: str | None = None
        self._results: asyncio.Queue[tuple[float, dict[str, Any]]] = asyncio.Queue()
        self._slow_s = 0.0
        self._deaf = False
        self._doom: tuple[float, str] = (time.monotonic() + MAX_SESSION_S, "old")
        self._doom_changed = asyncio.Event()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        await self._socket.prepare(request)
        await self._send({"type": "session.created", "session": self._session()})
        tasks = [asyncio.create_task(run) for run in (self._listen(), self._tell(), self._meet_doom())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            with contextlib.suppress(ConnectionError, TimeoutError):
                for task in done:
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._doom[1] == "die" and time.monotonic() >= self._doom[0]:
            if request.transport is not None:
                request.transport.abort()
        else:
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._socket.close(code=1001)
        return self._socket

    async def _listen(self) -> None:
        """Everything the client sends, until it closes."""
        async for message in self._socket:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            event: dict[str, Any] = {}
            try:
                event = event_of(message.data)
                await self._take(event)
            except Refused as refused:
                event_id = event.get("event_id")
                refused.event_id = event_id if isinstance(event_id, str) else None
                await self._send(refused.event())

    async def _take(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "session.update":
                self._order = order_of(event)
                await self._send({"type": "session.updated", "session": self._session()})
                self._strike()
            case "input_audio_buffer.append":
                self._hear(audio_of(event))
            case "input_audio_buffer.commit":
                await self._commit()
            case "input_audio_buffer.clear":
                self._recognition.finish(time.monotonic())
                self._item = _Item()
                await self._send({"type": "input_audio_buffer.cleared"})
            case unknown:
                raise Refused(
                    f"Invalid value: '{unknown}'. Supported values are: 'session.update', "
                    "'input_audio_buffer.append', 'input_audio_buffer.commit' and 'input_audio_buffer.clear'.",
                    code="invalid_value",
                    param="type",
                )

    def _hear(self, mulaw: bytes) -> None:
        if self._order is None:
            raise Refused("The session has no transcription model: send session.update.", code="invalid_state")
        self._item.audio_bytes += len(mulaw)
        self._understand(self._recognition.feed(g711.decode(mulaw), time.monotonic()))

    async def _commit(self) -> None:
        item = self._item
        held_ms = item.audio_bytes * 1000 / g711.SAMPLE_RATE
        if held_ms < MIN_COMMIT_MS:
            raise Refused(
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{MIN_COMMIT_MS:g}ms of audio, but buffer only has {held_ms:.2f}ms of audio.",
                code="input_audio_buffer_commit_empty",
            )
        await self._send(
            {"type": "input_audio_buffer.committed", "item_id": item.name, "previous_item_id": self._before}
        )
        content = [{"type": "input_audio", "transcript": None}]
        added = {"id": item.name, "type": "message", "role": "user", "status": "completed", "content": content}
        await self._send(
            {
                "type": "conversation.item.added",
                "previous_item_id": self._before,
                "item": {**added, "object": "item"},
            }
        )
        self._understand(self._recognition.finish(time.monotonic(), at_once=False))
        text = "" if self._deaf else " ".join(item.settled)
        due = max(item.due, time.monotonic())
        if not self._streams and text:
            for number, word in enumerate(text.split(" ")):
                self._publish(due, "delta", delta=f" {word}" if number else word)
        usage = {"type": "duration", "seconds": round(held_ms / 1000, 2)}
        self._publish(due, "completed", transcript=text, usage=usage)
        self._before, self._item = item.name, _Item()

    def _understand(self, heard: list[Transcript | Activity]) -> None:
        for one in heard:
            if isinstance(one, Activity):
                continue
            item = self._item
            text = " ".join([*item.settled, one.text])
            if one.final:
                item.settled.append(one.text)
            item.due = max(item.due, one.due)
            # What was told can't be taken back; the final has the last word.
            if self._streams and not self._deaf and text != item.told and text.startswith(item.told):
                self._publish(item.due, "delta", delta=text[len(item.told) :])
                item.told = text

    @property
    def _streams(self) -> bool:
        return self._order is not None and self._order.streams

    def _publish(self, due: float, kind: str, **content: Any) -> None:
        event = {"type": f"{_PREFIX}.{kind}", "item_id": self._item.name, "content_index": 0, **content}
        self._results.put_nowait((due, event))

    async def _tell(self) -> None:
        while True:
            due, event = await self._results.get()
            await asyncio.sleep(max(0.0, due + self._slow_s - time.monotonic()))
            await self._send(event)

    def _strike(self) -> None:
        fault = self._state.faults.take("recognizer")
        if fault is None:
            return
        if fault.kind == "slow":
            self._slow_s = SLOW_S if fault.at is None else fault.at
        elif fault.kind == "empty":
            self._deaf = True
        else:
            self._doom = (time.monotonic() + (fault.at or 0.0), "die" if fault.kind == "die" else "error")
            self._doom_changed.set()

    async def _meet_doom(self) -> None:
        """The session's end, if the client does not end it before."""
        while (wait_s := self._doom[0] - time.monotonic()) > 0:
            self._doom_changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._doom_changed.wait()
        match self._doom[1]:
            case "old":
                minutes = f"{MAX_SESSION_S / 60:g}"
                await self._send(
                    Refused(
                        f"Your session hit the maximum duration of {minutes} minutes.", code="session_expired"
                    ).event()
                )
            case "error":
                error = {
                    "type": "server_error",
                    "code": "server_error",
                    "message": "The server had an error while processing your request.",
                    "param": None,
                    "event_id": None,
                }
                await self._send({"type": "error", "error": error})

    def _session(self) -> dict[str, Any]:
        return {
            "object": "realtime.transcription_session",
            "id": f"sess_{secrets.token_hex(10)}",
            "expires_at": int(time.time() + MAX_SESSION_S),
            "type": "transcription",
            **(self._order.session if self._order is not None else {}),
        }

    async def _send(self, event: dict[str, Any]) -> None:
        """Raises ConnectionError and TimeoutError: there is nobody any more."""
        async with asyncio.timeout(SEND_S):
            await self._socket.send_str(
                orjson.dumps({"event_id": f"event_{secrets.token_hex(10)}", **event}).decode()
            )
