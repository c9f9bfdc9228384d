"""Speech to speech over the Realtime API (`GET /v1/realtime?model=...`), for one who knows what will be said.

The wire is OpenAI's (API reference, "Realtime"): `session.created` comes first, `session.update` says how to hear,
speak and behave, `input_audio_buffer.append` brings audio. Speech in it is found by the rehearsal's ear, and cut
into items as `server_vad` does; their transcripts come `finalMs` after the last sound. On `response.create` the
rehearsal's model answers the conversation and its voice speaks: words, audio and function calls come as events
(see `realtime_response`), until `response.done`; `response.cancel` breaks off. `conversation.item.create`,
`.truncate` and `.delete` change what the model knows.

A message that the real one would refuse is answered by an `error` event, and the session goes on. Served are
mu-law and a `server_vad` that neither answers nor interrupts. A session ends after 60 minutes.

Faults (`on: model`), struck when an answer is asked for: `error` fails it, `empty` says nothing, `brokenTool`
calls a function with half its arguments, `slow` begins `at` seconds later (5), `die` drops the connection in the
middle.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from rehearsal import g711
from rehearsal.google.recognition import Activity, Recognition
from rehearsal.openai import realtime_order as orders
from rehearsal.openai.model import answer
from rehearsal.openai.reading import Reading
from rehearsal.openai.realtime_conversation import Conversation, Item, new_id
from rehearsal.openai.realtime_response import Step, steps_of
from rehearsal.openai.reply import Reply, ToolUse
from rehearsal.openai.transcription_order import Refused, audio_of, event_of
from rehearsal.scenario import Fault
from rehearsal.state import RehearsalState
from rehearsal.voice import Speech

MAX_SESSION_S = 3600.0
MIN_COMMIT_MS = 100.0
SLOW_S = 5.0
SEND_S = 5.0
CLOSE_S = 1.0
MAX_MESSAGE_BYTES = 21 * 1024 * 1024
"""OpenAI's 15 MiB of audio, in base64."""
DEFAULT_VOICE = "alloy"
DEFAULT_SILENCE_MS = 500

_TRANSCRIPTION = "conversation.item.input_audio_transcription"


class SpeechToSpeech:
    """One session."""

    def __init__(self, state: RehearsalState, model: str) -> None:
        self._state = state
        self._model = model
        self._socket = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES)
        self._recognition = Recognition(state.phrasebook, state.delays)
        self._conversation = Conversation()
        self._instructions = ""
        self._tools: list[dict[str, Any]] = []
        self._voice = DEFAULT_VOICE
        self._transcribes = False
        self._cut_after_s: float | None = DEFAULT_SILENCE_MS / 1000
        """So much silence ends an item; None: the client ends them."""
        self._speaking: Item | None = None
        """What is being said, once the ear hears speech."""
        self._uncommitted_bytes = 0
        self._response: asyncio.Task[None] | None = None
        self._response_id = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.Transport | None = None

    async def serve(self, request: web.Request) -> web.StreamResponse:
        await self._socket.prepare(request)
        self._transport = request.transport
        try:
            async with asyncio.timeout(MAX_SESSION_S):
                with contextlib.suppress(ConnectionError):
                    await self._send({"type": "session.created", "session": self._session()})
                    await self._listen()
        except TimeoutError:
            message = f"Your session hit the maximum duration of {MAX_SESSION_S / 60:g} minutes."
            with contextlib.suppress(ConnectionError, TimeoutError):
                await self._send(Refused(message, code="session_expired").event())
        finally:
            tasks = [*self._tasks, *([self._response] if self._response else [])]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
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
                if event["type"] == "input_audio_buffer.append":
                    await self._hear(audio_of(event))
                else:
                    await self._take(event["type"], orders.order_of(event))
            except Refused as refused:
                event_id = event.get("event_id")
                refused.event_id = event_id if isinstance(event_id, str) else None
                await self._send(refused.event())

    async def _take(self, kind: str, order: orders.Order) -> None:
        match order:
            case orders.Update(session=session):
                self._configure(session)
                await self._send({"type": "session.updated", "session": self._session()})
            case orders.Create(item=asked, previous_item_id=after):
                await self._create(asked, after)
            case orders.Truncate(item_id=item, audio_end_ms=end_ms):
                self._conversation.truncate(item, end_ms)
                where = {"item_id": item, "content_index": 0, "audio_end_ms": end_ms}
                await self._send({"type": "conversation.item.truncated", **where})
            case orders.Delete(item_id=item):
                self._conversation.delete(item)
                await self._send({"type": "conversation.item.deleted", "item_id": item})
            case orders.Respond(response=asked_response):
                await self._respond(asked_response)
            case orders.Cancel(response_id=response_id):
                await self._cancel(response_id)
            case orders.Nothing() if kind == "input_audio_buffer.commit":
                await self._commit_by_hand()
            case orders.Nothing():
                self._recognition.finish(time.monotonic())
                self._speaking, self._uncommitted_bytes = None, 0
                await self._send({"type": "input_audio_buffer.cleared"})

    def _configure(self, session: orders.Session) -> None:
        if session.instructions is not None:
            self._instructions = session.instructions
        if session.tools is not None:
            self._tools = [tool.model_dump(exclude_none=True) for tool in session.tools]
        hears = session.audio.input if session.audio else None
        if hears is not None:
            # A field that is there and null turns its part off.
            if "transcription" in hears.model_fields_set:
                self._transcribes = hears.transcription is not None
            if "turn_detection" in hears.model_fields_set:
                vad = hears.turn_detection
                self._cut_after_s = None if vad is None else (vad.silence_duration_ms or DEFAULT_SILENCE_MS) / 1000
        speaks = session.audio.output if session.audio else None
        if speaks is not None and speaks.voice is not None:
            self._voice = speaks.voice

    async def _create(self, asked: orders.Message | orders.FunctionOutput, after: str | None) -> None:
        if isinstance(asked, orders.Message):
            item = Item(role=asked.role, text=asked.text, id=asked.id or new_id())
        else:
            kind = asked.type
            item = Item(type=kind, call_id=asked.call_id, text=asked.output, id=asked.id or new_id())
        before = self._conversation.add(item, after)
        await self._send_item(item, before)

    # -- hearing -----------------------------------------------------------------------------------------------

    async def _hear(self, mulaw: bytes) -> None:
        self._uncommitted_bytes += len(mulaw)
        final: str | None = None
        ended, due = False, time.monotonic()
        results = self._recognition.feed(g711.decode(mulaw), time.monotonic())
        if self._cut_after_s is not None and self._recognition.silence_s >= self._cut_after_s:
            results += self._recognition.finish(time.monotonic(), at_once=False)
        for one in results:
            if isinstance(one, Activity) and one.kind == "begin":
                self._speaking = Item(role="user", audio_ms=0.0)
                await self._activity("started", self._speaking, audio_start_ms=int(one.at_s * 1000))
            elif isinstance(one, Activity):
                ended, due = True, one.due
            elif one.final:
                final, due = one.text, one.due
        if ended and self._cut_after_s is not None and self._speaking is not None:
            item = self._speaking
            await self._activity("stopped", item, audio_end_ms=int(self._recognition.heard_s * 1000))
            await self._commit(item, final or "", due)

    async def _commit_by_hand(self) -> None:
        held_ms = self._uncommitted_bytes * 1000 / g711.SAMPLE_RATE
        if held_ms < MIN_COMMIT_MS:
            raise Refused(
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{MIN_COMMIT_MS:g}ms of audio, but buffer only has {held_ms:.2f}ms of audio.",
                code="input_audio_buffer_commit_empty",
            )
        results = self._recognition.finish(time.monotonic())
        texts = [one.text for one in results if not isinstance(one, Activity) and one.final]
        due = max((one.due for one in results), default=time.monotonic())
        await self._commit(self._speaking or Item(role="user", audio_ms=0.0), " ".join(texts), due)

    async def _commit(self, item: Item, text: str, due: float) -> None:
        self._speaking, self._uncommitted_bytes = None, 0
        item.text = text
        before = self._conversation.add(item)
        where = {"item_id": item.id, "previous_item_id": before}
        await self._send({"type": "input_audio_buffer.committed", **where})
        await self._send_item(item, before)
        if self._transcribes:
            self._later(self._transcribe(item.id, text, due))

    async def _transcribe(self, item_id: str, text: str, due: float) -> None:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        where = {"item_id": item_id, "content_index": 0}
        if text:
            await self._send({"type": f"{_TRANSCRIPTION}.delta", **where, "delta": text})
        usage = {"type": "duration", "seconds": 0.0}
        await self._send({"type": f"{_TRANSCRIPTION}.completed", **where, "transcript": text, "usage": usage})

    async def _activity(self, kind: str, item: Item, **when: int) -> None:
        await self._send({"type": f"input_audio_buffer.speech_{kind}", "item_id": item.id, **when})

    # -- answering ---------------------------------------------------------------------------------------------

    async def _respond(self, asked: orders.ResponseOrder) -> None:
        if self._response is not None:
            raise Refused(
                f"Conversation already has an active response in progress: {self._response_id}. Wait until the "
                "response is finished before creating a new one.",
                code="conversation_already_has_active_response",
            )
        self._response_id = new_id("resp")
        await self._send({"type": "response.created", "response": self._resource("in_progress", [])})
        instructions = self._instructions if asked.instructions is None else asked.instructions
        reading = Reading(self._conversation.messages(instructions))
        self._response = asyncio.create_task(self._answer(reading, self._response_id))

    async def _cancel(self, response_id: str | None) -> None:
        if self._response is None or response_id not in (None, self._response_id):
            raise Refused("Cancellation failed: no active response found", code="response_cancel_not_active")
        self._response.cancel()
        await asyncio.gather(self._response, return_exceptions=True)

    async def _answer(self, reading: Reading, response_id: str) -> None:
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        items: list[Item] = []
        status = "cancelled"
        try:
            scenario = self._state.scenarios.for_request(reading.request) if reading.request else None
            fault = self._state.faults.take("model", scenario=scenario.name if scenario else "")
            if fault is not None and fault.kind == "error":
                status = "failed"
                return
            begin_s = self._state.delays.model_first_token_ms / 1000
            if fault is not None and fault.kind == "slow":
                begin_s += SLOW_S if fault.at is None else fault.at
            reply = _broken(answer(reading, scenario), fault)
            if not self._tools:
                reply = Reply(reply.text)
            steps = steps_of(response_id, reply, await self._spoken(reply.text), self._state.delays, begin_s)
            if fault is not None and fault.kind == "die":
                await self._play(steps[: max(1, len(steps) // 2)], asked_at, items)
                if self._transport is not None:
                    self._transport.abort()
                raise ConnectionResetError
            await self._play(steps, asked_at, items)
            status = "completed"
        except ConnectionError:
            status = "gone"
        finally:
            self._response = None
            if status != "gone":
                with contextlib.suppress(ConnectionError, TimeoutError):
                    await self._send({"type": "response.done", "response": self._resource(status, items)})

    async def _spoken(self, text: str) -> Speech | None:
        if not text.strip():
            return None
        name = orders.REALTIME_VOICES[self._voice]
        speech = await asyncio.to_thread(self._state.voice.render, text, voice=name)
        # Before the audio goes out: whoever hears it must be able to recognise it.
        self._state.phrasebook.add(speech)
        return speech

    async def _play(self, steps: Iterable[Step], asked_at: float, items: list[Item]) -> None:
        loop = asyncio.get_running_loop()
        for step in steps:
            wait_s = asked_at + step.at - loop.time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            if step.begins:
                before = self._conversation.add(step.item)
                items.append(step.item)
                await self._send_item(step.item, before, "in_progress")
            step.item.text += step.words
            if step.item.audio_ms is not None:
                step.item.audio_ms += step.audio_ms
            await self._send(step.event)

    def _resource(self, status: str, items: list[Item]) -> dict[str, Any]:
        details: dict[str, Any] | None = None
        if status == "failed":
            message = "The server had an error while processing your request."
            error = {"type": "server_error", "code": "server_error", "message": message}
            details = {"type": "failed", "error": error}
        elif status == "cancelled":
            details = {"type": "cancelled", "reason": "client_cancelled"}
        ended = "completed" if status == "completed" else "incomplete"
        return {
            "object": "realtime.response",
            "id": self._response_id,
            "status": status,
            "status_details": details,
            "output": [item.json(ended) for item in items],
            "output_modalities": ["audio"],
            "usage": None if status == "in_progress" else self._usage(items),
        }

    def _usage(self, items: list[Item]) -> dict[str, int]:
        asked = sum(len(item.text.split()) for item in self._conversation.items) + len(self._instructions.split())
        answered = sum(len(item.text.split()) for item in items)
        return {"input_tokens": asked, "output_tokens": answered, "total_tokens": asked + answered}

    # -- the wire ----------------------------------------------------------------------------------------------

    def _session(self) -> dict[str, Any]:
        pcmu = {"type": "audio/pcmu"}
        return {
            "object": "realtime.session",
            "type": "realtime",
            "id": new_id("sess"),
            "model": self._model,
            "expires_at": int(time.time() + MAX_SESSION_S),
            "instructions": self._instructions,
            "tools": self._tools,
            "output_modalities": ["audio"],
            "audio": {"input": {"format": pcmu}, "output": {"format": pcmu, "voice": self._voice}},
        }

    async def _send_item(self, item: Item, before: str | None, status: str = "completed") -> None:
        event = {"previous_item_id": before, "item": item.json(status)}
        await self._send({"type": "conversation.item.added", **event})
        if status == "completed":
            await self._send({"type": "conversation.item.done", **event})

    async def _send(self, event: dict[str, Any]) -> None:
        """Raises ConnectionError and TimeoutError: there is nobody any more."""
        async with asyncio.timeout(SEND_S):
            await self._socket.send_str(orjson.dumps({"event_id": new_id("event"), **event}).decode())

    def _later(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _broken(reply: Reply, fault: Fault | None) -> Reply:
    match fault.kind if fault else None:
        case "empty":
            return Reply()
        case "brokenTool":
            return Reply("", ToolUse("end_call", '{"reason": '))
        case _:
            return reply
