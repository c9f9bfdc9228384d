"""What went wrong, in one line, with the remedy."""

from __future__ import annotations

from enum import IntEnum

from worker.deployment.client import DeploymentUnavailable, FunctionError
from worker.keys import KeyFileError
from worker.settings import SettingsError


class ExitCode(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    NEEDS_INPUT = 3
    INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class CliError(Exception):
    """An error a person can do something about. `remedy` says what."""

    def __init__(self, what: str, remedy: str = "", code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.code = code

    def line(self) -> str:
        return f"{self.what}. {self.remedy}" if self.remedy else self.what


def usage(what: str, remedy: str = "") -> CliError:
    """Wrong input: exit code 2."""
    return CliError(what, remedy, ExitCode.USAGE)


def explained(error: BaseException) -> CliError | None:
    """The error as a person should read it, or None for a defect of Floyd's own."""
    match error:
        case CliError():
            return error
        case SettingsError():
            return usage("Settings: " + "; ".join(error.problems))
        case KeyFileError():
            return CliError(str(error))
        case DeploymentUnavailable():
            return CliError(
                f"The deployment is not there: {error}",
                "Start it with `floyd up` (or check CONVEX_URL); `floyd doctor` says more",
            )
        case FunctionError():
            return _refused(error)
        case OSError() if error.filename is not None:
            return CliError(
                f"{error.filename}: {error.strerror}", "Check the folder and the disk, or set FLOYD_DATA_DIR"
            )
        case _:
            return None


def _refused(error: FunctionError) -> CliError:
    match error.code:
        case "BAD_INPUT" | "POLICY_BLOCKED":
            # The functions' own messages name the field and what would be right.
            named = f"{error.field}: " if error.field and error.field not in error.message else ""
            return usage(named + error.message)
        case "UNAUTHENTICATED":
            return CliError(
                f"The deployment does not accept this token: {error.message}",
                "It must know this data folder's key: `floyd token --jwks` prints the commands that set it",
            )
        case "SERVER" if "ArgumentValidationError" in error.message:
            return usage(f"The deployment refused the arguments: {_first_line(error.message)}")
        case "SERVER" if "Could not find" in error.message and "function" in error.message:
            return CliError(
                f"The deployment lacks a function of Floyd's: {_first_line(error.message)}",
                "Deploy this version's convex/ folder there (`npx convex deploy`)",
            )
        case "SERVER":
            return CliError(f"The deployment failed: {_first_line(error.message)}", "Its log says why")
        case _:
            return CliError(error.message)


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # "[Request ID: ...] Server Error" comes before the line that says what it was.
    return next(
        (line for line in lines if not line.startswith("[Request ID")), lines[0] if lines else "no reason given"
    )
