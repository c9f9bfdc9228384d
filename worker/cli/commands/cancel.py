"""`floyd cancel`: take a request back."""

from __future__ import annotations

from worker.cli import interrupt, options, output
from worker.cli.commands.watch import RequestId
from worker.cli.session import check_id, session
from worker.deployment.client import FunctionError


def cancel(
    request_id: RequestId,
    person: options.Person = options.OWNER,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Take a request back. A call that is going on is hung up.

    \b
    Examples:
      floyd cancel jd7a1x2m9k3c5v8b0n4q6w2e7r9t1y3u
    """
    interrupt.run(_cancel(request_id, person, as_json))


async def _cancel(request_id: str, person: str, as_json: bool) -> None:
    check_id(request_id)
    async with session(person) as connection:
        try:
            await connection.mutation("requests:cancel", requestId=request_id)
        except FunctionError as error:
            raise connection.unknown_request(error, request_id) from error
    if as_json:
        output.emit({"requestId": request_id, "status": "cancelled"})
    else:
        output.say("cancelled")
