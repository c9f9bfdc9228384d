"""`floyd show`: a request as it is now."""

from __future__ import annotations

from worker.cli import interrupt, options, output
from worker.cli.commands.watch import RequestId
from worker.cli.session import session
from worker.cli.view.drivers import rehearsal_banner
from worker.cli.view.plain import PlainView
from worker.cli.view.screen import screen
from worker.cli.view.words import Show

FIELDS = ("request", "calls", "transcript", "turns", "questions", "disclosures")
"""What `--json` prints; the fields inside are the schema's."""


def show(
    request_id: RequestId,
    person: options.Person = options.OWNER,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Show a request as it is now: state, plan, calls, transcript, outcome, timings.

    \b
    Examples:
      floyd show jd7a1x2m9k3c5v8b0n4q6w2e7r9t1y3u
      floyd show jd7a1x2m9k3c5v8b0n4q6w2e7r9t1y3u --json | jq .request.outcome
    """
    interrupt.run(_show(request_id, person, as_json))


async def _show(request_id: str, person: str, as_json: bool) -> None:
    async with session(person) as connection:
        shown: Show = await connection.show(request_id)
        rehearsed = connection.rehearsed
    if as_json:
        output.emit({name: shown[name] for name in FIELDS})
    elif output.stdout().is_terminal:
        output.stdout().print(screen(shown, rehearsed=rehearsed))
    else:
        if banner := rehearsal_banner(rehearsed):
            output.say(banner)
        for line in PlainView().update(shown):
            output.say(line)
