"""The pure parts of OpenAI's transcription: where utterances are cut, in what order they are told, what a message
says."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.speech import openai_transcription_cuts as cuts_module
from worker.speech import openai_transcription_events as wire
from worker.speech.openai_realtime_wire import Problem
from worker.speech.openai_transcription_cuts import Cuts, Place
from worker.speech.openai_transcription_items import Items

PAUSE = cuts_module.PAUSE_MS // 20
LONGEST = cuts_module.LONGEST_MS // 20


def places(voiced: str) -> str:
    """One letter a frame, for a string in which `#` is a voice: `.` between, `=` within, `|` last."""
    letters = {Place.BETWEEN: ".", Place.WITHIN: "=", Place.LAST: "|"}
    cuts = Cuts()
    return "".join(letters[cuts.take(frame == "#")] for frame in voiced)


@pytest.mark.parametrize(
    ("voiced", "expected"),
    [
        ("-" * 20, "." * 20),
        ("####----------------", "." * 20),  # 80 ms: a click
        ("#-#-#-#-#-#-", "." * 12),  # never dense enough
        ("#####" + "-" * 12, "....=" + "=" * 8 + "|" + "..."),
        ("#####" + "-" * 8 + "#" + "-" * 12, "....=" + "=" * 8 + "=" + "=" * 8 + "|" + "..."),  # a stop consonant
        ("#####" + "-" * 9 + "#####" + "-" * 9, "....=========|....=========|"),
    ],
)
def test_where_utterances_begin_and_end(voiced: str, expected: str) -> None:
    assert places(voiced) == expected


def test_who_talks_for_long_is_cut_at_a_breath_and_at_last_anywhere() -> None:
    breath = places("#" * 650 + "-" + "#" * 100)
    assert breath.index("|") == 650
    endless = places("#" * 2500)
    assert [len(part) + 1 for part in endless.split("|")[:2]] == [LONGEST + 4, LONGEST + 4]


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 1200)), max_size=12))
def test_no_utterance_is_lost_or_without_end(runs: list[tuple[bool, int]]) -> None:
    voiced = "".join(("#" if is_voice else "-") * length for is_voice, length in runs) + "-" * (PAUSE + 8)
    told = places(voiced)
    assert "=" not in told.rsplit("|", 1)[-1], "a silence ends what there was"
    longest = max((len(list(group)) for sign, group in groupby(told) if sign == "="), default=0)
    assert longest < LONGEST
    at = 0
    for sign, group in groupby(voiced):
        length = len(list(group))
        if sign == "#" and length >= 10:
            assert set(told[at + 8 : at + length]) & {"=", "|"}, "whoever speaks is heard"
        at += length


@given(st.data())
def test_finals_come_out_once_each_in_the_order_of_the_talk(data: st.DataObject) -> None:
    """Whatever order OpenAI completes them in, with acknowledgements in the order of the commits."""
    count = data.draw(st.integers(1, 6))
    completing = data.draw(st.permutations(range(count)))
    deltas_before = data.draw(st.sets(st.integers(0, count - 1)))
    items = Items()
    for number in range(count):
        items.begin(number * 100)
        if number in deltas_before:
            items.on_delta(f"i{number}", "some")
        items.commit(number * 100 + 50, number * 100 + 40, at=float(number))
        items.on_committed(f"i{number}")
    told: list[str] = []
    for number in completing:
        items.on_completed(f"i{number}", f"text {number}")
        while (item := items.take_final()) is not None:
            told.append(item.text)
    assert told == [f"text {number}" for number in range(count)]
    assert not items


def test_a_name_that_deltas_gave_to_the_wrong_item_is_put_right() -> None:
    items = Items()
    items.begin(0)
    items.on_delta("first", "one")
    items.commit(10, 8, at=0.0)
    items.on_committed("other")
    items.on_completed("first", "ghost")
    assert items.take_final() is None
    items.on_completed("other", "one")
    item = items.take_final()
    assert item is not None
    assert item.text == "one"


def test_an_item_is_not_final_before_it_was_committed() -> None:
    items = Items()
    items.begin(0)
    items.on_delta("a", "one")
    items.on_completed("a", "too early")
    items.give_up("a")
    assert items.take_final() is None
    assert items.waiting_since() is None
    items.commit(10, 8, at=3.0)
    assert items.waiting_since() == 3.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
TYPES = st.sampled_from(
    [
        "session.created",
        "error",
        "input_audio_buffer.committed",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        "conversation.item.input_audio_transcription.failed",
    ]
)
FIELDS = st.sampled_from(["item_id", "delta", "transcript", "error"])


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_message_is_too_strange(message: bytes) -> None:
    assert wire.parse(message) is None or isinstance(wire.parse(message), wire.Event)


@given(TYPES, st.dictionaries(FIELDS, JSON))
def test_no_event_is_too_strange(kind: str, fields: dict[str, Any]) -> None:
    event = wire.parse(json.dumps({"type": kind, **fields}).encode())
    match event:
        case wire.Delta(item, text) | wire.Completed(item, text):
            assert isinstance(item, str)
            assert isinstance(text, str)
        case wire.Committed(item):
            assert isinstance(item, str)
        case wire.Failed(_, Problem(message=text)) | Problem(message=text):
            assert isinstance(text, str)


def test_a_text_has_a_length() -> None:
    event = wire.parse(
        json.dumps(
            {
                "type": "conversation.item.input_audio_transcription.completed",
                "item_id": "a",
                "transcript": "x" * 100_000,
            }
        )
    )
    assert isinstance(event, wire.Completed)
    assert len(event.text) == wire.MAX_TEXT_CHARS


def test_hints_are_plain_words_once_each_and_not_too_many() -> None:
    hints = ["Mara\nRivera", "<b>Ortiz</b>", "Mara Rivera", " ", "x" * 200, *(f"name {n}" for n in range(100))]
    asked = json.loads(wire.configure("gpt-live-transcribe", language="de-DE", hints=hints))
    told = asked["session"]["audio"]["input"]["transcription"]
    assert told["keywords"][:2] == ["Mara Rivera", "b Ortiz /b"]
    assert len(told["keywords"]) == wire.MAX_KEYWORDS
    assert told["languages"] == ["de"]
