"""A call whose worker is the test: what is said on it is there when the test says so, as often as it likes.

The site's own worker takes nothing new meanwhile, as an operator may want it; it still serves the page.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

from harness import Person, Site

from worker.deployment.http import HttpDeployment

SCHOOL = "+14155550134"
LINES_AT_ONCE = 200
"""As many as `transcript:append` takes."""


class DrivenCall:
    """`request_id` and `call_id` are those of a call that was picked up."""

    def __init__(self, worker: HttpDeployment, request_id: str) -> None:
        self.worker = worker
        self.request_id = request_id
        self.call_id = ""
        self.next_seq = 0
        self._id = f"driven-{secrets.token_hex(4)}"
        self._token = secrets.token_hex(16)

    @classmethod
    @contextlib.asynccontextmanager
    async def standing(cls, site: Site, person: Person, text: str) -> AsyncIterator[DrivenCall]:
        worker = site.parts.deployment.as_worker()
        try:
            async with _others_draining(await site.person(operator=True)):
                call = cls(worker, await site.ask(person, text))
                await call._pick_up()
                yield call
                await call.end()
        finally:
            await worker.close()

    async def say(self, *lines: dict[str, Any]) -> None:
        """Append lines; each has at least `speaker` and `text`."""
        now = time.time() * 1000
        for start in range(0, len(lines), LINES_AT_ONCE):
            some = [
                {
                    "seq": self.next_seq + place,
                    "startedAt": now,
                    "endedAt": now,
                    "interrupted": False,
                    **line,
                }
                for place, line in enumerate(lines[start : start + LINES_AT_ONCE])
            ]
            self.next_seq += len(some)
            await self.write("transcript:append", callId=self.call_id, lines=some)

    async def words(self, speaker: str, text: str) -> None:
        """The words being spoken now."""
        await self.write("live:set", callId=self.call_id, speaker=speaker, text=text)

    async def ask_owner(self, question: str, within_s: float) -> None:
        deadline = (time.time() + within_s) * 1000
        await self.write(
            "requests:ask", requestId=self.request_id, callId=self.call_id, question=question, deadline=deadline
        )

    async def finish(self, summary: str, reported: list[dict[str, Any]]) -> None:
        await self.end()
        outcome = {"kind": "done", "summary": summary, "reported": reported}
        await self.write("requests:finish", requestId=self.request_id, status="completed", outcome=outcome)

    async def end(self) -> None:
        """Harmless when it has ended."""
        await self.write("calls:end", callId=self.call_id, endReason="goodbye")

    async def _pick_up(self) -> None:
        started = {"workerId": self._id, "incarnation": self._id}
        await self.worker.mutation("workers:register", {**started, "version": "test", "maxCalls": 1})
        claimed = await self.worker.mutation("requests:claim", {**started, "token": self._token})
        assert claimed is not None, "the site's own worker took it"
        assert claimed["request"]["_id"] == self.request_id, "another request was due"
        number = {"phone": SCHOOL, "source": "owner", "name": "Lincoln Elementary"}
        await self.write("requests:saveNumber", requestId=self.request_id, number=number)
        begun = await self.write(
            "calls:begin",
            requestId=self.request_id,
            to=SCHOOL,
            mediaTokenHash=secrets.token_hex(16),
            workerId=self._id,
        )
        self.call_id = str(begun["callId"])
        sid = "CA" + secrets.token_hex(16)
        await self.write("calls:dialed", callId=self.call_id, callSid=sid)
        answered = {"callId": self.call_id, "callSid": sid, "status": "answered", "at": time.time() * 1000}
        await self.worker.mutation("calls:carrierStatus", answered)
        await self.write("requests:setStage", requestId=self.request_id, stage="talking")

    async def write(self, path: str, **args: Any) -> Any:
        """A mutation under the token of the call's lease."""
        return await self.worker.mutation(path, {**args, "token": self._token})


@contextlib.asynccontextmanager
async def _others_draining(operator: Person) -> AsyncIterator[None]:
    workers = await operator.functions.query("workers:list", {})
    # Not by its status: a worker that was let go a moment ago may not have said yet that it takes requests again.
    others = [row["workerId"] for row in workers if row["status"] != "stopped" and not row.get("drain")]
    try:
        for other in others:
            await operator.functions.mutation("workers:drain", {"workerId": other, "drain": True})
        yield
    finally:
        for other in others:
            await operator.functions.mutation("workers:drain", {"workerId": other, "drain": False})
