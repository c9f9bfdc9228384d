"""`GET /v1/realtime` (OpenAI API reference, "Realtime"): a WebSocket for one of two things.

`?intent=transcription` opens a session that turns speech into text; a session without an intent is a
conversation of speech with speech, and must name its `model`. Both want a key before the handshake.
"""

from __future__ import annotations

from aiohttp import web

from rehearsal.openai.errors import check_key, refusal
from rehearsal.openai.realtime import SpeechToSpeech
from rehearsal.openai.transcription import Transcription
from rehearsal.state import RehearsalState


class RealtimeRoute:
    def __init__(self, state: RehearsalState) -> None:
        self._state = state

    async def connect(self, request: web.Request) -> web.StreamResponse:
        check_key(request)
        intent = request.query.get("intent")
        if intent == "transcription":
            return await Transcription(self._state).serve(request)
        if intent is not None:
            raise refusal(400, "intent must be transcription, or left out.", param="intent")
        model = request.query.get("model", "")
        if not model:
            raise refusal(400, "you must provide a model parameter", param="model")
        return await SpeechToSpeech(self._state, model).serve(request)
