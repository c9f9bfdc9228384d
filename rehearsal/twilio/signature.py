"""``X-Twilio-Signature``: how a server knows that a request comes from Twilio.

HMAC-SHA1, keyed with the account's auth token, over the exact URL followed by every form parameter's name and
value, sorted by name, with nothing between them; base64. A WebSocket handshake has no parameters: the URL alone.
(Twilio, "Webhooks security".)
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable

HEADER = "X-Twilio-Signature"


def sign(auth_token: str, url: str, params: Iterable[tuple[str, str]] = ()) -> str:
    """The header's value for a request to ``url`` with these form parameters."""
    signed = url + "".join(name + value for name, value in sorted(set(params)))
    digest = hmac.new(auth_token.encode(), signed.encode(), "sha1").digest()
    return base64.b64encode(digest).decode()
