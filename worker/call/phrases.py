"""What Floyd says by code and not by the model's choice: the disclosure, and the ways out of trouble."""

from __future__ import annotations


def disclosure(person_name: str) -> str:
    """The first words of every call: that it is an AI who calls, and for whom."""
    return f"Hi, this is Floyd, an AI assistant calling for {person_name.strip() or 'a client'}."


ONE_MOMENT = "One moment, please."
LET_ME_CHECK = "One moment, let me check."
STILL_CHECKING = "Thanks for holding, I'm still checking."
SAY_AGAIN = "Sorry, could you say that again?"
STILL_THERE = "Are you still there?"
GOODBYE = "Thank you. Goodbye."
GOODBYE_CALL_BACK = "I have to check that first. I'll call you back. Thank you, goodbye."
GOODBYE_SILENT = "I can't hear you, so I'll hang up now. Goodbye."
GOODBYE_TOO_LONG = "I'm sorry, I have to end this call now. Thank you for your time. Goodbye."
GOODBYE_TROUBLE = "I'm sorry, I'm having technical trouble and have to hang up. Goodbye."
GOODBYE_CANNOT_HEAR = "I'm sorry, I'm having trouble hearing you, so I have to hang up. Goodbye."
GOODBYE_DRAIN = "I'm sorry, I have to go now; we'll call back. Goodbye."


def check_first(person_name: str) -> str:
    """Said in place of a clause that Floyd may not speak."""
    return f"I'd have to check that with {person_name.strip() or 'my client'} first. One moment, please."


READY_MADE = (
    GOODBYE_TROUBLE,
    SAY_AGAIN,
    ONE_MOMENT,
    LET_ME_CHECK,
    GOODBYE_CALL_BACK,
    STILL_CHECKING,
    STILL_THERE,
    GOODBYE_CANNOT_HEAR,
    GOODBYE_DRAIN,
    GOODBYE_SILENT,
    GOODBYE_TOO_LONG,
    GOODBYE,
)
"""Rendered once and kept, so that they can be said when the voice has failed: that one first."""
