"""What this machine says about its user."""

from __future__ import annotations

import getpass
import os
import zoneinfo
from pathlib import Path

_LOCALTIME = Path("/etc/localtime")


def login_name() -> str:
    """The full name of the user as the system has it, else the login name."""
    try:
        import pwd

        full = pwd.getpwuid(os.getuid()).pw_gecos.split(",")[0].strip()
    except (ImportError, KeyError):
        full = ""
    if full:
        return full
    try:
        return getpass.getuser()
    except OSError:
        return "the owner"


def local_timezone() -> str | None:
    """This machine's time zone as the IANA names it (`Europe/Berlin`), or None if it does not say."""
    candidates = [os.environ.get("TZ", "").removeprefix(":")]
    if _LOCALTIME.is_symlink():
        _, _, name = str(_LOCALTIME.readlink()).partition("zoneinfo/")
        candidates.append(name)
    for name in candidates:
        try:
            if name:
                return zoneinfo.ZoneInfo(name).key
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            continue
    return None
