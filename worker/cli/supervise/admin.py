"""What the embedded deployment must be told with its admin key.

`POST {url}/api/update_environment_variables`, `Authorization: Convex <admin key>`,
`{"changes": [{"name", "value"}]}`: the route that `npx convex env set` uses.
"""

from __future__ import annotations

import aiohttp

from worker.cli.failure import CliError
from worker.keys import load_key
from worker.settings import Settings

DEADLINE_S = 15.0
"""A new environment makes the deployment load its functions anew."""


def deployment_environment(settings: Settings) -> dict[str, str]:
    """The environment variables that Floyd's functions need: who signs tokens, Floyd's own numbers, prices."""
    provider = settings.floyd_oidc_issuer is not None
    return {
        "FLOYD_ISSUER": settings.floyd_issuer,
        "FLOYD_JWKS": load_key(settings.floyd_data_dir).jwks_uri,
        "FLOYD_OWN_NUMBERS": settings.twilio_phone_number or "",
        "FLOYD_PRICES": settings.floyd_prices or "",
        "FLOYD_OIDC_ISSUER": settings.floyd_oidc_issuer or "",
        "FLOYD_OIDC_AUDIENCE": settings.floyd_oidc_audience or "",
        "FLOYD_OIDC_JWKS": settings.floyd_oidc_jwks or "",
        "FLOYD_OIDC_ALGORITHM": settings.floyd_oidc_algorithm if provider else "",
    }


async def set_environment(url: str, admin_key: str, variables: dict[str, str]) -> None:
    """Raises CliError."""
    # An empty value is none; deleting a variable is how the deployment is told so.
    changes = [{"name": name, "value": value or None} for name, value in variables.items()]
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    headers = {"Authorization": f"Convex {admin_key}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.post(
                f"{url}/api/update_environment_variables", json={"changes": changes}, headers=headers
            ) as reply,
        ):
            if reply.status >= 400:
                text = (await reply.text())[:300]
                raise CliError(f"The deployment refused its environment variables: HTTP {reply.status} {text}")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise CliError(
            f"The deployment did not take its environment variables: {str(error) or type(error).__name__}"
        ) from error
