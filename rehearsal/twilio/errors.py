"""Twilio's error answers: ``{code, message, more_info, status}``."""

from __future__ import annotations


class ApiError(Exception):
    """An error of the REST API. ``status`` is the HTTP status, ``code`` Twilio's own."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def body(self) -> dict[str, object]:
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


def not_authenticated() -> ApiError:
    return ApiError(401, 20003, "Authenticate")


def not_found(path: str) -> ApiError:
    return ApiError(404, 20404, f"The requested resource {path} was not found")


def invalid_to(number: str) -> ApiError:
    return ApiError(400, 21211, f"The phone number you are attempting to call, {number}, is not valid.")


_MISSING = {
    "To": (21201, "No 'To' number is specified"),
    "From": (21213, "No 'From' number is specified"),
    "Url": (21205, "A 'Url' or 'Twiml' parameter is required."),
    "Body": (21602, "Message body is required."),
}


def missing(field: str) -> ApiError:
    return ApiError(400, *_MISSING[field])


def bad_parameter(field: str, value: str, allowed: str) -> ApiError:
    return ApiError(400, 20001, f"Invalid {field}: {value}. Allowed: {allowed}")


class CallProblem(Exception):
    """An error that ends the running of a call's TwiML; Twilio shows it in its debugger."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
