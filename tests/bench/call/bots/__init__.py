"""Bots that can be measured beside Floyd, one file each: `NAME.py` is the bot `NAME`. (What begins with an
underscore is none.)

A bot is a process, run as the module `call.bots.NAME`. It finds carrier, recogniser, model and voice where the
environment says, by the names of Floyd's settings:

    TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_API_BASE_URL
    OPENAI_API_KEY, OPENAI_BASE_URL
    GOOGLE_SPEECH_ENDPOINT      host and port, without TLS

It prints one line of JSON, {"port": ...}, when it serves on loopback, and nothing after it; what it has to say
otherwise goes to stderr. It lasts until SIGTERM, or until its parent is gone.

    POST /call  {"to": "+1..."}     place a call; answers {"sid": ...}, the carrier's name for it

The callee speaks first and hangs up in the end. The system message of a conversation holds `<task>converse</task>`
and `<callee phone="+1..."/>`, by which the model knows whose it is.
"""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

FOLDER = Path(__file__).parent
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("[!_]*.py")))


def missing(name: str) -> list[str]:
    """What the bot imports and is not installed here."""
    found = {_missing_part(module) for module in _imports(FOLDER / f"{name}.py")}
    return sorted(found - {""})


def _imports(path: Path) -> list[str]:
    """Read, not run: running it would fail at the first that is missing, and cost memory for the others."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(str(module)):
                found.add(module)
    return sorted(found)


def _missing_part(module: str) -> str:
    """The package of it that is not there, or nothing. What is in a package is taken to be there with it, since
    looking inside would run it; a namespace, such as `google`, has nothing to run."""
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        part = ".".join(parts[:depth])
        spec = find_spec(part)
        if spec is None:
            return part
        if spec.origin is not None:
            return ""
    return ""
