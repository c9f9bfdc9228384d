"""A request, turned into what one says on the phone. Pure.

"Ask the library whether they have the atlas" becomes "I'm calling to ask whether you have the atlas", and "Cancel
my appointment" becomes "I'm calling to cancel Alex's appointment". There are rules for the usual ways to
ask somebody to call; a request in another form is passed on in its own words.
"""

from __future__ import annotations

import re
from collections.abc import Callable

LONGEST = 600
"""Characters of a request that are said. Nobody listens to more."""

_ACTION_VERBS = (
    "accept|add|apply|arrange|book|buy|cancel|change|check|claim|complain|confirm|decline|deliver|extend|file|get|"
    "invite|leave|make|move|order|pay|pick|postpone|put|register|remove|renew|rent|repeat|replace|report|request|"
    "rebook|reorder|reschedule|reserve|return|schedule|send|set|sign|sort|start|stop|subscribe|transfer|update"
)
_VERBS = f"{_ACTION_VERBS}|ask|enquire|find|inform|inquire|let|notify|remind|say|see|tell"
_ASKING = r"whether|if|when|what|what's|where|which|who|whose|how|why"

_POLITE = re.compile(
    r"^(?:(?:hi|hey|hello|floyd|please|kindly|(?:can|could|would|will) you|i(?:'d| would) like you to|"
    r"i (?:need|want) you to)\b[\s,]*)+",
    re.IGNORECASE,
)
_CALL = re.compile(
    rf"^(?:call|phone|ring)\b(?: up)? .{{1,80}}?(?:,? (?:and|to|then)|[.,;:]) (?=(?:{_VERBS})\b)", re.IGNORECASE
)
_ASK_TO = re.compile(r"^ask (?P<who>.{1,60}?) to (?P<what>(?!\b(?:know|hear)\b).+)$", re.IGNORECASE)
_ASK = re.compile(rf"^ask (?:(?P<who>.{{1,60}}?) )??(?P<what>(?:{_ASKING}|about|for)\b.+)$", re.IGNORECASE)
_FIND_OUT = re.compile(
    rf"^(?:find out|check|see|inquire|enquire)\b(?: (?:with|at|from) (?P<who>.{{1,60}}?))?,? "
    rf"(?P<what>(?:{_ASKING}|about)\b.+)$",
    re.IGNORECASE,
)
_LET_KNOW = re.compile(r"^let (?P<who>.{1,60}?) know,?(?: that)? (?P<what>.+)$", re.IGNORECASE)
_TELL_THAT = re.compile(r"^(?:tell|inform|notify|remind) (?P<who>.{1,60}?) that (?P<what>.+)$", re.IGNORECASE)
_TELL_THEM = re.compile(r"^(?:tell|inform|notify|remind) (?:them|him|her) (?P<what>(?!to\b).+)$", re.IGNORECASE)
# Without "that", what is to be told begins with a name, an article or a pronoun.
_TELL = re.compile(
    r"^(?i:tell|inform|notify|remind) "
    r"(?:(?i:the|my|our) [a-z']+(?: (?!at\b|from\b|in\b|near\b|of\b|on\b)[a-z']+){0,2}?|[A-Z]\S+(?: [A-Z]\S+)?) "
    r"(?P<what>(?:[A-Z]|(?:a|an|the|my|our|we|we'll|we're|she|he|they|there|it)\b).+)$"
)
_SAY = re.compile(r"^say (?:that )?(?P<what>.+)$", re.IGNORECASE)
_ACTION = re.compile(rf"^(?:{_ACTION_VERBS})\b", re.IGNORECASE)

_PRESENT = {
    "need": "needs",
    "want": "wants",
    "like": "likes",
    "prefer": "prefers",
    "live": "lives",
    "work": "works",
}
_PRESENT |= {
    "own": "owns",
    "drive": "drives",
    "do": "does",
    "don't": "doesn't",
    "haven't": "hasn't",
    "have": "has",
}
_PRESENT |= {"am": "is", "think": "thinks", "hope": "hopes", "expect": "expects"}
_BACK = {"is": "are", "was": "were", "has": "have", "does": "do", "doesn't": "don't", "isn't": "aren't"}
_TO_YOU = {"they": "you", "them": "you", "their": "your", "theirs": "yours", "themselves": "yourselves"}
_ROLE = re.compile(r"(?:er|or|ist|ian|ic|vet|sitter)$", re.IGNORECASE)


def stated(request: str, person: str) -> str:
    """What is said on the phone for a request of a person of that name, as one or more sentences."""
    name = _first_name(person)
    text = " ".join(request.replace("’", "'").split())[:LONGEST]
    said = _purpose(_CALL.sub("", _POLITE.sub("", text), count=1))
    if said is not None:
        return _ended(f"I'm calling {_of_person(said.rstrip('?'), name)}")
    if text.endswith("?"):
        return f"I have a question from {name}: {_of_person(text, name)}"
    return _ended(f"I have a request from {name}: {text or 'there are no words'}")


def _purpose(text: str) -> str | None:
    """From "to" on, still in the person's own words; None if no rule fits."""
    if (match := _ASK_TO.search(text)) and not re.search(rf"\b(?:{_ASKING})\b", match["who"], re.IGNORECASE):
        return "to ask you to " + _to_you(match["what"], match["who"])
    if match := _ASK.search(text):
        return "to ask " + _to_you(match["what"], match["who"])
    if match := _FIND_OUT.search(text):
        return "to ask " + _to_you(match["what"], match["who"])
    if match := _LET_KNOW.search(text) or _TELL_THAT.search(text) or _TELL_THEM.search(text) or _TELL.search(text):
        about = re.match(rf"(?:about|{_ASKING})\b", match["what"], re.IGNORECASE)
        return f"to let you know {'' if about else 'that '}{_to_you(match['what'], None)}"
    if match := _SAY.search(text):
        return f"to let you know that {match['what']}"
    if re.match(r"I(?:'m|'ve|'d like| (?!wonder)\w+)\b", text):
        return f"because {text}"
    if _ACTION.search(text):
        return "to " + text[0].lower() + text[1:]
    return None


def _to_you(text: str, who: str | None) -> str:
    """The callee, spoken of in the third person, as "you"."""
    text = re.sub(r"\bthey're\b", "you're", text, flags=re.IGNORECASE)
    text = re.sub(r"\bthey've\b", "you've", text, flags=re.IGNORECASE)
    text = re.sub(r"\b(they|them|their|theirs|themselves)\b", _looked_up(_TO_YOU), text, flags=re.IGNORECASE)
    if who is None or not _ROLE.search(who) or re.search(r"\bmy\b|(?<!^)\b[A-Z][a-z]", text):
        return text
    # The plumber is one person, and nobody else is spoken of: "when he comes" is "when you come".
    text = re.sub(
        r"\b(does|is|was|has) (?:he|she)\b", lambda m: f"{_BACK[m[1].lower()]} you", text, flags=re.IGNORECASE
    )
    text = re.sub(r"\b(?:he|she)'s\b", "you're", text, flags=re.IGNORECASE)
    return re.sub(r"\b(?:he|she) (\w+(?:'t)?)", lambda m: f"you {_plain(m[1])}", text, flags=re.IGNORECASE)


def _of_person(text: str, name: str) -> str:
    """What the person says of themselves, said of them by somebody else."""
    text = re.sub(r"\bI'm\b", f"{name} is", text)
    text = re.sub(r"\bI'll\b", f"{name} will", text)
    text = re.sub(r"\bI've\b", f"{name} has", text)
    text = re.sub(r"\bI'd\b", f"{name} would", text)
    text = re.sub(r"\b(am|do|have) I\b", lambda m: f"{_PRESENT[m[1].lower()]} {name}", text, flags=re.IGNORECASE)
    text = re.sub(r"\bI (\w+(?:'t)?)", lambda m: f"{name} {_PRESENT.get(m[1].lower(), m[1])}", text)
    text = re.sub(r"\b(?:my|mine)\b", f"{name}'s", text, flags=re.IGNORECASE)
    # The "I'm calling" in front is not in this text, so that no "I" of the caller is replaced.
    return re.sub(r"\b(?:I|me|myself)\b", name, text)


def _plain(verb: str) -> str:
    """ "he comes" -> "you come"."""
    low = verb.casefold()
    if low in _BACK:
        return _BACK[low]
    if low.endswith("ies"):
        return verb[:-3] + "y"
    if low.endswith(("oes", "shes", "ches", "sses", "xes")):
        return verb[:-2]
    return verb[:-1] if low.endswith("s") and not low.endswith("ss") else verb


def _looked_up(table: dict[str, str]) -> Callable[[re.Match[str]], str]:
    return lambda match: table[match[0].casefold()]


def _first_name(person: str) -> str:
    words = person.split()
    return words[0] if words else "my client"


def _ended(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."
