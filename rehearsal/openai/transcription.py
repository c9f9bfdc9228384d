"""Streaming transcription over the Realtime API, as the rehearsal serves it."""

from __future__ import annotations

from aiohttp import web

from rehearsal.state import RehearsalState


class Transcription:
    """One session."""

    def __init__(self, state: RehearsalState) -> None:
        self._state = state

    async def serve(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.close()
        return socket
