"""The key pair that signs Floyd's tokens, and the tokens.

One ES256 (ECDSA P-256, RFC 7518) key pair per data folder, made at the first start. Its private half is the file
`key.json`, a JWK (RFC 7517) that only its owner may read. Its public half goes to the deployment as the
environment variable FLOYD_JWKS, a `data:` URI with a JWK set, which `convex/auth.config.ts` hands to the
`customJwt` provider. Convex finds a key by the `kid` header; here that is the key's thumbprint (RFC 7638).

Claims: `iss`, `aud` "floyd", `sub` ("person:<name>" or "worker"), `iat`, `exp`, and `name` for a person,
`role` "service" for a worker. A person who runs this Floyd has `operator` true; a token that a browser got for
its session has the session's id as `sid`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from pydantic import SecretStr

from worker.settings import DEFAULT_ISSUER, Settings

AUDIENCE = "floyd"
ALGORITHM = "ES256"
KEY_FILE = "key.json"

PERSON_HOURS = 1.0
"""A person's token is made anew by each command, so it may be short-lived."""
WORKER_DAYS = 365
"""The subscribing client cannot renew a token: an expired one is a worker that reconnects for ever. It is made
anew at each start of the worker."""
MAX_PERSON_HOURS = 24 * 30
"""For a person's own scripts; whoever wants longer should sign in by another provider."""

_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")
_PRIVATE = 0o600


class KeyFileError(Exception):
    """The key file cannot be used; the message says why and what to do."""


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def person_subject(name: str) -> str:
    """`sub` of a person. Raises ValueError for a name with other than letters, digits and `._@-`."""
    if not _PERSON.fullmatch(name):
        raise ValueError(f'"{name}" is not a name for a person: use letters, digits, ".", "_", "@" and "-"')
    return f"person:{name}"


@dataclass(frozen=True)
class SigningKey:
    private: ec.EllipticCurvePrivateKey

    @cached_property
    def public_jwk(self) -> dict[str, str]:
        jwk = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        required = {name: str(jwk[name]) for name in ("crv", "kty", "x", "y")}
        # RFC 7638: the required members, sorted, without white space.
        canonical = json.dumps(required, sort_keys=True, separators=(",", ":")).encode()
        kid = _base64url(hashlib.sha256(canonical).digest())
        return {**required, "kid": kid, "use": "sig", "alg": ALGORITHM}

    @property
    def jwks_uri(self) -> str:
        """The public key set as Convex takes it: `data:text/plain;charset=utf-8;base64,...`."""
        keys = json.dumps({"keys": [self.public_jwk]}, separators=(",", ":")).encode()
        return "data:text/plain;charset=utf-8;base64," + base64.b64encode(keys).decode()

    def person_token(
        self,
        name: str,
        *,
        issuer: str = DEFAULT_ISSUER,
        hours: float = PERSON_HOURS,
        full_name: str | None = None,
        operator: bool = False,
        session_id: str | None = None,
    ) -> str:
        """`operator`: may see and drain workers. `session_id`: of the browser's session that it is for."""
        if not 0 < hours <= MAX_PERSON_HOURS:
            raise ValueError(f"a person's token lasts more than 0 and at most {MAX_PERSON_HOURS} hours")
        claims: dict[str, Any] = {"sub": person_subject(name), "name": full_name or name}
        if operator:
            claims["operator"] = True
        if session_id is not None:
            claims["sid"] = session_id
        return self._token(claims, issuer, timedelta(hours=hours))

    def worker_token(self, *, issuer: str = DEFAULT_ISSUER, days: float = WORKER_DAYS) -> str:
        return self._token({"sub": "worker", "role": "service"}, issuer, timedelta(days=days))

    def _token(self, claims: dict[str, Any], issuer: str, lifetime: timedelta) -> str:
        now = int(time.time())
        expires = now + max(1, int(lifetime.total_seconds()))
        payload = {"iss": issuer, "aud": AUDIENCE, "iat": now, "exp": expires, **claims}
        return jwt.encode(payload, self.private, algorithm=ALGORITHM, headers={"kid": self.public_jwk["kid"]})


def load_key(data_dir: Path) -> SigningKey:
    """The data folder's key, made if there is none yet. Safe when several processes start at once.

    Raises `KeyFileError`."""
    path = data_dir / KEY_FILE
    try:
        if not path.exists():
            data_dir.mkdir(parents=True, exist_ok=True)
            _create(path)
        text = path.read_text("utf-8")
        if path.stat().st_mode & 0o077:
            path.chmod(_PRIVATE)
    except OSError as error:
        raise KeyFileError(
            f"{path} cannot be read or written ({error.strerror}); check the folder, or set FLOYD_DATA_DIR"
        ) from error
    try:
        private = ECAlgorithm(ECAlgorithm.SHA256).from_jwk(text)
    except (jwt.InvalidKeyError, UnsupportedAlgorithm, ValueError) as error:
        raise KeyFileError(
            f"{path} is not an ES256 key ({error}); restore it, or delete it to get a new one"
        ) from error
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
        raise KeyFileError(f"{path} is not a private P-256 key; restore it, or delete it to get a new one")
    return SigningKey(private)


def _create(path: Path) -> None:
    """Write a new key whole under a name of its own, then link it in place: whoever is first wins, and no
    reader ever sees half a file."""
    key = ec.generate_private_key(ec.SECP256R1())
    text = json.dumps(ECAlgorithm.to_jwk(key, as_dict=True))
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


def worker_token(settings: Settings) -> str:
    """The worker's service token: the configured one, or one made with the data folder's key."""
    if settings.worker_token is not None:
        return settings.worker_token.get_secret_value()
    return load_key(settings.floyd_data_dir).worker_token(issuer=settings.floyd_issuer)


def with_worker_token(settings: Settings) -> Settings:
    """The same settings with `worker_token` filled in."""
    return settings.model_copy(update={"worker_token": SecretStr(worker_token(settings))})
