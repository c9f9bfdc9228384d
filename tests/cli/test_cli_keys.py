"""Keys and tokens, verified as a deployment verifies them: with the published key set alone."""

from __future__ import annotations

import base64
import json
import stat
import threading
from pathlib import Path

import jwt
import pytest

from worker.keys import KeyFileError, load_key, worker_token
from worker.settings import load_settings

ISSUER = "https://floyd.local"
PREFIX = "data:text/plain;charset=utf-8;base64,"


def published(folder: Path) -> dict[str, str]:
    uri = load_key(folder).jwks_uri
    assert uri.startswith(PREFIX)
    keys = json.loads(base64.b64decode(uri.removeprefix(PREFIX)))["keys"]
    assert len(keys) == 1
    return dict(keys[0])


def verified(token: str, jwk: dict[str, str]) -> dict[str, object]:
    header = jwt.get_unverified_header(token)
    assert header["alg"] == "ES256"
    assert header["kid"] == jwk["kid"]
    required = ["iss", "aud", "sub", "iat", "exp"]
    return dict(
        jwt.decode(
            token,
            jwt.PyJWK(jwk).key,
            algorithms=["ES256"],
            issuer=ISSUER,
            audience="floyd",
            options={"require": required},
        )
    )


def test_a_persons_token(tmp_path: Path) -> None:
    claims = verified(load_key(tmp_path).person_token("owner", full_name="Alex Rivera"), published(tmp_path))
    assert claims["sub"] == "person:owner"
    assert claims["name"] == "Alex Rivera"
    assert "role" not in claims
    assert claims["exp"] - claims["iat"] == 3600  # type: ignore[operator]


def test_the_workers_token(tmp_path: Path) -> None:
    claims = verified(load_key(tmp_path).worker_token(), published(tmp_path))
    assert (claims["sub"], claims["role"]) == ("worker", "service")
    assert claims["exp"] - claims["iat"] >= 300 * 24 * 3600  # type: ignore[operator]


def test_the_published_key_is_public(tmp_path: Path) -> None:
    jwk = published(tmp_path)
    assert jwk.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert json.loads((tmp_path / "key.json").read_text())["d"] not in load_key(tmp_path).jwks_uri


def test_another_folder_has_another_key(tmp_path: Path) -> None:
    token = load_key(tmp_path / "one").person_token("owner")
    stranger = published(tmp_path / "two")
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, jwt.PyJWK(stranger).key, algorithms=["ES256"], audience="floyd")


def test_the_key_stays_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    first = load_key(tmp_path).public_jwk
    file = tmp_path / "key.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    assert load_key(tmp_path).public_jwk == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key.json"]


def test_many_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    gate = threading.Barrier(8, timeout=10)
    kids: list[str] = []

    def start() -> None:
        gate.wait()
        kids.append(load_key(tmp_path).public_jwk["kid"])

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(kids) == 8
    assert len(set(kids)) == 1


@pytest.mark.parametrize("content", ["", "{}", "not json", '{"kty": "oct", "k": "AAAA"}'])
def test_a_broken_key_file_is_named_and_kept(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key.json"
    file.write_text(content)
    with pytest.raises(KeyFileError, match=r"key\.json"):
        load_key(tmp_path)
    assert file.read_text() == content


def test_a_public_key_cannot_sign(tmp_path: Path) -> None:
    public = published(tmp_path / "other")
    (tmp_path / "key.json").write_text(json.dumps(public))
    with pytest.raises(KeyFileError, match="private"):
        load_key(tmp_path)


@pytest.mark.parametrize("name", ["", "a b", "worker\n", "x" * 101, "../etc", "ä"])
def test_a_persons_name_is_checked(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="name for a person"):
        load_key(tmp_path).person_token(name)


@pytest.mark.parametrize("hours", [0, -1, 24 * 365])
def test_a_persons_token_is_short_lived(tmp_path: Path, hours: float) -> None:
    with pytest.raises(ValueError, match="hours"):
        load_key(tmp_path).person_token("owner", hours=hours)


def test_a_configured_worker_token_is_used_as_it_is(tmp_path: Path) -> None:
    settings = load_settings((), worker_token="given", floyd_data_dir=tmp_path)
    assert worker_token(settings) == "given"
    assert not (tmp_path / "key.json").exists()
