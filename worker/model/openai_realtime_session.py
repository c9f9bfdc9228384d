"""One call's conversation with OpenAI's speech-to-speech model, over two sockets if one of them dies.

What is to be sent is queued in its order, except audio, which goes out whenever there is some. A socket that dies
is replaced once in a while: the new one is told the conversation in text (`remind_by`), and gets the audio again
that had no transcript yet. An answer that was under way has failed; its reader may ask for another.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import structlog

from worker.model import openai_realtime_events as wire
from worker.model.language_model import Message, Prompt
from worker.model.openai_realtime_answer import BYTES_PER_S, Answer
from worker.model.openai_realtime_input import InputItems
from worker.model.openai_realtime_socket import Socket, SocketDied, hopeless
from worker.speech.openai_realtime_wire import Problem, append
from worker.speech.recognizer import Recognition, RecognizerUnavailable
from worker.speech.unsettled import UnsettledAudio

log = structlog.get_logger(__name__)

UNSETTLED_S = 20.0
"""How much audio is kept for sending again: longer than an utterance on the telephone."""
REPLAY_S = 10.0
"""How much of it is sent again at most: older audio without a transcript was silence."""
MOST_AUDIO_BYTES = 8_000
"""In one message. On a living line it holds a frame or two."""

CANCEL_DEADLINE_S = 3.0
"""For the server to confirm that an answer is over; then the next is asked for all the same."""

STABLE_S = 60.0
"""A session that has lived so long may be replaced; one that dies sooner after a replacement ends the call."""

MAX_RESULTS = 256

_SPEECH = (wire.ItemBegun, wire.Words, wire.Audio, wire.Call)


class RealtimeSession:
    """Fulfils `SpokenSession`. Build it inside the running loop.

    `connect()` gives a socket that has been sent its configuration; `model` is named in complaints."""

    def __init__(self, connect: Callable[[], Awaitable[Socket]], model: str) -> None:
        self._connect = connect
        self._model = model
        self._loop = asyncio.get_running_loop()
        self._audio = UnsettledAudio(int(UNSETTLED_S * BYTES_PER_S))
        self._settled = 0
        self._base = 0
        self._to_send: deque[str] = deque()
        self._news = asyncio.Event()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._results: asyncio.Queue[Recognition | RecognizerUnavailable | None] = asyncio.Queue(MAX_RESULTS)
        self._input = InputItems()
        self._look_again: asyncio.TimerHandle | None = None
        self._recall: Callable[[], Sequence[Message]] = list
        self._instructions = ""
        self._answers = 0
        self._current: Answer | None = None
        """Asked for, and not over yet."""
        self._next: Answer | None = None
        """To be asked for when that is over."""
        self._latest: Answer | None = None
        self._replaced_at: float | None = None
        self._is_being_replaced = False
        """Nothing can be asked for now."""
        self._closed = False
        self._task = asyncio.create_task(self._run(), name="openai-realtime")

    # -- what a call does with it -------------------------------------------------------------------------------

    async def ready(self) -> None:
        """Until the session is as configured. Raises `RecognizerUnavailable`."""
        await asyncio.shield(self._ready)

    def feed(self, mulaw: bytes) -> None:
        self._audio.feed(mulaw)
        self._news.set()

    async def results(self) -> AsyncIterator[Recognition]:
        while True:
            result = await self._results.get()
            if result is None:
                return
            if isinstance(result, RecognizerUnavailable):
                raise result
            yield result

    def answer(self, prompt: Prompt) -> Answer:
        system = "\n".join(message.content for message in prompt.messages[:1] if message.role == "system")
        instructions = wire.instruct(system, prompt.tools)
        if instructions != self._instructions:
            self._instructions = instructions
            self._send(instructions)
        if self._latest is not None:
            self._latest.heard(0.0)
        self._answers += 1
        answer = Answer(f"answer-{self._answers}", prompt.max_tokens, stop=self._stop, settle=self._settle)
        self._latest = answer
        if self._closed:
            answer.is_over = True
            answer.fail("the speech-to-speech session is closed")
        elif self._current is None and not self._is_being_replaced:
            self._ask(answer)
        else:
            self._next = answer
        return answer

    def tell(self, message: Message) -> None:
        self._send(wire.create_message(message))

    def remind_by(self, recall: Callable[[], Sequence[Message]]) -> None:
        self._recall = recall

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._break_answers("the call is over")
        self._end(None)

    # -- answers ------------------------------------------------------------------------------------------------

    def _ask(self, answer: Answer) -> None:
        self._current = answer
        self._send(wire.create_answer(answer.name, answer.max_tokens))

    def _stop(self, answer: Answer) -> None:
        if answer is self._next:
            self._next = None
            answer.is_over = True
        elif answer is self._current:
            self._send(wire.cancel_answer(f"{answer.name}-cancel", answer.id))
            self._loop.call_later(CANCEL_DEADLINE_S, self._over, answer)

    def _settle(self, answer: Answer) -> None:
        for message in answer.consequences():
            self._send(message)

    def _over(self, answer: Answer) -> None:
        """Nothing more comes of this answer: the next one may be asked for."""
        if answer.is_over:
            return
        answer.is_over = True
        self._settle(answer)
        if self._current is answer:
            self._current = None
            if self._next is not None:
                following, self._next = self._next, None
                self._ask(following)

    def _break_answers(self, reason: str) -> None:
        """The conversation that they belonged to is lost. One that was not asked for yet still can be."""
        answer, self._current = self._current, None
        if answer is not None:
            answer.forget()
            answer.is_over = True
            answer.fail(reason)

    # -- the socket ---------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            socket = await self._connect()
            while True:
                reason = await self._serve(socket)
                log.warning("realtime.died", reason=reason, age_s=round(socket.age_s, 1))
                self._is_being_replaced = True
                self._break_answers(reason)
                now = self._loop.time()
                if self._replaced_at is not None and now - self._replaced_at < STABLE_S:
                    raise RecognizerUnavailable(f"{reason}, twice in a row")
                self._replaced_at = now
                socket = await self._connect()
                self._begin_again()
                log.info("realtime.replaced", after_ms=round((self._loop.time() - now) * 1000))
        except (RecognizerUnavailable, SocketDied) as error:
            self._give_up(error if isinstance(error, RecognizerUnavailable) else RecognizerUnavailable(str(error)))
        except Exception as error:  # a bug must end the call with a word, and not leave it deaf
            log.exception("realtime.failed")
            self._give_up(RecognizerUnavailable(f"The realtime session failed ({type(error).__name__})"))

    async def _serve(self, socket: Socket) -> str:
        """Until the socket dies; returns why. Raises `RecognizerUnavailable`."""
        sending = asyncio.create_task(self._write(socket))
        reading = asyncio.create_task(self._read(socket))
        try:
            await asyncio.wait({sending, reading}, return_when=asyncio.FIRST_COMPLETED)
            for task in (reading, sending):
                if task.done():
                    task.result()
            raise AssertionError("reading and writing end by an error alone")
        except SocketDied as error:
            return str(error)
        finally:
            sending.cancel()
            reading.cancel()
            await asyncio.gather(sending, reading, return_exceptions=True)
            await socket.close()

    async def _write(self, socket: Socket) -> None:
        while True:
            self._news.clear()
            while self._to_send:
                await socket.send(self._to_send[0])
                self._to_send.popleft()
            if chunk := self._audio.take(MOST_AUDIO_BYTES):
                await socket.send(append(chunk))
            else:
                await self._news.wait()

    async def _read(self, socket: Socket) -> None:
        while True:
            event = await socket.receive()
            if event is not None:
                self._take(event)

    def _take(self, event: wire.Event) -> None:
        now = self._loop.time()
        match event:
            case wire.Configured():
                if not self._ready.done():
                    self._ready.set_result(None)
            case wire.SpeechStarted(item):
                self._input.begin(item, now)
                self._tell_results()
            case wire.SpeechStopped(item, end_ms):
                self._input.cut(item, self._base + end_ms * BYTES_PER_S // 1000, now)
                self._tell_results()
            case wire.Heard(item, text, is_whole):
                self._input.words(item, text, is_whole=is_whole)
                self._tell_results()
            case wire.NotHeard(item, problem):
                log.warning("realtime.not_transcribed", reason=problem.message or problem.code)
                self._input.give_up(item)
                self._tell_results()
            case wire.AnswerBegun(name):
                if self._current is not None and self._current.id is None:
                    self._current.id = name
            case wire.AnswerDone():
                if self._current is not None and self._current.id == event.answer:
                    self._current.finish(event)
                    self._over(self._current)
            case Problem():
                self._on_problem(event)
            case wire.ItemBegun() | wire.Words() | wire.Audio() | wire.Call():
                if self._current is not None and self._current.id == event.answer:
                    self._current.take(event)

    def _on_problem(self, problem: Problem) -> None:
        refusal = hopeless(problem, self._model)
        if refusal is not None:
            raise refusal
        log.warning("realtime.problem", about=problem.about, code=problem.code, reason=problem.message)
        answer = self._current
        if answer is not None and problem.about == answer.name:
            answer.fail(f"the speech-to-speech model refused: {problem.message or problem.code}")
            self._over(answer)

    # -- what was heard -----------------------------------------------------------------------------------------

    def _tell_results(self) -> None:
        now = self._loop.time()
        results, settled = self._input.take(now)
        for result in results:
            if self._results.full():
                self._results.get_nowait()
            self._results.put_nowait(result)
        if settled is not None:
            self._settled = settled
            self._audio.settle(settled)
        if self._look_again is not None:
            self._look_again.cancel()
        wait_s = self._input.look_again_s(now)
        self._look_again = None if wait_s is None else self._loop.call_later(wait_s, self._tell_results)

    def _begin_again(self) -> None:
        """Bring a new session to where the old one was."""
        self._is_being_replaced = False
        self._input.forget()
        self._tell_results()
        self._to_send.clear()
        if self._instructions:
            self._send(self._instructions)
        for message in self._recall():
            self._send(wire.create_message(message))
        oldest = self._audio.cursor - int(REPLAY_S * BYTES_PER_S)
        self._base = self._audio.rewind(max(self._settled, oldest))
        if self._next is not None:
            following, self._next = self._next, None
            self._ask(following)

    def _give_up(self, error: RecognizerUnavailable) -> None:
        self._closed = True
        self._break_answers(str(error))
        if self._next is not None:
            self._next.is_over = True
            self._next.fail(str(error))
            self._next = None
        if not self._ready.done():
            self._ready.set_exception(error)
            self._ready.exception()  # whoever opens it may have gone
        self._end(error)

    def _end(self, last: RecognizerUnavailable | None) -> None:
        """Let `results` end, after what is waiting to be read; with a full queue the oldest gives way."""
        if self._look_again is not None:
            self._look_again.cancel()
        if self._results.full():
            self._results.get_nowait()
        self._results.put_nowait(last)

    def _send(self, message: str) -> None:
        self._to_send.append(message)
        self._news.set()
