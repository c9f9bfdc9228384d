"""One-time sign-in links: made here, where the key is, and offered to the deployment by their hash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from worker.cli.failure import usage
from worker.deployment.http import HttpDeployment
from worker.keys import load_key, person_subject
from worker.settings import Settings
from worker.web.secret import hash_of, new_secret

OFFER_DAYS = 5 / (24 * 60)
"""Of the token that offers the link: five minutes, for clocks that differ."""


@dataclass(frozen=True)
class SignInLink:
    url: str
    """Holds the code: for the eyes of its person only."""
    expires_at: float
    """Epoch ms."""
    known: bool
    """Whether Floyd knows the person already."""


async def make_link(
    settings: Settings, deployment_url: str, page_url: str, person: str, *, operator: bool, name: str | None = None
) -> SignInLink:
    """Raises CliError, FunctionError, DeploymentUnavailable."""
    try:
        subject = person_subject(person)
    except ValueError as error:
        raise usage(str(error)) from error
    token = load_key(settings.floyd_data_dir).worker_token(issuer=settings.floyd_issuer, days=OFFER_DAYS)
    code = new_secret()
    offered: dict[str, Any] = {"codeHash": hash_of(code), "subject": subject, "operator": operator}
    if name is not None:
        offered["name"] = name
    deployment = HttpDeployment(deployment_url, token)
    try:
        made = await deployment.mutation("signIn:offer", offered)
    finally:
        await deployment.close()
    return SignInLink(f"{page_url.rstrip('/')}/sign-in#{code}", float(made["expiresAt"]), bool(made["known"]))
