"""A socket to OpenAI's speech-to-speech model, and what its troubles mean."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator

# The client imports this on first use, which would hold up the event loop for a tenth of a second.
import websockets.asyncio.client  # noqa: F401
from openai import AsyncOpenAI, OpenAIError
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.exceptions import InvalidStatus, WebSocketException

from worker.model.openai_realtime_events import Event, parse
from worker.speech.openai_realtime_wire import CONFIGURE, Created, Problem
from worker.speech.recognizer import RecognizerUnavailable

CONNECT_DEADLINE_S = 5.0
"""From the first packet to `session.created`; whoever needs longer is of no use to a conversation."""
SEND_DEADLINE_S = 5.0
"""Sending waits only when the other side has stopped reading."""
CLOSE_DEADLINE_S = 2.0

MAX_MESSAGE_BYTES = 1 << 22
"""Over two minutes of mu-law in base64; the client's own default is no limit."""

_KEY_CODES = frozenset({"invalid_api_key", "invalid_authentication", "account_deactivated"})
_MODEL_CODES = frozenset({"model_not_found", "invalid_model"})
_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached"})


class SocketDied(Exception):
    """A socket could not be opened, or ended, in a way that another one may not."""


class Socket:
    """One connected session. Reading and sending raise `SocketDied`, or `RecognizerUnavailable` if another socket
    would fare no better."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self._connection = connection
        self._opened_at = time.monotonic()

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._opened_at

    async def send(self, message: str) -> None:
        with _deaths(f"took nothing for {SEND_DEADLINE_S:g} s"):
            async with asyncio.timeout(SEND_DEADLINE_S):
                # Not the client's typed methods: they check and transform each message, of 50 a second and call.
                await self._connection.send_raw(message)

    async def receive(self) -> Event | None:
        """The next message; None if it is of no interest. May be cancelled without losing one."""
        with _deaths("went silent"):
            return parse(await self._connection.recv_bytes())

    async def close(self) -> None:
        with contextlib.suppress(WebSocketException, OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_DEADLINE_S):
                await self._connection.close()


async def connect(client: AsyncOpenAI, model: str) -> Socket:
    """A session that exists. Raises like a socket does."""
    opening = client.realtime.connect(
        model=model,
        websocket_connection_options={"max_size": MAX_MESSAGE_BYTES, "compression": None},
    )
    with _deaths(f"did not answer within {CONNECT_DEADLINE_S:g} s", model):
        async with asyncio.timeout(CONNECT_DEADLINE_S):
            socket = Socket(await opening.enter())
            try:
                while not isinstance(event := await socket.receive(), Created):
                    if isinstance(event, Problem):
                        raise hopeless(event, model) or SocketDied(event.message or event.code)
            except BaseException:
                await socket.close()
                raise
    return socket


def hopeless(problem: Problem, model: str) -> RecognizerUnavailable | None:
    """What to say of a problem that will be there again next time; None for one that may pass.

    The vendor's words about a key are left out: they repeat parts of it."""
    what = f"OpenAI's realtime session was refused: {problem.message or problem.code or problem.kind}"
    if problem.code in _KEY_CODES:
        return key_refused()
    if problem.code in _MODEL_CODES or problem.param.endswith("session.model"):
        return RecognizerUnavailable(f'{what} (model "{model}"): check OPENAI_REALTIME_MODEL')
    if problem.code in _QUOTA_CODES:
        return RecognizerUnavailable(f"{what}: the account needs credit, see its billing page")
    if problem.param.endswith("voice"):
        return RecognizerUnavailable(f"{what}: check OPENAI_TTS_VOICE")
    if problem.about == CONFIGURE:
        return RecognizerUnavailable(f'{what}: is "{model}" (OPENAI_REALTIME_MODEL) a speech-to-speech model?')
    return None


def key_refused() -> RecognizerUnavailable:
    return RecognizerUnavailable("OpenAI's realtime API refuses the key: check OPENAI_API_KEY")


@contextlib.contextmanager
def _deaths(when_late: str, model: str = "") -> Iterator[None]:
    """The errors of a socket, told apart into what may pass and what won't."""
    try:
        yield
    except InvalidStatus as error:
        raise _refused(error.response.status_code, model) from error
    except TimeoutError as error:
        raise SocketDied(f"OpenAI's realtime session {when_late}") from error
    except (WebSocketException, OpenAIError, OSError) as error:
        if "invalid_api_key" in str(error):  # the reason of a close frame
            raise key_refused() from error
        raise SocketDied(f"OpenAI's realtime session broke off ({type(error).__name__})") from error


def _refused(status: int, model: str) -> Exception:
    """What an HTTP status in place of the WebSocket means."""
    match status:
        case 401 | 403:
            return key_refused()
        case 400 | 404 | 405:
            return RecognizerUnavailable(
                f'There is no speech-to-speech model "{model}" at this address (HTTP {status}): check '
                "OPENAI_REALTIME_MODEL and OPENAI_BASE_URL, or set FLOYD_CONVERSATION=cascade"
            )
        case _:
            return SocketDied(f"HTTP {status} in place of a WebSocket")
