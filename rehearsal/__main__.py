"""``python -m rehearsal serve`` and ``python -m rehearsal check FILE...``."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from rehearsal.scenario_files import BUILT_IN_FOLDER, Problem, ScenarioError, load_folder, load_scenario

EXIT_BAD_INPUT = 2
EXIT_UNAVAILABLE = 1


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m rehearsal", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="run the stand-ins until interrupted")
    serve.add_argument("--port", type=int, default=None, help="Twilio, OpenAI and control; 0: any (3230)")
    serve.add_argument("--speech-port", type=int, default=None, help="Google Speech; 0: any (3231)")
    serve.add_argument("--scenarios", type=Path, action="append", default=[], help="another folder of *.yaml")
    serve.add_argument("--json", action="store_true", help="print the addresses as one JSON object when ready")
    check = commands.add_parser("check", help="say what is wrong with scenario files")
    check.add_argument("files", type=Path, nargs="*", help="files or folders (the built-in scenarios)")
    given = parser.parse_args(arguments)
    if given.command == "check":
        return _check(given.files or [BUILT_IN_FOLDER])
    return _serve(given)


def _check(paths: Sequence[Path]) -> int:
    problems: list[Problem] = []
    good = 0
    for path in paths:
        try:
            good += len(load_folder(path)) if path.is_dir() else bool(load_scenario(path))
        except ScenarioError as error:
            problems += error.problems
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return EXIT_BAD_INPUT
    print(f"{good} scenario{'' if good == 1 else 's'}, no problems")
    return 0


def _serve(given: argparse.Namespace) -> int:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        # Standard output is for the addresses: whoever starts us reads them there.
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    try:
        import uvloop
    except ImportError:  # Windows: asyncio's own loop does there
        return asyncio.run(_run(given))
    return uvloop.run(_run(given))


async def _run(given: argparse.Namespace) -> int:
    from rehearsal.serve import DEFAULT_PORT, DEFAULT_SPEECH_PORT, Credentials, Rehearsal, until_interrupted

    port = DEFAULT_PORT if given.port is None else given.port
    speech_port = DEFAULT_SPEECH_PORT if given.speech_port is None else given.speech_port
    try:
        rehearsal = await Rehearsal.start(
            Credentials.from_environment(), port=port, speech_port=speech_port, folders=given.scenarios
        )
    except ScenarioError as error:
        print(error, file=sys.stderr)
        return EXIT_BAD_INPUT
    except OSError as error:
        print(
            f"rehearsal: cannot listen: {error.strerror or error}; try --port 0 --speech-port 0", file=sys.stderr
        )
        return EXIT_UNAVAILABLE
    addresses = rehearsal.addresses()
    if given.json:
        print(json.dumps(addresses), flush=True)
    else:
        for name, address in addresses.items():
            print(f"rehearsal: {name} {address}", flush=True)
    try:
        await until_interrupted()
    finally:
        await rehearsal.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
