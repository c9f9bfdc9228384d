"""How data enters a prompt: inside named tags, XML-escaped.

Every prompt's first system message starts with `<task>NAME</task>`. What people, callees and earlier calls said
stands inside tags and is escaped, so that no text can close its tag and pose as an instruction, and so that any
model (and anyone who reads a log of prompts) can tell the data from the task.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from worker.call.contract import Answer, EarlierCall, Fact, SpokenLine

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Control characters and lone surrogates: no model needs them, and some servers refuse a request with them."""


def tag(name: str, content: str, /, **attributes: str | None) -> str:
    """`<name attribute="...">content</name>`, everything escaped; attributes that are None are left out."""
    return f"{_open(name, attributes)}{clean(content)}</{name}>"


def empty_tag(name: str, /, **attributes: str | None) -> str:
    """`<name attribute="..."/>`."""
    return f"{_open(name, attributes)[:-1]}/>"


def wrap(name: str, items: Iterable[str]) -> str:
    """Ready-made (escaped) items inside one tag, one a line."""
    body = "\n".join(items)
    return f"<{name}>\n{body}\n</{name}>" if body else f"<{name}></{name}>"


def clean(text: str) -> str:
    return escape(_FORBIDDEN.sub(" ", text))


def _open(name: str, attributes: dict[str, str | None]) -> str:
    pairs = "".join(
        f" {key}={quoteattr(_FORBIDDEN.sub(' ', value))}" for key, value in attributes.items() if value is not None
    )
    return f"<{name}{pairs}>"


def facts_block(facts: Iterable[Fact]) -> str:
    """`<facts>` with the ids f1, f2, ... in order: short ids, that a model copies without a slip."""
    numbered = enumerate(facts, start=1)
    return wrap("facts", (tag("fact", fact.text, id=f"f{n}", sharing=fact.sharing) for n, fact in numbered))


def answers_block(answers: Iterable[Answer]) -> str:
    return wrap("answers", (tag("answer", answer.answer, question=answer.question) for answer in answers))


def transcript_lines(lines: Iterable[SpokenLine]) -> str:
    """`[3] callee: ...`, one a line, escaped. A line break inside a line would forge another line."""
    return "\n".join(f"[{line.seq}] {line.speaker}: {clean(' '.join(line.text.split()))}" for line in lines)


def transcript_block(lines: Iterable[SpokenLine]) -> str:
    return f"<transcript>\n{transcript_lines(lines)}\n</transcript>"


def earlier_call_blocks(calls: Iterable[EarlierCall]) -> str:
    return "\n".join(
        f"{_open('earlier_call', {'attempt': str(call.attempt), 'outcome': call.outcome or None})}\n"
        f"{transcript_lines(call.lines)}\n</earlier_call>"
        for call in calls
    )
