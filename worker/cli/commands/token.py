"""`floyd token`: tokens, and the key that verifies them."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from worker.cli import options, output
from worker.cli.failure import usage
from worker.cli.session import person_token
from worker.keys import MAX_PERSON_HOURS, PERSON_HOURS, load_key, person_subject
from worker.settings import load_settings


def token(
    *,
    person: options.Person = options.OWNER,
    worker: Annotated[bool, typer.Option("--worker", help="The worker's long-lived token instead.")] = False,
    jwks: Annotated[
        bool, typer.Option("--jwks", help="The commands that make a deployment accept these tokens instead.")
    ] = False,
    hours: Annotated[
        float, typer.Option("--hours", help=f"How long it is good for, at most {MAX_PERSON_HOURS}.")
    ] = (PERSON_HOURS),
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Print a bearer token, signed with this data folder's key. Treat it like a password.

    \b
    Examples:
      curl -H "Authorization: Bearer $(floyd token)" -d '{"text": "Call ..."}' http://127.0.0.1:3211/requests
      floyd token --person sam --hours 8
      floyd token --jwks
    """
    if worker and jwks:
        raise usage("--worker and --jwks ask for different things", "Give one of them")
    settings = load_settings()
    key = load_key(settings.floyd_data_dir)
    if jwks:
        if as_json:
            output.emit({"issuer": settings.floyd_issuer, "jwks": key.jwks_uri})
        else:
            output.say(f"npx convex env set FLOYD_ISSUER '{settings.floyd_issuer}'")
            output.say(f"npx convex env set FLOYD_JWKS '{key.jwks_uri}'")
        return
    if worker:
        made, subject, lifetime_s = key.worker_token(issuer=settings.floyd_issuer), "worker", None
    else:
        made = person_token(settings, person, hours)
        subject, lifetime_s = person_subject(person), hours * 3600
    if as_json:
        expires = {} if lifetime_s is None else {"expiresAt": int(time.time() + lifetime_s) * 1000}
        output.emit({"token": made, "subject": subject, "issuer": settings.floyd_issuer, **expires})
    else:
        output.say(made)
