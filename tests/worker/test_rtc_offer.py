"""What a page's offer may hold, and what is kept of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.web.rtc.offer import MAX_CANDIDATES, MAX_SDP_BYTES, BadOffer, Offer, read_offer

FINGERPRINT = ":".join(["AB"] * 32)
# As Chromium makes it for a microphone and a data channel, with fewer codecs and header extensions.
OFFER = "\r\n".join(
    [
        "v=0",
        "o=- 7614219274584779017 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0 1",
        "a=extmap-allow-mixed",
        "a=msid-semantic: WMS",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=candidate:1 1 udp 2113937151 6c1b8a5e-6a3f-4a3c-9d0a-1f2e3d4c5b6a.local 54321 typ host generation 0",
        "a=candidate:2 1 udp 1677729535 203.0.113.9 61000 typ srflx raddr 0.0.0.0 rport 0 generation 0",
        "a=ice-ufrag:Xy1z",
        "a=ice-pwd:abcdefghijklmnopqrstuvwx",
        "a=ice-options:trickle",
        f"a=fingerprint:sha-256 {FINGERPRINT}",
        "a=setup:actpass",
        "a=mid:0",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "a=sendrecv",
        "a=msid:- 5c7f3f6e-0000-4000-8000-000000000000",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=rtcp-fb:111 transport-cc",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:0 PCMU/8000",
        "a=ssrc:1001 cname:abc",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=ice-ufrag:Xy1z",
        "a=ice-pwd:abcdefghijklmnopqrstuvwx",
        f"a=fingerprint:sha-256 {FINGERPRINT}",
        "a=setup:actpass",
        "a=mid:1",
        "a=sctp-port:5000",
        "a=max-message-size:262144",
        "",
    ]
)


def without(line: str) -> str:
    assert line in OFFER
    return OFFER.replace(line, "a=nothing")


def test_what_is_kept_of_a_browsers_offer() -> None:
    offer = read_offer(OFFER)
    assert (offer.codec, offer.payload_type, offer.direction) == ("PCMU", 0, "sendrecv")
    assert (offer.mid, offer.data_mid, offer.sctp_port) == ("0", "1", 5000)
    assert offer.fingerprints == (("sha-256", FINGERPRINT),)
    assert [candidate.host for candidate in offer.candidates] == ["203.0.113.9"]
    assert "abcdefgh" not in repr(offer)


def test_the_new_description_says_the_same_and_nothing_else() -> None:
    offer = read_offer(OFFER)
    again = offer.as_sdp(with_candidates=True)
    assert read_offer(again) == offer
    assert "203.0.113.9" not in offer.as_sdp(with_candidates=False)
    assert "extmap" not in again
    assert "end-of-candidates" not in again


def test_without_pcmu_there_is_opus() -> None:
    offer = read_offer(OFFER.replace(" 9 0 8 13", "").replace("a=rtpmap:0 PCMU/8000\r\n", ""))
    assert (offer.codec, offer.payload_type) == ("opus", 111)


def test_a_data_channel_is_not_needed() -> None:
    offer = read_offer(OFFER[: OFFER.index("m=application")])
    assert offer.data_mid is None
    assert "m=application" not in offer.as_sdp(with_candidates=False)


@pytest.mark.parametrize(
    ("sdp", "why"),
    [
        ("", "one section of audio"),
        ("v=0\r\n" * 5_000, str(MAX_SDP_BYTES)),
        (OFFER + OFFER[OFFER.index("m=audio") :], "one section of audio"),
        (OFFER.replace("m=audio", "m=video"), "one section of audio"),
        (without("a=ice-ufrag:Xy1z"), "ice-ufrag"),
        (OFFER.replace("a=ice-pwd:abcdefghijklmnopqrstuvwx", "a=ice-pwd:short"), "ice-pwd"),
        (OFFER.replace("a=ice-ufrag:Xy1z", "a=ice-ufrag:Xy1z\r\na=ice-ufrag:Xy2z"), "ice-ufrag"),
        (without(f"a=fingerprint:sha-256 {FINGERPRINT}"), "fingerprint"),
        (OFFER.replace("sha-256", "md5"), "fingerprint"),
        (OFFER.replace("a=setup:actpass", "a=setup:holdconn"), "setup"),
        (without("a=rtcp-mux"), "rtcp-mux"),
        (OFFER.replace("a=mid:0", "a=mid:0\x00"), "mid"),
        (without("a=group:BUNDLE 0 1"), "BUNDLE"),
        (OFFER.replace("SAVPF 111 63 9 0 8", "SAVPF 9 8"), "neither PCMU nor Opus"),
        (OFFER.replace("SAVPF 111 63 9 0 8", "SAVPF 77777").replace("a=rtpmap:111", "a=rtpmap:77777"), "neither"),
        (OFFER.replace("a=sendrecv", "a=inactive"), "sendrecv"),
        (OFFER.replace("a=sendrecv", "a=sendrecv\r\na=recvonly"), "sendrecv"),
        (OFFER.replace("a=sctp-port:5000", "a=sctp-port:70000"), "sctp-port"),
    ],
)
def test_offers_that_are_refused(sdp: str, why: str) -> None:
    with pytest.raises(BadOffer, match=why):
        read_offer(sdp)


def candidate(host: str, port: str = "5000", component: str = "1") -> str:
    return f"a=candidate:9 {component} udp 1 {host} {port} typ host\r\n"


@pytest.mark.parametrize(
    "line",
    [
        candidate("127.0.0.1"),
        candidate("::1"),
        candidate("169.254.169.254"),
        candidate("224.0.0.1"),
        candidate("0.0.0.0"),
        candidate("255.255.255.255"),
        candidate("some.host.example"),
        candidate("10.0.0.1", port="0"),
        candidate("10.0.0.1", port="70000"),
        candidate("10.0.0.1", component="2"),
        "a=candidate:x\r\n",
    ],
)
def test_candidates_that_are_not_kept(line: str) -> None:
    assert len(read_offer(OFFER.replace("a=ice-options:trickle\r\n", line)).candidates) == 1


def test_candidates_are_limited() -> None:
    many = "".join(candidate(f"10.0.0.{number}") for number in range(1, 60))
    assert len(read_offer(OFFER.replace("a=ice-options:trickle\r\n", many)).candidates) <= MAX_CANDIDATES


LINES = OFFER.split("\r\n")


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(LINES) | st.text(max_size=60).map("a=".__add__) | st.text(max_size=60), max_size=60)
)
def test_whatever_comes_is_an_offer_or_refused(lines: list[str]) -> None:
    try:
        offer = read_offer("\r\n".join(lines))
    except BadOffer:
        return
    assert isinstance(offer, Offer)
    assert read_offer(offer.as_sdp(with_candidates=True)).fingerprints == offer.fingerprints
