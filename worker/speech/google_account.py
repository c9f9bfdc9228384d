"""What Google's clients have in common: the service account, and how their channels behave."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import google.auth
from google.auth.exceptions import GoogleAuthError
from google.oauth2 import service_account

CREDENTIALS_DEADLINE_S = 10.0
"""Without a file, the credentials may come from the machine's metadata server."""

CHANNEL_OPTIONS = (
    # gRPC waits a second and more before it connects again: too long in the middle of a sentence.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


class NoCredentials(Exception):
    """There are none that can be used; the message says what to check."""


async def credentials(key_file: Path | None) -> Any:
    """The service account's of `key_file`, else this machine's. Raises `NoCredentials`."""
    try:
        async with asyncio.timeout(CREDENTIALS_DEADLINE_S):
            return await asyncio.to_thread(_read, key_file)
    except (GoogleAuthError, OSError, ValueError) as error:
        raise NoCredentials(
            f"Google's credentials can't be used ({error}): check GOOGLE_APPLICATION_CREDENTIALS"
        ) from error


def _read(key_file: Path | None) -> Any:
    if key_file is not None:
        from_file: Any = service_account.Credentials.from_service_account_file  # its package has no types here
        return from_file(str(key_file), scopes=_SCOPES)
    found, _project = google.auth.default(scopes=_SCOPES)
    return found
