"""The calls of this worker: placing them, and finding the one that a carrier's callback or socket is for."""

from __future__ import annotations

from dataclasses import replace

import structlog

from worker.call import phrases
from worker.call.contract import CallBrief, CallControl, CallReport
from worker.call.ledger import status_write
from worker.call.on_air import OnAir
from worker.call.open_line import Equipment
from worker.call.phrases import READY_MADE
from worker.call.ready_made import ReadyMade
from worker.call.session import CallUrls, Session
from worker.deployment.client import Deployment, DeploymentUnavailable, FunctionError
from worker.model.language_model import LanguageModel
from worker.phone.carrier import Carrier
from worker.phone.directory import MediaRefused, StatusUpdate
from worker.phone.media import MediaStream
from worker.phone.urls import public_urls
from worker.settings import Settings
from worker.speech.choose import voice_name, voice_of, with_voice
from worker.speech.recognizer import Recognizer
from worker.speech.vad import VoiceActivityDetectors
from worker.speech.voice import Voice, VoiceUnavailable

log = structlog.get_logger(__name__)

MOST_VOICES = 50
"""Chosen by people; each has a connection of its own and its own sentences on disk."""

CALLBACK_PATIENCE_S = 8.0
"""Carriers wait about 15 s for the answer to a callback."""


class Calls:
    """Fulfils `worker.call.contract.Caller` and `worker.phone.directory.CallDirectory`."""

    def __init__(
        self,
        *,
        deployment: Deployment,
        carrier: Carrier,
        recognizer: Recognizer,
        voice: Voice,
        model: LanguageModel,
        detectors: VoiceActivityDetectors,
        settings: Settings,
        worker_id: str = "worker",
    ) -> None:
        self._settings = settings
        self._deployment = deployment
        self._worker_id = worker_id
        self._equipment = Equipment(
            deployment=deployment,
            carrier=carrier,
            recognizer=recognizer,
            voice=voice,
            model=model,
            detectors=detectors,
            ready_made=_ready_made(settings, voice),
            recordings=settings.floyd_data_dir / "recordings",
            line=settings.floyd_line,
        )
        self._by_voice: dict[str, Equipment] = {}
        """With voices that people have chosen."""
        self._sessions: dict[str, Session] = {}

    @property
    def active(self) -> int:
        """Calls going on."""
        return len(self._sessions)

    async def warm_up(self) -> None:
        """Begin to render what Floyd says by code, so that the first call already has it."""
        self._equipment.ready_made.prepare(READY_MADE)

    async def close(self) -> None:
        """Stop what is prepared for further calls. Calls going on are ended by cancelling `place`."""
        await self._equipment.ready_made.close()
        for equipment in self._by_voice.values():
            await equipment.ready_made.close()
            await equipment.voice.close()

    async def place(self, brief: CallBrief, control: CallControl) -> CallReport:
        session = Session(
            await self._equipment_for(brief),
            brief,
            control,
            worker_id=self._worker_id,
            urls=self._urls,
            register=self._register,
            known_sids=self._known_sids,
        )
        try:
            return await session.run()
        finally:
            self._sessions.pop(session.call_id, None)

    async def _equipment_for(self, brief: CallBrief) -> Equipment:
        """With the voice that the person chose, if it can speak: nobody's call fails for the name of a voice."""
        if not brief.voice or self._settings.floyd_conversation == "realtime":
            return self._equipment
        equipment = self._by_voice.get(brief.voice)
        if equipment is None:
            if len(self._by_voice) >= MOST_VOICES:
                log.warning("call.too_many_voices", voice=brief.voice)
                return self._equipment
            settings = with_voice(self._settings, brief.voice)
            voice = voice_of(settings)
            equipment = replace(self._equipment, voice=voice, ready_made=_ready_made(settings, voice))
            self._by_voice[brief.voice] = equipment
        try:
            await equipment.ready_made.get(phrases.disclosure(brief.person_name))
        except VoiceUnavailable as error:
            log.warning("call.voice_not_there", voice=brief.voice, reason=str(error))
            return self._equipment
        return equipment

    def on_air(self, call_id: str) -> OnAir | None:
        """What can be heard on a call that this worker has, also while it still rings; None for any other."""
        session = self._sessions.get(call_id)
        return session.on_air if session is not None else None

    def media_token(self, call_id: str, call_sid: str) -> str | None:
        session = self._sessions.get(call_id)
        return session.media_token(call_sid) if session is not None else None

    async def on_status(self, call_id: str, update: StatusUpdate) -> None:
        session = self._sessions.get(call_id)
        if session is not None:
            session.on_status(update)
            return
        # A call of an earlier process, or one that is over here: its row must still learn how it ended.
        write = status_write(call_id, update)
        if write is not None:
            await self._note(*write)

    async def on_answered_by(self, call_id: str, call_sid: str, answered_by: str) -> None:
        session = self._sessions.get(call_id)
        if session is not None:
            session.on_answered_by(call_sid, answered_by)

    async def on_text(self, from_number: str, to_number: str, body: str, message_sid: str) -> None:
        await self._note(
            "messages:receive", {"from": from_number, "to": to_number, "body": body, "sid": message_sid}
        )

    async def run_media(self, call_id: str, call_sid: str, token: str, stream: MediaStream) -> None:
        session = self._sessions.get(call_id)
        if session is None:
            raise MediaRefused("there is no such call")
        await session.serve_media(call_sid, token, stream)

    async def _note(self, function: str, args: dict[str, object]) -> None:
        """A write that no session carries. A refusal is logged; an absent deployment makes the carrier repeat."""
        try:
            await self._deployment.mutation(function, args, patience_s=CALLBACK_PATIENCE_S)
        except FunctionError as error:
            log.warning("call.callback_refused", function=function, code=error.code, reason=error.message)
        except DeploymentUnavailable:
            log.error("call.callback_not_written", function=function)
            raise

    def _urls(self, call_id: str) -> CallUrls:
        urls = public_urls(self._settings, call_id)
        return CallUrls(answer=urls.voice, status=urls.status, answered_by=urls.answered_by)

    def _register(self, session: Session) -> None:
        self._sessions[session.call_id] = session

    def _known_sids(self, asking: Session) -> set[str]:
        return {other.call_sid for other in self._sessions.values() if other is not asking and other.call_sid}


def _ready_made(settings: Settings, voice: Voice) -> ReadyMade:
    return ReadyMade(settings.floyd_data_dir / "openings", voice, voice_name(settings))
