"""What an answered call does: its TwiML, document after document, verb after verb."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import assert_never
from urllib.parse import urljoin

import aiohttp

from rehearsal import tones
from rehearsal.ear import PhraseBook
from rehearsal.lines import render_lines
from rehearsal.twilio import twiml
from rehearsal.twilio.errors import CallProblem
from rehearsal.twilio.line import Line
from rehearsal.twilio.resource import CallResource
from rehearsal.twilio.stream import MediaStream
from rehearsal.twilio.webhooks import CallbackQueue, Problems, fetch, timestamp
from rehearsal.voice import Voice

# Twilio's own words when an application's TwiML cannot be run.
APPLICATION_ERROR = "We are sorry. An application error has occurred. Goodbye."
# As many redirects as a call can need; more are a loop.
MAX_DOCUMENTS = 100


@dataclass(frozen=True)
class Instructions:
    """Where a call's TwiML is: at a URL, or given outright."""

    url: str | None
    method: str
    twiml: str | None


@dataclass(frozen=True)
class Service:
    """What running a call's TwiML needs of everything around it."""

    session: aiohttp.ClientSession
    auth_token: str
    voice: Voice
    phrasebook: PhraseBook
    callbacks: CallbackQueue
    problem: Problems


class Program:
    def __init__(self, resource: CallResource, service: Service) -> None:
        order = resource.order
        self._resource = resource
        self._service = service
        self._next = Instructions(order.url, order.method, order.twiml)
        self._redirected = asyncio.Event()
        self._stream: MediaStream | None = None

    async def run(self, line: Line) -> None:
        """Run TwiML until it ends. Cancelling leaves an open Media Stream with ``stop``."""
        while True:
            self._redirected.clear()
            running = asyncio.create_task(self._run_documents(line))
            redirected = asyncio.create_task(self._redirected.wait())
            try:
                await asyncio.wait({running, redirected}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                redirected.cancel()
                running.cancel()
                await asyncio.gather(running, redirected, return_exceptions=True)
            if not self._redirected.is_set():
                running.result()
                return

    def redirect(self, instructions: Instructions) -> None:
        """Leave the current TwiML for another."""
        self._next = instructions
        self._redirected.set()

    def drop(self) -> None:
        """The line breaks: so does the Media Stream, without a word."""
        if self._stream is not None:
            self._stream.drop()

    async def _run_documents(self, line: Line) -> None:
        try:
            for _ in range(MAX_DOCUMENTS):
                following = await self._run_document(await self._document(), line)
                if following is None:
                    return
                self._next = following
            raise CallProblem(12300, f"more than {MAX_DOCUMENTS} documents redirected to each other")
        except CallProblem as problem:
            self._service.problem(problem.code, problem.message)
            await self._say(twiml.Say(APPLICATION_ERROR), line)

    async def _document(self) -> list[twiml.Verb]:
        if self._next.url is None:
            return twiml.parse(self._next.twiml or "")
        params = self._resource.parameters()
        if self._resource.answered_by and not self._resource.order.async_amd:
            params["AnsweredBy"] = self._resource.answered_by
        service = self._service
        return twiml.parse(
            await fetch(service.session, service.auth_token, self._next.method, self._next.url, params)
        )

    async def _run_document(self, verbs: list[twiml.Verb], line: Line) -> Instructions | None:
        """Run the verbs in order; returns where to go on, None when the call is to end."""
        for verb in verbs:
            match verb:
                case twiml.Connect():
                    await self._connect(verb, line)
                    if verb.action:
                        return Instructions(self._absolute(verb.action), verb.method, None)
                case twiml.Say():
                    await self._say(verb, line)
                case twiml.PlayDigits():
                    line.callee.hear_keys(verb.digits.replace("w", "").replace("W", ""))
                    await line.play(tones.keys(verb.digits))
                case twiml.Pause():
                    await asyncio.sleep(verb.seconds)
                case twiml.Redirect():
                    return Instructions(self._absolute(verb.url), verb.method, None)
                case twiml.Hangup() | twiml.Reject():
                    return None
                case _:
                    assert_never(verb)
        return None

    async def _connect(self, verb: twiml.Connect, line: Line) -> None:
        resource, service = self._resource, self._service
        stream = self._stream = MediaStream(verb, line, resource.account_sid, resource.sid, service.problem)
        self._stream_event(verb, stream, "stream-started")
        try:
            await stream.run(service.session, service.auth_token)
        except CallProblem as problem:
            service.problem(problem.code, problem.message)
            self._stream_event(verb, stream, "stream-error")
        finally:
            self._stream = None
            self._stream_event(verb, stream, "stream-stopped")

    async def _say(self, verb: twiml.Say, line: Line) -> None:
        spoken = await render_lines(self._service.voice, self._service.phrasebook, [verb.text])
        for _ in range(verb.loop or 1):
            await line.play(spoken[verb.text])

    def _stream_event(self, verb: twiml.Connect, stream: MediaStream, event: str) -> None:
        if verb.status_callback is None:
            return
        params = {
            "AccountSid": self._resource.account_sid,
            "CallSid": self._resource.sid,
            "StreamSid": stream.sid,
            "StreamName": verb.name or stream.sid,
            "StreamEvent": event,
            "Timestamp": timestamp(),
        }
        self._service.callbacks.put("POST", self._absolute(verb.status_callback), params)

    def _absolute(self, url: str) -> str:
        """A URL of the current document, which may be relative to it."""
        return urljoin(self._next.url or "", url)
