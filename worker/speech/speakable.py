"""What of a model's text can be spoken: markdown, tags, emoji and control characters are left out.

Works on a stream: text may be cut anywhere, and the pieces that come out, put together, are the same as if it
had come at once. White space becomes one space, none at the beginning; a space is only given out once something
follows it. A line break becomes `BREAK` where it ends something, so that a list is not read as one sentence.
"""

from __future__ import annotations

import unicodedata

BREAK = "\n"
"""Given out in the place of a space where there was a line break."""

MAX_TAG_CHARS = 300
"""A `<` with no `>` for so long was no tag."""
MAX_LINK_CHARS = 2_000

_HIDDEN_TAGS = frozenset({"think", "thinking", "reasoning", "thought"})
"""Some models write their thoughts into their text between these; they are not for the callee."""

_QUOTES = frozenset('"“”„‟«»‹›`')
"""Not pronounced, and a closing one after a full stop would be a clause of its own."""
_SIGNS = frozenset("°©®№℃℉™")
"""Of the category "other symbol", which is mostly emoji, those that have words."""
_RUNS = frozenset("*_~#")
"""Markdown's marks, which mean emphasis, a heading or a list by what stands around them."""
_BULLETS = frozenset("-•–—+")
_AFTER_STOP = frozenset("!?.…,;:")


class Speakable:
    """Feed it text; it gives out what of it can be spoken. `flush` at the end."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._held = ""
        self._last = ""
        self._gap = ""
        self._line_start = True
        self._hidden = ""

    def feed(self, text: str) -> str:
        return self._clean(self._held + text, final=False)

    def flush(self) -> str:
        rest = self._clean(self._held, final=True)
        self._reset()
        return rest

    def _clean(self, text: str, final: bool) -> str:
        out: list[str] = []
        at = 0
        while at < len(text):
            used = self._next(text, at, final, out)
            if used == 0:
                break
            at += used
        self._held = text[at:]
        return "".join(out)

    def _next(self, text: str, at: int, final: bool, out: list[str]) -> int:
        """Deal with what stands at `at`; returns how many characters that was, 0 if more must come first."""
        if self._hidden:
            return self._skip_hidden(text, at, final)
        character = text[at]
        if character.isspace():
            if character in "\n\r\u2028\u2029":
                self._line_start = True
                self._gap = BREAK
            else:
                self._gap = self._gap or " "
            return 1
        if character == "<":
            return self._tag(text, at, final, out)
        if character == "]":
            return self._link_target(text, at, final)
        if character in _RUNS:
            return self._run(text, at, final, out)
        if self._line_start and character in _BULLETS:
            if at + 1 == len(text) and not final:
                return 0
            if text[at + 1 : at + 2].isspace() or at + 1 == len(text):
                return 1
        if character not in _QUOTES and character != "[":
            self._say(character, out)
        return 1

    def _say(self, character: str, out: list[str]) -> None:
        if not _is_pronounced(character, self._last):
            # What an emoji stood between is still apart.
            if unicodedata.category(character) == "So":
                self._gap = self._gap or " "
            return
        self._line_start = False
        if self._last in {"!", "?"} and character in _AFTER_STOP and not self._gap:
            return  # "?!" and "!!!" end a sentence once
        if self._gap == " " and character in _AFTER_STOP:
            self._gap = ""  # what an emoji or a tag leaves in front of a full stop
        if self._gap and self._last:
            out.append(self._gap)
        self._gap = ""
        self._last = character
        out.append(character)

    def _tag(self, text: str, at: int, final: bool, out: list[str]) -> int:
        following = text[at + 1 : at + 2]
        if not following and not final:
            return 0
        if following.isalpha() or following in {"/", "!", "|"}:
            end = text.find(">", at, at + MAX_TAG_CHARS)
            if end >= 0:
                name = text[at + 1 : end].split(" ", maxsplit=1)[0].lower()
                if name in _HIDDEN_TAGS:
                    self._hidden = f"</{name}>"
                self._gap = self._gap or " "
                return end + 1 - at
            if not final and len(text) - at < MAX_TAG_CHARS:
                return 0
            return 1
        self._say("<", out)
        return 1

    def _skip_hidden(self, text: str, at: int, final: bool) -> int:
        end = text.lower().find(self._hidden, at)
        if end >= 0:
            used = end + len(self._hidden) - at
            self._hidden = ""
            return used
        # All but what may be the beginning of the closing tag.
        return len(text) - at if final else max(0, len(text) - at - len(self._hidden) + 1)

    def _link_target(self, text: str, at: int, final: bool) -> int:
        following = text[at + 1 : at + 2]
        if not following and not final:
            return 0
        if following != "(":
            return 1
        end = text.find(")", at, at + MAX_LINK_CHARS)
        if end >= 0:
            return end + 1 - at
        return 0 if not final and len(text) - at < MAX_LINK_CHARS else 1

    def _run(self, text: str, at: int, final: bool, out: list[str]) -> int:
        mark = text[at]
        end = at
        while end < len(text) and text[end] == mark:
            end += 1
        if end == len(text) and not final and end - at < MAX_TAG_CHARS:
            return 0
        before = "" if self._gap else self._last
        after = text[end : end + 1]
        if self._is_said(mark, end - at, before, after if not after.isspace() else ""):
            for _ in range(end - at):
                self._say(mark, out)
        return end - at

    def _is_said(self, mark: str, count: int, before: str, after: str) -> bool:
        match mark:
            case "#":  # "press #", "#5", but no heading
                return not (self._line_start and after == "")
            case "~":  # "~5", but not struck out
                return count == 1
            case "_":  # first_last, but no emphasis
                return before.isalnum() and after.isalnum()
            case _:  # 2*3, 2 * 3, "press *" at the end of a sentence, but neither emphasis nor a list
                in_word = before.isalnum() and after.isalnum()
                alone = not before and (not after or after in ".,;:!?")
                return count == 1 and (in_word or (alone and not self._line_start))


def _is_pronounced(character: str, last: str) -> bool:
    category = unicodedata.category(character)
    if character in _SIGNS:
        return True
    if character in "\u200c\u200d":  # joiners are letters' business in some scripts, and emoji's in others
        return last != "" and unicodedata.category(last)[0] in "LM"
    if 0x2190 <= ord(character) <= 0x2BFF or 0xFE00 <= ord(character) <= 0xFE0F:
        return False  # arrows, boxes, dingbats; variation selectors
    if 0x1F3FB <= ord(character) <= 0x1F3FF:
        return False  # the tones of skin
    return category not in {"So", "Cc", "Cf", "Cs", "Co", "Cn", "Me"}
