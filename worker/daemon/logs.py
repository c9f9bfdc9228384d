"""The worker's log: structured lines on standard error, for a person on a terminal, as JSON elsewhere.

Secrets are taken out twice: fields by their name, and the values of the configured secrets wherever they stand in
a line. What people said is not logged at all, by whoever logs.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

import structlog
from pydantic import SecretStr

from worker.settings import Settings

HIDDEN = "***"

SHORTEST_SECRET = 6
"""A shorter value would blot out ordinary text."""

_SECRET_NAME = re.compile(r"token|secret|password|authorization|api_?key|credential|signature", re.IGNORECASE)

_BEARER = re.compile(r"(?i)\b(bearer|basic|convex)\s+[A-Za-z0-9+/=._|-]{8,}")
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


class Redactor:
    """A structlog processor. Configured secrets shorter than `SHORTEST_SECRET` are not looked for."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted(
            {secret for secret in secrets if len(secret) >= SHORTEST_SECRET}, key=len, reverse=True
        )

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        return {key: HIDDEN if _SECRET_NAME.search(key) else self.clean(value) for key, value in event.items()}

    def clean(self, value: Any) -> Any:
        match value:
            case SecretStr():
                return HIDDEN
            case str():
                for secret in self._secrets:
                    value = value.replace(secret, HIDDEN)
                return _JWT.sub(HIDDEN, _BEARER.sub(rf"\1 {HIDDEN}", value))
            case Mapping():
                return {
                    key: HIDDEN if _SECRET_NAME.search(str(key)) else self.clean(item)
                    for key, item in value.items()
                }
            case list() | tuple():
                return [self.clean(item) for item in value]
            case BaseException():
                return self.clean(f"{type(value).__name__}: {value}")
            case _:
                return value


def set_up_logs(settings: Settings, *, json: bool | None = None) -> None:
    """Route structlog and the libraries' own logging through the same processors. `json`: default, unless on a
    terminal."""
    as_json = not sys.stderr.isatty() if json is None else json
    redactor = Redactor(value.get_secret_value() for _, value in settings if isinstance(value, SecretStr))
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    tail: list[Any] = [structlog.processors.format_exc_info, redactor]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries at WARNING: their INFO lines hold addresses and parameters. The worker's own at INFO.
    root.setLevel(logging.WARNING)
    logging.getLogger("worker").setLevel(logging.INFO)
