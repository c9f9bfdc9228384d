"""`floyd token`: tokens, one-time sign-in links, and the key that verifies them."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from worker.cli import interrupt, options, output
from worker.cli.failure import CliError, usage
from worker.cli.session import deployment_of, person_token
from worker.cli.sign_in_link import SignInLink, make_link
from worker.keys import MAX_PERSON_HOURS, PERSON_HOURS, load_key, person_subject
from worker.settings import Settings, load_settings


def token(
    *,
    person: options.Person = options.OWNER,
    link: Annotated[
        bool, typer.Option("--link", help="A one-time link instead, which signs a browser in.")
    ] = False,
    operator: Annotated[
        bool, typer.Option("--operator", help="May see and drain workers. The machine's owner may anyway.")
    ] = False,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="FULL NAME", help="With --link: of somebody Floyd does not know yet."),
    ] = None,
    page: Annotated[
        str | None,
        typer.Option("--page", metavar="URL", help="With --link: where the page is, if not at the worker."),
    ] = None,
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
    """Print a bearer token, or a one-time sign-in link. Treat either like a password.

    \b
    Examples:
      floyd token --link
      floyd token --link --person sam --name "Sam Rivera"
      curl -H "Authorization: Bearer $(floyd token)" -d '{"text": "Call ..."}' http://127.0.0.1:3211/requests
      floyd token --person sam --hours 8
      floyd token --jwks
    """
    if sum((worker, jwks, link)) > 1:
        raise usage("--link, --worker and --jwks ask for different things", "Give one of them")
    if not link and (name is not None or page is not None):
        raise usage("--name and --page belong to a link", "Give --link too")
    settings = load_settings()
    if link:
        made_link = interrupt.run(_link(settings, person, operator or person == options.OWNER, name, page))
        _print_link(made_link, person, as_json)
        return
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
        made = person_token(settings, person, hours, operator=operator or None)
        subject, lifetime_s = person_subject(person), hours * 3600
    if as_json:
        expires = {} if lifetime_s is None else {"expiresAt": int(time.time() + lifetime_s) * 1000}
        output.emit({"token": made, "subject": subject, "issuer": settings.floyd_issuer, **expires})
    else:
        output.say_unbroken(made)


async def _link(settings: Settings, person: str, operator: bool, name: str | None, page: str | None) -> SignInLink:
    url, running = deployment_of(settings)
    where = page or (running.worker_url if running else settings.floyd_public_url)
    if where is None:
        raise CliError(
            "It is not known where the page is", "Start Floyd with `floyd up`, or give the address: --page URL"
        )
    if not where.startswith(("http://", "https://")):
        raise usage(f'"{where}" is not the address of a page', 'Write it like --page "https://example.com"')
    return await make_link(settings, url, where, person, operator=operator, name=name)


def _print_link(link: SignInLink, person: str, as_json: bool) -> None:
    if as_json:
        output.emit({"url": link.url, "subject": person_subject(person), "expiresAt": link.expires_at})
        return
    output.say_unbroken(link.url)
    minutes = max(1, round((link.expires_at / 1000 - time.time()) / 60))
    output.note(f"signs {person} in, once, within {minutes} minutes")
    if not link.known:
        output.note(f"Floyd does not know {person} yet: with this link they become known")
