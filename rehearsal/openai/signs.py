"""What the other side's words may mean, and what a fact may be good for: a regular expression for each sign."""

from __future__ import annotations

import re

from rehearsal.openai.vocabulary import sentences


def _any(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE)


CLOSING = _any(r"\b(good ?bye|bye|have a (nice|good|great|lovely)|you're welcome|talk to you|take care)\b")
ANYTHING_ELSE = _any(r"\b(anything|something) else\b", r"\bis that (all|everything)\b", r"\bwill that be all\b")
NAME = _any(
    r"\b(your|a|the|what|which|whose) names?\b(?! of)",
    r"\bname (for|is it|shall|should|can|was)\b",
    r"\bwho is it for\b",
)
WHO = _any(
    r"\bwho('s| is| am i) (this|calling|there|speaking|talking)\b",
    r"\bare you (a|an) (robot|machine|computer|bot|ai|real|human|person)\b",
    r"\bis this (a|an) (robot|machine|recording)\b",
)
OFFER = _any(
    r"\bhow (can|may|could) (i|we) help\b",
    r"\bwhat can (i|we) do\b",
    r"\bhow can i be of\b",
    r"\bwhat is (it|this) about\b",
)
AGAIN = _any(
    r"\b(say|repeat) (that|it|this)\b",
    r"\b(once (more|again)|come again|pardon|what was that)\b",
    r"\b(didn't|did not|couldn't|could not|can't|cannot) (quite )?(catch|get|hear|understand)\b",
    r"^\W*(sorry|excuse me|what)\W*$",
)
WAIT = _any(
    r"\b(one|just a|a) (moment|second|minute)\b",
    r"\b(hold (on|the line)|bear with me|hang on)\b",
    r"\blet me (check|see|look|have a look)\b",
    r"\bstill there\b",
)
STILL_THERE = _any(r"\bstill there\b", r"\bare you there\b")
HELLO = _any(r"^\W*(hello|hi|hey|yes|hello there|good (day|morning|afternoon|evening))\W*$")
WHEN = _any(
    r"\bwhen (would|could|can|do|should|are|works|suits)\b",
    r"\b(what|which) (day|time|date)s?\b",
)
WHAT_KIND = _any(r"\b(kind|type|sort|make|model|colou?r|size|how (many|old|long|big|much))\b")
"""It asks for more than was said."""
BUDGET = _any(r"\b(spend|budget|price range)\b", r"\bhow much (would|may|can|should|do) (you|they|he|she)\b")
CORRECT = _any(r"\bis that (right|correct)\b", r"\b(right|correct)\?\s*$", r"\bdid i get that right\b")
MONEY = _any(r"\$", r"\b(dollars?|euros?|pounds|cents|fee|price|cost|costs|charge)\b")
NO = _any(
    r"\b(unfortunately|i'm afraid|not possible|impossible|sold out|fully booked|no longer)\b",
    r"\b(we|i) (can't|cannot|can not|won't)\b",
    r"\b(we|i) (don't|do not) (have|do|offer|take|know)\b",
)
WRONG_NUMBER = _any(r"\bwrong number\b", r"\b(no one|nobody) (here )?(by|of|with) that name\b")
NO_MACHINES = _any(
    r"\b(don't|do not|won't|not) (talk|speak) (to|with) (a |an )?(robot|machine|computer|bot|automat|ai\b)",
    r"\bno robots\b",
)
COURTESY = _any(
    r"^\W*(hi|hello|good (day|morning|afternoon|evening)|thanks?|thank you|you're welcome|have a|sure|of course)"
    r"(?![^,.!]*[,.]? (i|we|it|that|he|she|they|there) )",
    r"\b(bye|no problem|i can help|help (you )?with that|is speaking|letting us know)\b",
    r"\bspeaking\.?$",
)
"""Sentences that say nothing about the matter."""
_ASKS = _any(
    r"^\W*((and|so|okay|all right|sure)\W+)*(which|what|when|where|who|why|how)\b",
    r"^\W*((and|so|okay|all right|sure)\W+)*"
    r"(could|can|may|would|will|do|does|did|is|are|shall|should) (i|you|we|he|she|it|they|that|this|there|the)\b",
)

LIMIT = re.compile(r"\$ ?(\d[\d,]*(?:\.\d\d)?)|\b(\d[\d,]*) dollars\b", re.IGNORECASE)
"""An amount in a request; the figures are in one of the two groups."""
BOOKING = _any(r"\b(appointments?|book|reserv|table|visit|schedul|rebook|come|slot|haircut|check-?up)")
FREE_TIME = _any(r"\bfree (on|at|after|before|in|every|any)\b", r"\bavailab")
NAME_TO_GIVE = _any(r"\bname to give\b")
CALL_BACK_NUMBER = _any(r"\bcall-?back\b", r"\b(phone|telephone|mobile) number\b")

FEW_WORDS = 3
"""A statement of no more words is an acknowledgement: "All right then"."""


def questions(text: str) -> list[str]:
    """Sentences that ask something; without punctuation, a text that begins like a question."""
    asked = [part for part in sentences(text) if part.endswith("?")]
    if not asked and not text.rstrip().endswith((".", "!")) and _ASKS.search(text):
        return [text]
    return asked
