"""The secrets of signing in: the code of a one-time link, and what a browser's session is known by.

256 random bits each, in base64url without padding. Whoever keeps one for others keeps its SHA-256."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets

_FORM = re.compile(r"[A-Za-z0-9_-]{43}")


def new_secret() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def has_form(text: str) -> bool:
    """Whether it can be one at all."""
    return _FORM.fullmatch(text) is not None


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
