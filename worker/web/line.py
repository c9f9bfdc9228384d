"""The browser line's signalling that needs no audio: `POST /rtc/line/decline {callId}`, with a person's token.

Answers 204; 404 for a call that is not theirs, 409 for one that does not ring (any more). Picking up is
`POST /rtc/line`, and laying down a message on its data channel.
"""

from __future__ import annotations

from aiohttp import web

from worker.phone.browser_line import LineHub, NotRinging
from worker.web.access import person_of
from worker.web.body import json_object, text_field
from worker.web.errors import refused

MAX_BODY_BYTES = 1024
LONGEST_ID = 64


def routes(hub: LineHub, deployment_url: str) -> list[web.RouteDef]:
    async def decline(request: web.Request) -> web.Response:
        person = await person_of(request, deployment_url)
        call_id = text_field(await json_object(request, MAX_BODY_BYTES), "callId", LONGEST_ID)
        try:
            await hub.decline(call_id, person)
        except NotRinging as error:
            raise refused(web.HTTPConflict, error.code, str(error)) from None
        return web.Response(status=204)

    return [web.post("/rtc/line/decline", decline)]
