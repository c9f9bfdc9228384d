"""Ports: the usual ones when they are free."""

from __future__ import annotations

import socket
from enum import IntEnum

LOOPBACK = "127.0.0.1"


class Port(IntEnum):
    """The contract's defaults."""

    BACKEND = 3210
    SITE = 3211
    WORKER = 3220
    REHEARSAL = 3230
    REHEARSAL_SPEECH = 3231
    PAGE = 5173
    """Vite's own default."""


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port whose last connections linger in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def any_free() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def usual_or_free(usual: int) -> int:
    """`usual` if it can be had, else another. Somebody may take it in the moment until it is used; the process
    that then fails says so."""
    return usual if usual and is_free(usual) else any_free()
