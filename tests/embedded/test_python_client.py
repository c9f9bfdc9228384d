"""The PyPI client ``convex`` against an embedded deployment in a process of its own.

The client blocks its process while a call waits, so every call here is made against a deployment that has said
it is ready, and the whole file is bounded by the time-out of its tests.
"""

import asyncio
import base64
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from convex import ConvexClient, ConvexError, ConvexInt64

ROOT = Path(__file__).parents[2]
APP = Path(__file__).parent / "app" / "convex"
WAIT_S = 10.0

pytestmark = pytest.mark.timeout(60)


@dataclass
class Deployment:
    url: str
    admin_key: str

    def set_env(self, name: str, value: str) -> None:
        body = json.dumps({"changes": [{"name": name, "value": value}]}).encode()
        request = urllib.request.Request(
            f"{self.url}/api/update_environment_variables",
            data=body,
            headers={"authorization": f"Convex {self.admin_key}"},
        )
        with urllib.request.urlopen(request, timeout=WAIT_S) as response:
            assert response.status == 200


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    data = tmp_path_factory.mktemp("deployment")
    command = ["node", str(ROOT / "embedded" / "main.mjs"), "--json", "--port", "0", "--site-port", "0"]
    command += ["--data", str(data), "--functions", str(APP)]
    with (data / "stderr.txt").open("w") as stderr:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr, text=True)
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield Deployment(ready["url"], ready["adminKey"])
    finally:
        process.terminate()
        process.wait(timeout=WAIT_S)


@pytest.fixture
def client(deployment: Deployment) -> ConvexClient:
    return ConvexClient(deployment.url)


def test_query_and_mutation(client: ConvexClient) -> None:
    client.mutation("messages:send", {"channel": "python", "seq": 1, "body": "hello"})
    rows = client.query("messages:list", {"channel": "python"})
    assert [(row["seq"], row["body"]) for row in rows] == [(1.0, "hello")]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        1.5,
        -0.0,
        "text",
        "Ünï\x00code",
        b"bytes",
        ConvexInt64(-(2**63)),
        [1.0, ["x"]],
        {"a": {"b": None}},
    ],
)
def test_values_come_back_as_they_went(client: ConvexClient, value: Any) -> None:
    assert client.query("values:echo", {"value": value}) == value


def test_errors(client: ConvexClient) -> None:
    with pytest.raises(ConvexError) as raised:
        client.mutation("messages:failWithData", {"code": "E7"})
    assert raised.value.data == {"code": "E7", "big": ConvexInt64(7)}
    with pytest.raises(Exception, match="after the write"):
        client.mutation("messages:failAfterWrite", {"channel": "python-failure"})
    assert client.query("messages:list", {"channel": "python-failure"}) == []
    with pytest.raises(Exception, match="ArgumentValidationError"):
        client.mutation("messages:send", {"channel": "python", "seq": ConvexInt64(1), "body": "hello"})


def test_action(client: ConvexClient) -> None:
    digest = client.action("nodeActions:sha256", {"text": ""})
    assert digest.startswith("e3b0c442")


async def test_subscription_delivers_every_change(deployment: Deployment) -> None:
    subscriber = ConvexClient(deployment.url)
    writer = ConvexClient(deployment.url)
    updates = subscriber.subscribe("messages:latest", {"channel": "python-live", "count": 1}).__aiter__()
    assert await asyncio.wait_for(anext(updates), WAIT_S) == []
    for seq in range(5):
        await asyncio.to_thread(
            writer.mutation, "messages:send", {"channel": "python-live", "seq": seq, "body": f"m{seq}"}
        )
        value = await asyncio.wait_for(anext(updates), WAIT_S)
        assert value == [{"seq": float(seq), "body": f"m{seq}"}]


async def test_subscription_reports_a_failing_query(deployment: Deployment) -> None:
    subscriber = ConvexClient(deployment.url)
    updates = subscriber.subscribe("messages:secret", {}).__aiter__()
    with pytest.raises(Exception, match="Could not find public function"):
        await asyncio.wait_for(anext(updates), WAIT_S)


async def test_set_auth_changes_identity_of_calls_and_subscriptions(deployment: Deployment) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    jwks = json.dumps({"keys": [{**public, "kid": "python", "alg": "ES256", "use": "sig"}]})
    deployment.set_env("TEST_JWKS", "data:application/json;base64," + base64.b64encode(jwks.encode()).decode())
    now = int(time.time())
    claims = {"iss": "https://issuer.test", "aud": "app", "sub": "worker", "iat": now, "exp": now + 600}
    token = jwt.encode({**claims, "role": "service"}, key, algorithm="ES256", headers={"kid": "python"})

    client = ConvexClient(deployment.url)
    updates = client.subscribe("values:whoAmI", {}).__aiter__()
    assert await asyncio.wait_for(anext(updates), WAIT_S) is None
    client.set_auth(token)
    identity = await asyncio.wait_for(anext(updates), WAIT_S)
    assert isinstance(identity, dict)
    assert identity["subject"] == "worker"
    assert identity["role"] == "service"
    assert client.query("values:whoAmI", {}) == identity
    client.clear_auth()
    assert await asyncio.wait_for(anext(updates), WAIT_S) is None
