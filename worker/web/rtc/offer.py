"""A page's session description, read strictly: what is not needed is not kept.

WebRTC's offers are SDP (RFC 8866, RFC 8829): one section of audio, and at most one data channel on the same
transport (`a=group:BUNDLE`). From these the handful of values that matter is taken, each checked, and a new
description is written of them. The library's own parser never sees what a page sent: it is lenient in some
places, raises whatever happens to go wrong in others, and takes quadratic time where a list is long.

Of codecs one is kept: PCMU at 8,000 Hz (RFC 3551), as the telephone has it, or else Opus (RFC 7587). The page's
candidates are kept only where the worker must reach out to the page (with STUN or TURN): otherwise the page
reaches the worker, as it did over HTTP, and the worker sends nothing to an address that it only read somewhere.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Literal

MAX_SDP_BYTES = 16_384
"""A browser's offer of one audio track and a data channel has 2 to 5 KB."""

MAX_CANDIDATES = 20
"""A laptop with a VPN and three networks has a dozen."""

PCMU_PAYLOAD_TYPE = 0
"""Static (RFC 3551)."""

MAX_MESSAGE_BYTES = 65_536

Codec = Literal["PCMU", "opus"]
Direction = Literal["sendrecv", "sendonly", "recvonly"]

# RFC 8839, section 5.4: ice-char; the lengths are those of RFC 8445.
_ICE_CHARS = r"[A-Za-z0-9+/]"
_UFRAG = re.compile(_ICE_CHARS + r"{4,256}")
_PASSWORD = re.compile(_ICE_CHARS + r"{22,256}")
# RFC 8122: hash function and hexadecimal bytes. SHA-256 to SHA-512 have 32 to 64 of them.
_FINGERPRINT = re.compile(r"(sha-(?:256|384|512)) ((?:[0-9A-F]{2}:){31,63}[0-9A-F]{2})", re.IGNORECASE)
_MID = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_CANDIDATE = re.compile(
    r"(?P<foundation>[A-Za-z0-9+/]{1,32}) 1 udp (?P<priority>\d{1,10}) (?P<host>[0-9A-Fa-f.:]{2,45}) "
    r"(?P<port>\d{1,5}) typ (?P<type>host|srflx|relay)(?: .*)?",
    re.IGNORECASE,
)
_SETUP = {"actpass", "active", "passive"}


class BadOffer(ValueError):
    """The offer can't be answered; the text says why."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Where the page may be reached, by an address and not by a name."""

    foundation: str
    priority: int
    host: str
    port: int
    type: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What is to be known of a page's offer."""

    codec: Codec
    payload_type: int
    direction: Direction
    """The page's: `sendonly` is a microphone, `recvonly` a loudspeaker."""
    mid: str
    data_mid: str | None
    """Of the data channel's section; None: there is none."""
    sctp_port: int
    ufrag: str
    password: str = field(repr=False)
    fingerprints: tuple[tuple[str, str], ...]
    setup: str
    candidates: tuple[Candidate, ...]

    def as_sdp(self, *, with_candidates: bool) -> str:
        """The offer anew. Its candidates never end, so that checks which the page makes later still count."""
        mids = [self.mid] if self.data_mid is None else [self.mid, self.data_mid]
        transport = [
            "c=IN IP4 0.0.0.0",
            f"a=ice-ufrag:{self.ufrag}",
            f"a=ice-pwd:{self.password}",
            *(f"a=fingerprint:{name} {value}" for name, value in self.fingerprints),
            f"a=setup:{self.setup}",
        ]
        rtpmap = "PCMU/8000" if self.codec == "PCMU" else "opus/48000/2"
        lines = [
            "v=0",
            "o=- 1 1 IN IP4 0.0.0.0",
            "s=-",
            "t=0 0",
            f"a=group:BUNDLE {' '.join(mids)}",
            f"m=audio 9 UDP/TLS/RTP/SAVPF {self.payload_type}",
            *transport,
            f"a=mid:{self.mid}",
            f"a={self.direction}",
            "a=rtcp-mux",
            f"a=rtpmap:{self.payload_type} {rtpmap}",
        ]
        if with_candidates:
            lines += [
                f"a=candidate:{one.foundation} 1 udp {one.priority} {one.host} {one.port} typ {one.type}"
                for one in self.candidates
            ]
        if self.data_mid is not None:
            lines += [
                "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
                *transport,
                f"a=mid:{self.data_mid}",
                f"a=sctp-port:{self.sctp_port}",
                f"a=max-message-size:{MAX_MESSAGE_BYTES}",
            ]
        return "\r\n".join(lines) + "\r\n"


def read_offer(sdp: str) -> Offer:
    """Raises `BadOffer`."""
    if len(sdp) > MAX_SDP_BYTES:
        raise BadOffer(f"the description has more than {MAX_SDP_BYTES} characters")
    session, audio, data = _sections(sdp)
    bundled = _bundled(session)
    mid = _one(audio, "mid", _MID)
    data_mid = None if data is None else _one(data, "mid", _MID)
    if data_mid is not None and not {mid, data_mid} <= bundled:
        raise BadOffer("audio and data channel must share one transport: a=group:BUNDLE with both")
    if "rtcp-mux" not in audio:
        raise BadOffer("a=rtcp-mux is missing")
    both = {**session, **audio}
    codec, payload_type = _codec(audio)
    setup = (both.get("setup") or [""])[0]
    if setup not in _SETUP:
        raise BadOffer("a=setup must be actpass, active or passive")
    return Offer(
        codec=codec,
        payload_type=payload_type,
        direction=_direction(audio),
        mid=mid,
        data_mid=data_mid,
        sctp_port=_sctp_port(data),
        ufrag=_one(both, "ice-ufrag", _UFRAG),
        password=_one(both, "ice-pwd", _PASSWORD),
        fingerprints=_fingerprints(both),
        setup=setup,
        candidates=_candidates(audio),
    )


Attributes = dict[str, list[str]]
"""Of one section: what stands after the colon of each `a=` line, by what stands before it; `m` is the m-line."""


def _sections(sdp: str) -> tuple[Attributes, Attributes, Attributes | None]:
    sections: list[Attributes] = [{}]
    for line in sdp.splitlines():
        if line.startswith("m="):
            sections.append({"m": [line[2:]]})
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            sections[-1].setdefault(name, []).append(value.strip())
    session, *media = sections
    kinds = [section["m"][0].split(" ")[0] for section in media]
    match kinds:
        case ["audio"]:
            return session, media[0], None
        case ["audio", "application"]:
            return session, media[0], media[1]
        case ["application", "audio"]:
            return session, media[1], media[0]
    raise BadOffer("one section of audio is wanted, and at most one data channel")


def _bundled(session: Attributes) -> set[str]:
    for group in session.get("group", []):
        kind, *mids = group.split(" ")
        if kind == "BUNDLE":
            return set(mids)
    return set()


def _one(attributes: Attributes, name: str, form: re.Pattern[str]) -> str:
    values = attributes.get(name, [])
    if len(values) != 1 or not form.fullmatch(values[0]):
        raise BadOffer(f"a={name} is missing or malformed")
    return values[0]


def _codec(audio: Attributes) -> tuple[Codec, int]:
    offered = audio["m"][0].split(" ")[3:]
    if str(PCMU_PAYLOAD_TYPE) in offered:
        return "PCMU", PCMU_PAYLOAD_TYPE
    for rtpmap in audio.get("rtpmap", []):
        number, _, name = rtpmap.partition(" ")
        # RFC 3551: dynamic payload types are 96 to 127; RFC 5761 adds 35 to 63 where RTCP shares the port.
        dynamic = number.isdecimal() and (96 <= int(number) <= 127 or 35 <= int(number) <= 63)
        if name.lower() == "opus/48000/2" and number in offered and dynamic:
            return "opus", int(number)
    raise BadOffer("neither PCMU nor Opus is offered")


def _direction(audio: Attributes) -> Direction:
    given = [one for one in ("sendrecv", "sendonly", "recvonly", "inactive") if one in audio]
    match given:
        case []:
            return "sendrecv"  # RFC 8866: the default
        case ["sendrecv"]:
            return "sendrecv"
        case ["sendonly"]:
            return "sendonly"
        case ["recvonly"]:
            return "recvonly"
    raise BadOffer("the audio must be sendrecv, sendonly or recvonly")


def _fingerprints(attributes: Attributes) -> tuple[tuple[str, str], ...]:
    found = [_FINGERPRINT.fullmatch(value) for value in attributes.get("fingerprint", [])[:4]]
    known = tuple((match[1].lower(), match[2].upper()) for match in found if match)
    if not known:
        raise BadOffer("a=fingerprint with SHA-256, SHA-384 or SHA-512 is missing")
    return known


def _sctp_port(data: Attributes | None) -> int:
    if data is None:
        return 0
    value = (data.get("sctp-port") or ["5000"])[0]
    if not (value.isdecimal() and len(value) <= 5 and 0 < int(value) < 65536):
        raise BadOffer("a=sctp-port must be a port")
    return int(value)


def _candidates(audio: Attributes) -> tuple[Candidate, ...]:
    """Those with a usable address. Browsers hide some behind names (mDNS): those find the worker by themselves."""
    found = []
    for value in audio.get("candidate", [])[:MAX_CANDIDATES]:
        match = _CANDIDATE.fullmatch(value)
        if match is None:
            continue
        try:
            address = ipaddress.ip_address(match["host"])
        except ValueError:
            continue
        port, priority = int(match["port"]), int(match["priority"])
        odd = address.is_loopback or address.is_multicast or address.is_unspecified or address.is_reserved
        if odd or address.is_link_local or not 0 < port < 65536 or priority >= 1 << 32:
            continue
        found.append(Candidate(match["foundation"], priority, str(address), port, match["type"].lower()))
    return tuple(found)
