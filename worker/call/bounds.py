"""What Floyd must not say, checked in code whatever the model writes. Pure.

Two bounds are checked on every clause before it is spoken: agreeing to an amount above the limit, and telling a
fact that its owner wants to be asked about. A clause that breaks one is not spoken; the owner is asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from worker.call.contract import Answer, Fact
from worker.call.numbers import amounts_usd
from worker.call.told import FactWords
from worker.call.words import words_of

# An amount beside one of these is not agreed to: it is declined, or asked about.
_DECLINES = re.compile(
    r"\b(too (much|expensive|high)|more than|over (my|our|the|his|her|their)|above|limit|budget|cannot|can't|"
    r"can not|unable|not able|not allowed|won't|wouldn't|isn't|don't|doesn't|no,|however|unfortunately|"
    r"cheaper|less|lower|check with|have to ask|need to ask|need to check|let me (ask|check))\b|\bno\b,?\s",
    re.IGNORECASE,
)
_AGREES = re.compile(
    r"^\W*(yes|yeah|yep|sure|okay|ok|alright|absolutely|certainly|of course|deal|perfect|great|fine|agreed)\b"
    r"|\b(go ahead|(please )?(book|order|reserve|charge|confirm|schedule) (it|that|them|this|us|me)|that works|"
    r"that's (fine|okay|ok|good|great|perfect|alright)|that is (fine|okay|ok|good|perfect)|"
    r"sounds (good|great|fine)|"
    r"(i|we)('ll| will) (take|pay|book|order|go with|accept)|(i|we) (accept|agree|confirm)|please do|"
    r"(i|we)'d like to (book|order|go ahead|proceed)|works for (me|us))\b",
    re.IGNORECASE,
)
_REFUSES = frozenset(("no", "nope", "don't", "never", "not"))


@dataclass(frozen=True, slots=True)
class Breach:
    """Why a clause is not spoken. `question` goes to the owner."""

    what: str
    question: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one call. `limit_usd` None: no amount was ever named, so none is checked."""

    limit_usd: float | None
    withheld: tuple[FactWords, ...]
    """Facts that are told only after their owner agreed."""

    def breach(self, clause: str, callee_said: str) -> Breach | None:
        """Whether a clause may be spoken, after what the callee said last."""
        if self.limit_usd is not None:
            amount = committed_usd(clause, callee_said)
            if amount is not None and amount > self.limit_usd:
                return Breach(
                    "money",
                    f"It would cost {_dollars(amount)}, and the limit is {_dollars(self.limit_usd)}. "
                    "Shall I agree? If so, up to which amount?",
                )
        for fact in self.withheld:
            if fact.told_in(clause):
                return Breach(
                    "fact", f'They ask about something that needs your permission. May I say: "{fact.text}"?'
                )
        return None


def bounds_of(
    *,
    max_spend_usd: float | None,
    request_text: str,
    facts: Sequence[FactWords],
    asked: Sequence[Fact],
    answers: Sequence[Answer],
) -> Bounds:
    """The bounds as they are now: the owner's own words, in the request and in answers, widen them."""
    named = amounts_usd(request_text)
    for answer in answers:
        if not refuses(answer.answer):
            named += amounts_usd(answer.answer) or _bare_amount(answer)
    limits = named if max_spend_usd is None else [max_spend_usd, *named]
    texts_to_ask = {fact.text for fact in asked}
    withheld = tuple(
        fact
        for fact in facts
        if fact.text in texts_to_ask
        and not any(
            not refuses(answer.answer) and (fact.told_in(answer.question) or fact.told_in(answer.answer))
            for answer in answers
        )
    )
    return Bounds(limit_usd=max(limits, default=None), withheld=withheld)


def committed_usd(clause: str, callee_said: str) -> float | None:
    """The amount that a clause agrees to, named in it or, if it names none, by the callee just before."""
    if clause.rstrip().endswith("?") or _DECLINES.search(clause) or not _AGREES.search(clause):
        return None
    amounts = amounts_usd(clause) or amounts_usd(callee_said)
    return max(amounts, default=None)


def refuses(answer: str) -> bool:
    """Whether an owner's answer says no."""
    return bool(_REFUSES & set(words_of(answer)[:3]))


def _bare_amount(answer: Answer) -> list[float]:
    """ "How much may it cost?" "80": the question makes the figure an amount."""
    if not re.search(
        r"\b(cost|pay|spend|amount|budget|price|limit|dollars?)\b|\$", answer.question, re.IGNORECASE
    ):
        return []
    return [float(figure.replace(",", "")) for figure in re.findall(r"\d[\d,]*(?:\.\d+)?", answer.answer)]


def _dollars(amount: float) -> str:
    return f"${amount:,.0f}" if amount == int(amount) else f"${amount:,.2f}"
