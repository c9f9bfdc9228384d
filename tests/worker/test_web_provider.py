"""Another identity provider beside Floyd's own: a stand-in issuer that speaks OpenID Connect discovery, before a
real deployment and the worker's routes."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from deployment_process import DeploymentProcess
from jwt.algorithms import RSAAlgorithm
from web_support import serving

from worker.cli.supervise.admin import deployment_environment
from worker.deployment.client import FunctionError
from worker.deployment.http import HttpDeployment
from worker.settings import Settings, SettingsError, load_settings
from worker.web.access import person_of

pytestmark = pytest.mark.asyncio

AUDIENCE = "floyd-at-the-provider"


@dataclass(frozen=True)
class Issuer:
    """Signs with RS256, as most providers do."""

    url: str
    key: rsa.RSAPrivateKey

    @property
    def jwks(self) -> dict[str, Any]:
        return {"keys": [{**RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True), "kid": "1", "use": "sig"}]}

    def token(self, subject: str, **claims: Any) -> str:
        now = int(time.time())
        usual = {"iss": self.url, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 600}
        return jwt.encode({**usual, **claims}, self.key, algorithm="RS256", headers={"kid": "1"})


@asynccontextmanager
async def standing() -> AsyncIterator[Issuer]:
    made: list[Issuer] = []

    async def discovery(_: web.Request) -> web.Response:
        issuer = made[0].url
        return web.json_response({"issuer": issuer, "jwks_uri": f"{issuer}/keys"})

    async def keys(_: web.Request) -> web.Response:
        return web.json_response(made[0].jwks)

    routes = [web.get("/.well-known/openid-configuration", discovery), web.get("/keys", keys)]
    async with serving(routes) as served:
        made.append(Issuer(served.url, rsa.generate_private_key(public_exponent=65537, key_size=2048)))
        yield made[0]


@pytest_asyncio.fixture
async def issuer(deployment: DeploymentProcess) -> AsyncIterator[Issuer]:
    async with standing() as made:
        yield made
    unset = dict.fromkeys(
        ("FLOYD_OIDC_ISSUER", "FLOYD_OIDC_AUDIENCE", "FLOYD_OIDC_JWKS", "FLOYD_OIDC_ALGORITHM"), None
    )
    deployment.set_environment(**unset)


def configure(deployment: DeploymentProcess, **values: Any) -> None:
    """As `floyd up` does, from these settings."""
    settings = Settings(_env_file=None, floyd_data_dir=deployment.folder, **values)
    deployment.set_environment(**{name: value or None for name, value in deployment_environment(settings).items()})


async def ask(deployment: DeploymentProcess, token: str, function: str) -> Any:
    functions = HttpDeployment(deployment.url, token)
    try:
        kind = functions.mutation if function == "users:ensure" else functions.query
        return await kind(function, {})
    finally:
        await functions.close()


async def test_its_people_are_people_and_nothing_more(deployment: DeploymentProcess, issuer: Issuer) -> None:
    configure(deployment, floyd_oidc_issuer=issuer.url, floyd_oidc_audience=AUDIENCE)
    kim = issuer.token("user_2x", name="Kim")
    await ask(deployment, kim, "users:ensure")
    assert (await ask(deployment, kim, "users:me"))["name"] == "Kim"
    for claims in ({"operator": True}, {"role": "service"}):
        with pytest.raises(FunctionError, match="FORBIDDEN"):
            await ask(deployment, issuer.token("worker", **claims), "workers:list")
    with pytest.raises(FunctionError, match="FORBIDDEN"):
        await ask(deployment, issuer.token("worker", role="service"), "requests:pending")
    # Whatever it calls somebody, they are not the person of that name here.
    owner = issuer.token("person:owner", sid="k57")
    assert await ask(deployment, owner, "users:me") is None
    assert await ask(deployment, owner, "signIn:sessions") == []
    # Floyd's own tokens are as good as before.
    assert await ask(deployment, deployment.person_token("nobody-yet"), "users:me") is None


async def test_its_tokens_must_be_for_floyd_and_hold(deployment: DeploymentProcess, issuer: Issuer) -> None:
    configure(deployment, floyd_oidc_issuer=issuer.url, floyd_oidc_audience=AUDIENCE)
    now = int(time.time())
    for claims in ({"aud": "another-app"}, {"exp": now - 60, "iat": now - 600}, {"iss": "https://other.example"}):
        with pytest.raises(FunctionError, match="UNAUTHENTICATED"):
            await ask(deployment, issuer.token("user_2x", **claims), "users:me")


async def test_the_worker_lets_in_whom_the_deployment_lets_in(
    deployment: DeploymentProcess, issuer: Issuer
) -> None:
    configure(deployment, floyd_oidc_issuer=issuer.url, floyd_oidc_audience=AUDIENCE)
    kim = issuer.token("user_3x", name="Kim")
    await ask(deployment, kim, "users:ensure")

    async def me(request: web.Request) -> web.Response:
        return web.json_response({"name": (await person_of(request, deployment.url)).name})

    async with serving([web.get("/rtc/me", me)]) as served:
        reply = await served.get("/rtc/me", Authorization=f"Bearer {kim}")
        assert (reply.status, reply.json) == (200, {"name": "Kim"})
        other = issuer.token("user_3x", aud="another-app")
        assert (await served.get("/rtc/me", Authorization=f"Bearer {other}")).status == 401


async def test_keys_may_be_given_instead_of_found(deployment: DeploymentProcess, issuer: Issuer) -> None:
    encoded = base64.b64encode(json.dumps(issuer.jwks).encode()).decode()
    configure(
        deployment,
        floyd_oidc_issuer="https://no-discovery.example.com/",
        floyd_oidc_audience=AUDIENCE,
        floyd_oidc_jwks=f"data:text/plain;charset=utf-8;base64,{encoded}",
    )
    kim = issuer.token("user_4x", iss="https://no-discovery.example.com/", name="Kim")
    await ask(deployment, kim, "users:ensure")
    assert (await ask(deployment, kim, "users:me"))["name"] == "Kim"


async def test_without_it_nobody_of_its_gets_in(deployment: DeploymentProcess, issuer: Issuer) -> None:
    with pytest.raises(FunctionError, match="UNAUTHENTICATED"):
        await ask(deployment, issuer.token("user_5x"), "users:me")


async def test_it_may_not_have_floyds_own_name_and_needs_an_audience(
    deployment: DeploymentProcess, issuer: Issuer
) -> None:
    own = "https://floyd.local/"
    for variables in (
        {"FLOYD_OIDC_ISSUER": own, "FLOYD_OIDC_AUDIENCE": AUDIENCE},
        {"FLOYD_OIDC_ISSUER": issuer.url},
    ):
        deployment.set_environment(**{"FLOYD_OIDC_AUDIENCE": None, **variables})
        for token in (issuer.token("user_6x"), issuer.token("worker", iss="https://floyd.local", role="service")):
            with pytest.raises(FunctionError, match="UNAUTHENTICATED"):
                await ask(deployment, token, "users:me")
        # Floyd's own people are none the worse.
        assert await ask(deployment, deployment.person_token("nobody-yet"), "users:me") is None
    with pytest.raises(SettingsError, match="FLOYD_OIDC_AUDIENCE"):
        load_settings(env_files=(), floyd_oidc_issuer=issuer.url)
    with pytest.raises(SettingsError, match="Floyd's own"):
        load_settings(env_files=(), floyd_oidc_issuer=own, floyd_oidc_audience=AUDIENCE)
