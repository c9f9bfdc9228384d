"""Who answered? A pure verdict from the carrier's and from the greeting's words; the call settles it once.

The carrier's values are Twilio's `AnsweredBy`: human, machine_start (the greeting has begun), machine_end_beep,
machine_end_silence, machine_end_other (the greeting is over), fax, unknown.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Answerer(StrEnum):
    PERSON = "person"
    VOICEMAIL = "voicemail"
    """Its greeting may still be running."""
    VOICEMAIL_LISTENING = "voicemailListening"
    """The greeting is over: speak now."""
    FAX = "fax"
    UNKNOWN = "unknown"


GREETING_END_SILENCE_S = 1.6
"""Silence after a voicemail's words or beep, before leaving the message."""

GREETING_MAX_S = 45.0
"""Longer greetings are given up waiting for."""

# What only a machine says. A person who offers to take a message says neither tone nor mailbox.
_MACHINE_WORDS = re.compile(
    r"\b(after|at) the (tone|beep|signal)\b"
    r"|\bleave (me |us )?(a|your) (short |brief )?(message|name and number)\b.*\b(tone|beep|mailbox)\b"
    r"|\bvoice ?mail(box)?\b.*\b(leave|record|message|full)\b"
    r"|\bleave (me |us )?(a|your) (short |brief |detailed )?message\b"
    r".*\b(get back|return your call|call you back)\b"
    r"|\b(can't|cannot|can not|unable to|not able to) (come to|take|answer) (the|your) (phone|call)\b.*\bleave\b"
    r"|\b(mailbox|voice ?mail) is full\b"
    r"|\byou(?:'ve| have) reached the (?:voice ?mail|mailbox)\b",
    re.IGNORECASE | re.DOTALL,
)


def from_carrier(value: str) -> Answerer:
    """The carrier's verdict; anything it may say in future counts as unknown."""
    match value:
        case "human":
            return Answerer.PERSON
        case "machine_start":
            return Answerer.VOICEMAIL
        case "machine_end_beep" | "machine_end_silence" | "machine_end_other":
            return Answerer.VOICEMAIL_LISTENING
        case "fax":
            return Answerer.FAX
        case _:
            return Answerer.UNKNOWN


def from_greeting(text: str) -> Answerer:
    """What the first words after the answer tell."""
    return Answerer.VOICEMAIL if _MACHINE_WORDS.search(text.replace("’", "'")) else Answerer.UNKNOWN


def settle(known: Answerer, news: Answerer) -> Answerer:
    """The verdict so far with news. A machine that was recognised stays one; that its greeting is over is news.
    A person stays one, unless the carrier's own analysis says machine."""
    match known, news:
        case _, Answerer.UNKNOWN:
            return known
        case (Answerer.VOICEMAIL, Answerer.VOICEMAIL_LISTENING):
            return news
        case (Answerer.VOICEMAIL | Answerer.VOICEMAIL_LISTENING | Answerer.FAX, _):
            return known
        case _:
            return news
