"""The line: Twilio, OpenAI and Google Speech with a callee behind each number, as one process.

    python tests/bench/call/line.py

prints one line of JSON with its addresses and serves on loopback until SIGTERM, or until its parent is gone.
TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are taken from the environment. What the benchmark asks of it:

    POST /control/scripts   {number: script, ...}: who answers there; forgets earlier calls to these numbers
    POST /control/delays    some or all of `delays.Delays`
    POST /control/finish    every callee says goodbye next
    GET  /control/calls     {number: note of its call}
    GET  /control/progress  {number: [answered, turns that were answered, ended]}
    GET  /control/late      [when, s] of steps that came late
    GET  /control/speech    what the voice was asked for so far: `voice.Made`
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

# Run as a script: the folder of the parts, and the project.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import aiohttp
import orjson
import uvloop
from aiohttp import web

from call import recogniser
from call.carrier import Carrier, Exchange
from call.delays import Delays
from call.model import Model
from call.notes import CallNote
from call.script import Script
from call.sound import Sounds
from call.ticker import Ticker
from call.until_told import until_told
from call.voice import SpokenWords

MAX_BODY_BYTES = 16 * 1024 * 1024


class Line:
    def __init__(self) -> None:
        self.sounds = Sounds()
        self.delays = Delays()
        self.voice = SpokenWords(self.delays)
        self.ticker = Ticker()
        self.scripts: dict[str, Script] = {}
        self.notes: dict[str, CallNote] = {}
        self.carrier: Carrier

    def note_of(self, number: str) -> CallNote:
        return self.notes.setdefault(number, CallNote(number))

    async def serve(self) -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            exchange = Exchange(
                os.environ["TWILIO_AUTH_TOKEN"],
                self.sounds,
                self.ticker,
                session,
                self.scripts.get,
                self.note_of,
            )
            self.carrier = Carrier(os.environ["TWILIO_ACCOUNT_SID"], exchange)
            speech, speech_port = await recogniser.start(self.sounds, self.delays)
            runner = web.AppRunner(self._app(), access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            ticking = asyncio.create_task(self.ticker.run())
            gc.collect()
            gc.freeze()
            addresses = {"controlUrl": url, "twilioUrl": url, "openaiUrl": f"{url}/v1"}
            print(json.dumps(addresses | {"speechEndpoint": f"127.0.0.1:{speech_port}"}), flush=True)
            await until_told()
            ticking.cancel()
            await speech.stop(None)
            await runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.add_routes(self.carrier.routes())
        app.add_routes(Model(self.delays, self.scripts.get, self.note_of).routes())
        app.add_routes(self.voice.routes())
        app.add_routes(
            [
                web.get("/v1/models", _models),
                web.get("/v1/models/{name}", _models),
                web.post("/control/scripts", self._set_scripts),
                web.post("/control/delays", self._set_delays),
                web.post("/control/finish", self._finish),
                web.get("/control/calls", self._calls),
                web.get("/control/progress", self._progress),
                web.get("/control/late", self._late),
                web.get("/control/speech", self._speech),
            ]
        )
        return app

    async def _set_scripts(self, request: web.Request) -> web.Response:
        for number, data in orjson.loads(await request.read()).items():
            script = Script.of(data)
            self.scripts[number] = script
            self.notes.pop(number, None)
            for turn in script.utterances():
                self.sounds.utterance(turn, script.voice)
        return _json({})

    async def _set_delays(self, request: web.Request) -> web.Response:
        self.delays.set(orjson.loads(await request.read()))
        return _json(self.delays.as_json())

    async def _finish(self, _: web.Request) -> web.Response:
        self.carrier.finish()
        return _json({})

    async def _calls(self, _: web.Request) -> web.Response:
        return _json({number: asdict(note) for number, note in self.notes.items()})

    async def _progress(self, _: web.Request) -> web.Response:
        def progress(note: CallNote) -> list[Any]:
            answered = sum(turn.first_audio_at is not None for turn in note.turns)
            return [note.answered_at is not None, answered, note.ended_at is not None]

        return _json({number: progress(note) for number, note in self.notes.items()})

    async def _late(self, _: web.Request) -> web.Response:
        return _json(list(self.ticker.late))

    async def _speech(self, _: web.Request) -> web.Response:
        return _json(asdict(self.voice.made))


async def _models(request: web.Request) -> web.Response:
    model = {"id": "fixed", "object": "model", "created": 0, "owned_by": "bench"}
    return _json(model if "name" in request.match_info else {"object": "list", "data": [model]})


def _json(data: Any) -> web.Response:
    return web.Response(body=orjson.dumps(data), content_type="application/json")


if __name__ == "__main__":
    uvloop.run(Line().serve())
