"""Scenarios: who is called, what they say, and what the rehearsed model and the owner say.

One YAML file is one scenario; ``rehearsal/README.md`` is the reference of the format. These models are the format:
every field, its unit and its allowed values. Durations are seconds unless a name says otherwise. Regular
expressions are Python's, found anywhere in the text, upper and lower case alike.

The files are read by :mod:`rehearsal.scenario_files`, which turns what these models refuse into
``file:line: field: what is wrong``.
"""

from __future__ import annotations

import functools
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from rehearsal.voice import Voice

# ITU-T E.164: at most 15 digits after the plus sign, the first of them not 0. Seven is the shortest in use.
E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def _e164(value: str) -> str:
    if not E164.fullmatch(value):
        raise ValueError(f'"{value}" is not an E.164 number; write it like "+14155550134", in quotes')
    return value


def _regex(value: str) -> str:
    try:
        re.compile(value, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f'"{value}" is not a regular expression: {error}') from None
    return value


def _some_text(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value.strip()


@functools.cache
def _voice(value: str) -> str:
    Voice().render("a", voice=value)  # raises UnknownVoice, a ValueError that says what there is
    return value


PhoneNumber = Annotated[str, AfterValidator(_e164)]
Regex = Annotated[str, AfterValidator(_regex)]
Text = Annotated[str, AfterValidator(_some_text)]
VoiceName = Annotated[str, AfterValidator(_voice)]
Seconds = Annotated[float, Field(ge=0, le=600)]

OutcomeKind = Literal[
    "done",
    "declined",
    "noAnswer",
    "busy",
    "voicemailLeft",
    "wrongNumber",
    "needsInput",
    "refusedAutomated",
    "policyBlocked",
    "interrupted",
    "error",
]
RequestStatus = Literal["pending", "inFlight", "needsInput", "completed", "failed", "cancelled"]


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def found(pattern: str, text: str) -> bool:
    """Whether a scenario's regular expression occurs in a text, upper and lower case alike."""
    return _compiled(pattern).search(text) is not None


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Fact(_Part):
    """Something known about the person."""

    text: Text
    sharing: Literal["free", "ask", "never"] = "free"


class Contact(_Part):
    name: Text
    phone: PhoneNumber
    aliases: list[Text] = []
    notes: str = ""


class Person(_Part):
    """Whom Floyd calls for; a made-up character."""

    name: Text
    facts: list[Fact] = []
    contacts: list[Contact] = []


class OwnerReply(_Part):
    """How the owner reacts to a question: the first unused reply whose ``asks`` occurs in it, each used once."""

    asks: Regex
    answer: Text | None = None
    """None: this question is never answered."""
    after: Seconds = 1.0
    """From the question to the answer."""


class Line(_Part):
    """What a callee says to what they understood. Each is used once: the first unused whose ``hears`` matches."""

    hears: Regex
    say: Text
    """Spoken words; ``[pause 0.7]`` inside is that many seconds of silence."""
    wait: Seconds = 0.4
    """From knowing that the caller has finished to the first word of the reply."""
    then: Literal["hangUp"] | None = None
    """Done when the words have been spoken to their end."""
    press: Annotated[str, Field(pattern=r"^[0-9A-D*#]*$")] = ""
    """Keys that the callee presses after speaking."""


class Interruption(_Part):
    """The callee cuts in as soon as ``when`` occurs in the words heard so far. Used once."""

    when: Regex
    say: Text


class Silence(_Part):
    """What the callee does when nobody speaks for ``after`` seconds."""

    after: Annotated[float, Field(ge=0.5, le=600)] = 6.0
    say: Text = "Hello? Are you still there?"
    times: Annotated[int, Field(ge=0, le=20)] = 3
    """After so many prompts in a row the callee hangs up."""


class CalleeCall(_Part):
    """One dial of a number, and what happens there."""

    number: PhoneNumber
    answer: Literal["person", "voicemail", "noAnswer", "busy", "failed"] = "person"
    after: Seconds = 1.2
    """Of ringing, until the phone is answered or the network gives up."""
    voice: VoiceName = "en-us"
    """An espeak-ng voice with an optional variant: ``en-us``, ``en-us+f3``."""
    rate_wpm: Annotated[int, Field(ge=80, le=400)] = 170
    greeting: str = ""
    greeting_wait: Seconds = 0.3
    """From picking up to the first word of the greeting."""
    says: list[Line] = []
    otherwise: str = ""
    """Said when no line matches and nothing more comes for 1.5 s; empty: the callee stays silent."""
    silence: Silence = Silence()
    interrupts: list[Interruption] = []
    noise_db: Annotated[float, Field(ge=-90, le=-10)] | None = None
    """Background noise at the callee's end, in dB relative to full scale."""
    echo_db: Annotated[float, Field(ge=3, le=60)] | None = None
    """The caller's own voice comes back over the line, softer by so many dB."""
    echo_ms: Annotated[float, Field(ge=0, le=600)] = 180
    """After how long."""
    echo_from: Annotated[float, Field(ge=0, le=3600)] = 0.0
    """The callee puts the phone on loudspeaker this many seconds after the answer: before, no echo."""
    drop_after: Annotated[float, Field(gt=0, le=3600)] | None = None
    """The line breaks this many seconds after the answer."""

    @model_validator(mode="after")
    def _fits_the_answer(self) -> Self:
        if self.answer == "voicemail" and not self.greeting.strip():
            raise ValueError('a voicemail needs a "greeting": the words before the beep')
        if self.answer not in ("person", "voicemail"):
            idle = [name for name in ("greeting", "says", "interrupts", "drop_after") if getattr(self, name)]
            if idle:
                raise ValueError(f'"{idle[0]}" has no effect with "answer: {self.answer}"; remove it')
        return self

    def spoken(self) -> list[str]:
        """Every text this callee may say, so that it can be rendered before the phone rings."""
        texts = [self.greeting, self.otherwise, self.silence.say]
        texts += [line.say for line in self.says] + [cut.say for cut in self.interrupts]
        return [text for text in dict.fromkeys(texts) if text.strip()]


class ToolUse(_Part):
    name: Literal["end_call", "ask_owner", "call_back_later", "press_keys"]
    arguments: dict[str, Any] = {}


class ModelTurn(_Part):
    """One reply of the rehearsed model: the first not yet given in this call whose conditions hold."""

    when: Regex
    """Looked for in what the callee said last. ``\\(start\\)`` is Floyd's first turn after the opening,
    ``\\(silence\\)`` a turn that nobody's words began, ``\\(owner\\) …`` an answer of the owner that came in
    mid-call (its text follows), ``\\(owner silent\\)`` the end of waiting for one."""
    knows: Regex | None = None
    """Looked for in everything else that the model was given: facts, plan, owner's answers, earlier calls."""
    call: Annotated[int, Field(ge=1)] | None = None
    """Only in this call of the request, from 1; None: in any."""
    say: str = ""
    tool: ToolUse | None = None


class ReportedFact(_Part):
    text: Text
    evidence: Regex
    """Looked for in the transcript's lines; those in which it occurs support the fact."""


class ModelOutcome(_Part):
    kind: OutcomeKind = "done"
    summary: Text
    reported: list[ReportedFact] = []
    learnt: list[ReportedFact] = []


class Model(_Part):
    """What the stand-in language model answers for this scenario's request."""

    plan: str = ""
    facts: list[Regex] | None = None
    """The facts it chooses; None: those that share words with the request."""
    phone: PhoneNumber | None = None
    """The number it finds once a fact or an answer holds it; None: it picks the contact that the request names."""
    turns: list[ModelTurn] = []
    message: str = ""
    """What it leaves on a voicemail."""
    outcome: ModelOutcome | None = None
    """How it sees the last call."""
    earlier_outcomes: list[ModelOutcome] = []
    """How it sees the calls before that, in order."""

    def outcome_of(self, call: int) -> ModelOutcome | None:
        """Its view of the request's call of that number, from 1."""
        return self.earlier_outcomes[call - 1] if call <= len(self.earlier_outcomes) else self.outcome


class Fault(_Part):
    """Something that goes wrong on the way. ``rehearsal/README.md`` lists what each stand-in can break."""

    on: Literal["carrier", "recognizer", "model", "speech"]
    kind: Literal["die", "error", "empty", "brokenTool", "slow"]
    call: Annotated[int, Field(ge=1)] | None = None
    """The dial it happens in, from 1; None: any."""
    turn: Annotated[int, Field(ge=1)] | None = None
    """The request to this stand-in it happens at, from 1; None: the next."""
    at: Seconds | None = None
    """Seconds into the stream."""
    times: Annotated[int, Field(ge=1, le=100)] = 1


class Expect(_Part):
    """How the request ends when all goes well; checked by the end-to-end tests and ``floyd rehearse``."""

    status: RequestStatus = "completed"
    outcome: OutcomeKind | None = "done"
    calls: Annotated[int, Field(ge=0, le=10)] = 1
    heard: list[Regex] = []
    """Each must occur in what the callees understood."""
    not_heard: list[Regex] = []
    asked: list[Regex] = []
    """Each must occur in a question to the owner."""


class Scenario(_Part):
    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    summary: Text
    request: Text
    request_like: Regex | None = None
    """For requests in other words: looked for in the request's text."""
    person: Person
    owner: list[OwnerReply] = []
    calls: Annotated[list[CalleeCall], Field(min_length=1)]
    """One per dial of a number; the last of a number repeats."""
    model: Model = Model()
    faults: list[Fault] = []
    expect: Expect = Expect()

    def numbers(self) -> list[str]:
        """The numbers somebody answers in this scenario, each once, in order."""
        return list(dict.fromkeys(call.number for call in self.calls))

    def has_words_of(self, request: str) -> bool:
        """Whether a request has the same words as this scenario's."""
        return _words(request) == _words(self.request)

    def is_like(self, request: str) -> bool:
        """Whether ``request_like`` occurs in a request's text."""
        return self.request_like is not None and found(self.request_like, request)


class Business(_Part):
    """Who answers at a number that no scenario has: ``rehearsal/generic.yaml``."""

    name: Text
    summary: Text
    calls: Annotated[list[CalleeCall], Field(min_length=1)]


class Demo(_Part):
    """The person a first run starts with: ``rehearsal/demo.yaml``."""

    name: Text
    timezone: Text
    phone: PhoneNumber
    facts: list[Fact]
    contacts: list[Contact]


def _words(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text.casefold()))
