"""TwiML: what a call does, as XML (Twilio, "TwiML for Programmable Voice").

``<Response>`` holds verbs that run one after another. ``<Connect><Stream>`` lasts until the stream ends; then the
next verb runs, and a document that is at its end hangs up. Twilio only warns of an unknown verb (12200) and goes
on without it; here it is an error, because a rehearsal should find it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlsplit
from xml.etree import ElementTree

from rehearsal.twilio.errors import CallProblem

# Twilio's limit of a TwiML document.
MAX_BYTES = 64 * 1024


@dataclass(frozen=True)
class Connect:
    """A bidirectional Media Stream."""

    url: str
    parameters: dict[str, str] = field(default_factory=dict)
    name: str | None = None
    action: str | None = None
    method: str = "POST"
    status_callback: str | None = None


@dataclass(frozen=True)
class Say:
    text: str
    loop: int = 1


@dataclass(frozen=True)
class PlayDigits:
    """``w`` is a pause of half a second."""

    digits: str


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class Redirect:
    url: str
    method: str = "POST"


@dataclass(frozen=True)
class Hangup:
    pass


@dataclass(frozen=True)
class Reject:
    reason: str = "rejected"


Verb: TypeAlias = Connect | Say | PlayDigits | Pause | Redirect | Hangup | Reject

_ATTRIBUTES = {
    "Connect": {"action", "method"},
    "Stream": {"url", "name", "track", "statusCallback", "statusCallbackMethod"},
    "Parameter": {"name", "value"},
    "Say": {"voice", "language", "loop"},
    "Play": {"digits", "loop"},
    "Pause": {"length"},
    "Redirect": {"method"},
    "Reject": {"reason"},
    "Hangup": set[str](),
}


def parse(document: str) -> list[Verb]:
    """The verbs of a document in order. Raises CallProblem with Twilio's code of what is wrong."""
    if len(document.encode()) > MAX_BYTES:
        raise CallProblem(11750, f"TwiML response body too large: over {MAX_BYTES} bytes")
    if "<!DOCTYPE" in document or "<!ENTITY" in document:
        raise CallProblem(12100, "Document parse failure: a document type is not allowed")
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError as error:
        raise CallProblem(12100, f"Document parse failure: {error}") from None
    if root.tag != "Response":
        raise CallProblem(12102, f"Document parse failure: root element must be <Response>, not <{root.tag}>")
    return [_verb(element) for element in root]


def _verb(element: ElementTree.Element) -> Verb:
    _check_attributes(element)
    text = (element.text or "").strip()
    match element.tag:
        case "Connect":
            return _connect(element)
        case "Say":
            if not text:
                raise CallProblem(13510, "<Say> is empty")
            return Say(text, int(_number(element, "loop", "1", 0, 1000)))
        case "Play":
            digits = element.get("digits")
            if digits is None:
                raise CallProblem(12200, "<Play> of an audio file is not rehearsed; give it digits")
            if not re.fullmatch(r"[0-9A-D*#wW]+", digits):
                raise CallProblem(13325, f"<Play> has invalid digits: {digits}")
            return PlayDigits(digits)
        case "Pause":
            return Pause(_number(element, "length", "1", 0, 600))
        case "Redirect":
            return Redirect(text, _method(element))
        case "Hangup":
            return Hangup()
        case "Reject":
            reason = element.get("reason", "rejected")
            if reason not in ("rejected", "busy"):
                raise CallProblem(13310, f'<Reject> has an invalid reason "{reason}"; allowed: rejected, busy')
            return Reject(reason)
    raise CallProblem(12200, f"Schema validation: <{element.tag}> is not a verb that is rehearsed")


def _connect(element: ElementTree.Element) -> Connect:
    nouns = list(element)
    if len(nouns) != 1 or nouns[0].tag != "Stream":
        raise CallProblem(12200, "Schema validation: <Connect> must hold one <Stream>")
    stream = nouns[0]
    _check_attributes(stream)
    url = stream.get("url", "")
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.netloc:
        raise CallProblem(12200, f'<Stream> needs a wss:// url, not "{url}"')
    if parts.query:
        raise CallProblem(12200, "<Stream url> must not have query parameters; use <Parameter>")
    if stream.get("track", "inbound_track") != "inbound_track":
        raise CallProblem(31941, "Stream: invalid track configuration; <Connect> takes inbound_track only")
    parameters: dict[str, str] = {}
    for child in stream:
        if child.tag != "Parameter":
            raise CallProblem(12200, f"Schema validation: <{child.tag}> is not allowed in <Stream>")
        _check_attributes(child)
        name, value = child.get("name", ""), child.get("value", "")
        if not name or len(name) + len(value) > 500:
            raise CallProblem(
                12200, "<Parameter> needs a name, and name and value together at most 500 characters"
            )
        parameters[name] = value
    return Connect(
        url, parameters, stream.get("name"), element.get("action"), _method(element), stream.get("statusCallback")
    )


def _check_attributes(element: ElementTree.Element) -> None:
    allowed = _ATTRIBUTES.get(element.tag)
    if allowed is None:
        return
    for name in element.attrib:
        if name not in allowed:
            raise CallProblem(12200, f'Schema validation: <{element.tag}> has no attribute "{name}"')


def _method(element: ElementTree.Element) -> str:
    method = element.get("method", "POST").upper()
    if method not in ("GET", "POST"):
        raise CallProblem(12200, f'<{element.tag}> has an invalid method "{method}"; allowed: GET, POST')
    return method


def _number(element: ElementTree.Element, name: str, default: str, low: float, high: float) -> float:
    given = element.get(name, default)
    try:
        value = float(given)
    except ValueError:
        value = -1.0
    if not low <= value <= high:
        raise CallProblem(12200, f"<{element.tag} {name}> must be a number of {low:g} to {high:g}, not {given}")
    return value
