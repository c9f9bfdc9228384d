"""Sockets to OpenAI's transcription, each made before it is needed.

Connecting takes three or four round trips. A socket can't be shared as a gRPC channel can, so one spare is kept
connected: it is for the next call, for the roll-over of a session that gets old, or for one whose socket died.
An idle socket costs nothing, but the vendor ends it like any other (see `openai_transcription_session`), and
something on the way may forget it: so a spare is dropped when it is old.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator

import structlog

# The client imports these on first use, which would hold up the event loop for a tenth of a second.
import websockets.asyncio.client  # noqa: F401
from openai import AsyncOpenAI, OpenAIError
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.exceptions import InvalidStatus, WebSocketException

from worker.speech.openai_realtime_wire import Created, Problem
from worker.speech.openai_transcription_events import Event, parse
from worker.speech.recognizer import RecognizerUnavailable

log = structlog.get_logger(__name__)

CONNECT_DEADLINE_S = 5.0
"""From the first packet to `session.created`; whoever needs longer is of no use to a conversation."""
SEND_DEADLINE_S = 5.0
"""Sending waits only when the other side has stopped reading."""
CLOSE_DEADLINE_S = 2.0
SPARE_S = 600.0
"""How long a spare is kept: well under the vendor's limit, over the time between two calls of a busy worker."""

MAX_MESSAGE_BYTES = 1 << 20
"""Messages hold one utterance's words; the client's own default is no limit."""

_KEY_CODES = frozenset({"invalid_api_key", "invalid_authentication", "account_deactivated"})
_MODEL_CODES = frozenset({"model_not_found", "invalid_model"})
_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_HOPELESS_KINDS = frozenset({"authentication_error", "permission_error", "insufficient_quota"})


class SocketDied(Exception):
    """A socket could not be opened, or ended, in a way that another one may not."""


def hopeless(problem: Problem, model: str) -> RecognizerUnavailable | None:
    """What to say of a problem that will be there again next time; None for one that may pass.

    The vendor's words about a key are left out: they repeat parts of it."""
    what = f"OpenAI's transcription refused: {problem.message or problem.code or problem.kind}"
    if problem.code in _KEY_CODES:
        return key_refused()
    if problem.code in _MODEL_CODES or problem.param.endswith("model"):
        return RecognizerUnavailable(f'{what} (model "{model}"): check OPENAI_TRANSCRIPTION_MODEL')
    if problem.code in _QUOTA_CODES:
        return RecognizerUnavailable(f"{what}: the account needs credit, see its billing page")
    if problem.kind in _HOPELESS_KINDS:
        return RecognizerUnavailable(f"{what}: check what OPENAI_API_KEY may be used for")
    return None


def key_refused() -> RecognizerUnavailable:
    return RecognizerUnavailable("OpenAI's transcription refuses the key: check OPENAI_API_KEY")


class Socket:
    """One connected session. Reading and sending raise `SocketDied`."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self._connection = connection
        self._opened_at = time.monotonic()
        self._sending_since: float | None = None

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._opened_at

    @property
    def is_stalled(self) -> bool:
        """The other side has stopped reading. Whoever sends must look now and then: a timer for each message would
        cost more than sending it."""
        return self._sending_since is not None and time.monotonic() - self._sending_since > SEND_DEADLINE_S

    async def send(self, message: str) -> None:
        self._sending_since = time.monotonic()
        with _deaths():
            # Not the client's `append`: what it does to each message costs eight times as much.
            await self._connection.send_raw(message)
        self._sending_since = None

    async def receive(self) -> Event | None:
        """The next message; None if it is of no interest. May be cancelled without losing one."""
        with _deaths():
            return parse(await self._connection.recv_bytes())

    async def close(self) -> None:
        with contextlib.suppress(WebSocketException, OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_DEADLINE_S):
                await self._connection.close()


class Sockets:
    """All sockets of a worker. Build it inside the running loop."""

    def __init__(self, client: AsyncOpenAI) -> None:
        self._client = client
        self._spare: asyncio.Task[Socket] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._in_use: set[Socket] = set()
        self._tidying: set[asyncio.Task[None]] = set()
        self._closed = False

    def expect(self) -> asyncio.Task[Socket]:
        """One more will be needed soon: have a spare. Its task raises `SocketDied` or `RecognizerUnavailable`."""
        if self._spare is None:
            self._spare = asyncio.create_task(self._connect(), name="openai-transcription-spare")
            self._spare.add_done_callback(self._on_connected)
        return self._spare

    async def take(self) -> Socket:
        """A connected socket; give it back to `discard`. Raises `SocketDied` and `RecognizerUnavailable`."""
        socket = await self._take_spare() or await self._connect()
        self._in_use.add(socket)
        if not self._closed:
            self.expect()
        return socket

    def discard(self, socket: Socket) -> None:
        """Close a socket behind the caller's back: saying goodbye is a round trip."""
        self._in_use.discard(socket)
        task = asyncio.create_task(socket.close(), name="openai-transcription-close")
        self._tidying.add(task)
        task.add_done_callback(self._tidying.discard)

    async def close(self) -> None:
        self._closed = True
        spare, self._spare = self._spare, None
        for task in (self._keeping, spare):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        if spare is not None and not spare.cancelled() and spare.exception() is None:
            self.discard(spare.result())
        await asyncio.gather(*self._tidying, return_exceptions=True)

    def _on_connected(self, spare: asyncio.Task[Socket]) -> None:
        failed = spare.cancelled() or spare.exception() is not None
        if spare is not self._spare:
            return  # somebody took it while it was being made
        if failed:
            self._spare = None
        else:
            self._keeping = asyncio.create_task(self._keep(spare), name="openai-transcription-keep")

    async def _keep(self, spare: asyncio.Task[Socket]) -> None:
        """Listen to the spare, so that its end is noticed; when it is old, have another if there are calls."""
        is_old = False
        try:
            async with asyncio.timeout(SPARE_S):
                while not isinstance(await spare.result().receive(), Problem):
                    pass
        except TimeoutError:
            is_old = True
        except (SocketDied, RecognizerUnavailable) as error:
            log.info("recognizer.spare_ended", reason=str(error))
        self._spare = self._keeping = None
        self.discard(spare.result())
        if is_old and self._in_use:
            self.expect()

    async def _take_spare(self) -> Socket | None:
        spare, self._spare = self._spare, None
        keeping, self._keeping = self._keeping, None
        if spare is None:
            return None
        if keeping is not None:
            keeping.cancel()
            await asyncio.wait([keeping])
            if not keeping.cancelled():
                return None  # it has just ended
        try:
            return await spare
        except SocketDied:
            return None

    async def _connect(self) -> Socket:
        opening = self._client.realtime.connect(
            extra_query={"intent": "transcription"},
            websocket_connection_options={"max_size": MAX_MESSAGE_BYTES, "compression": None},
        )
        with _deaths():
            async with asyncio.timeout(CONNECT_DEADLINE_S):
                socket = Socket(await opening.enter())
                try:
                    await _until_created(socket)
                except BaseException:
                    self.discard(socket)
                    raise
        return socket


async def _until_created(socket: Socket) -> None:
    while True:
        match await socket.receive():
            case Created():
                return
            case Problem() as problem:
                raise hopeless(problem, "") or SocketDied(problem.message or problem.code)


@contextlib.contextmanager
def _deaths() -> Iterator[None]:
    """The errors of a socket, told apart into what may pass and what won't."""
    try:
        yield
    except InvalidStatus as error:
        raise _refused(error.response.status_code) from error
    except TimeoutError as error:
        raise SocketDied("no answer in time") from error
    except (WebSocketException, OpenAIError, OSError) as error:
        if "invalid_api_key" in str(error):  # the reason of a close frame
            raise key_refused() from error
        raise SocketDied(f"{type(error).__name__}: {str(error)[:200]}") from error


def _refused(status: int) -> Exception:
    """What an HTTP status in place of the WebSocket means."""
    match status:
        case 401 | 403:
            return key_refused()
        case 404 | 405:
            return RecognizerUnavailable(
                f"There is no streaming transcription at this address (HTTP {status}): check OPENAI_BASE_URL, or "
                "set FLOYD_RECOGNIZER=google"
            )
        case _:
            return SocketDied(f"HTTP {status} in place of a WebSocket")
