"""Which audio of a spoken answer may be played, and which words it belongs to. The voice here is loud in its
sentences and quiet between them, and the tests know which character it is speaking."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.call.spoken_pieces import BYTES_PER_S, FASTEST_PACE, Pace, Piece, SpokenPieces

QUIET, LOUD = 0xFF, 0x10
PAUSE_S = 0.25

WORDS = st.sampled_from(
    ["yes", "of", "course", "we", "can", "do", "that", "on Friday", "for", "sixty-five dollars"]
)
SENTENCE = st.builds(lambda words: " ".join(words) + ".", st.lists(WORDS, min_size=1, max_size=9))
ANSWER = st.lists(SENTENCE, min_size=1, max_size=6)


def spoken(sentences: list[str], pace: float) -> tuple[bytes, list[int]]:
    """The audio, and for each of its bytes how many characters of the text have begun by then."""
    audio, begun = bytearray(), []
    chars = 0
    for sentence in sentences:
        for _ in sentence:
            chars += 1
            size = int(BYTES_PER_S / pace)
            audio += bytes([LOUD]) * size
            begun += [chars] * size
        audio += bytes([QUIET]) * int(PAUSE_S * BYTES_PER_S)
        begun += [chars] * int(PAUSE_S * BYTES_PER_S)
        chars += 1  # the blank
    return bytes(audio), begun


@settings(max_examples=60, deadline=None)
@given(ANSWER, st.floats(8, FASTEST_PACE), st.floats(8, FASTEST_PACE), st.booleans(), st.data())
def test_no_audio_is_played_beyond_the_words_that_were_checked(
    sentences: list[str], pace: float, believed: float, ends: bool, data: st.DataObject
) -> None:
    audio, begun = spoken(sentences, pace)
    pieces = SpokenPieces(Pace(believed))
    waiting = [audio[at : at + 800] for at in range(0, len(audio), 800)]
    checked = out = 0
    # Words and audio in any order, as long as both are in their own.
    for sentence in sentences[: data.draw(st.integers(0, len(sentences)))]:
        pieces.add_words(sentence)
        checked += len(sentence) + 1
        for _ in range(data.draw(st.integers(0, 40))):
            if waiting:
                pieces.add_audio(waiting.pop(0))
            for piece in pieces.take():
                assert piece.mulaw == audio[out : out + len(piece.mulaw)]
                out += len(piece.mulaw)
                assert begun[out - 1] <= checked
    # A clause that may not be spoken: nothing more is played, whatever comes.
    pieces.stop()
    for mulaw in waiting:
        pieces.add_audio(mulaw)
    if ends:
        pieces.end()
    assert list(pieces.take()) == []


@settings(max_examples=60, deadline=None)
@given(ANSWER, st.floats(8, FASTEST_PACE), st.floats(8, FASTEST_PACE), st.integers(80, 3000), st.booleans())
def test_a_whole_answer_is_played_whole(
    sentences: list[str], pace: float, believed: float, chunk: int, words_first: bool
) -> None:
    audio, _ = spoken(sentences, pace)
    pieces = SpokenPieces(Pace(believed))
    played: list[Piece] = []
    if words_first:
        for sentence in sentences:
            pieces.add_words(sentence)
    for at in range(0, len(audio), chunk):
        pieces.add_audio(audio[at : at + chunk])
        played += pieces.take()
    if not words_first:
        for sentence in sentences:
            pieces.add_words(sentence)
            played += pieces.take()
    pieces.end()
    played += pieces.take()
    assert list(pieces.take()) == []
    out = b"".join(piece.mulaw for piece in played)
    # The silence after the last word need not be.
    assert out == audio[: len(out)]
    assert audio[len(out) :].strip(bytes([QUIET])) == b""
    assert " ".join(piece.text for piece in played) == " ".join(sentences)
    assert all(piece.text and piece.mulaw for piece in played)


@settings(max_examples=60, deadline=None)
@given(ANSWER, st.floats(0.05, 0.95))
def test_of_an_answer_that_is_cut_short_only_what_was_spoken_is_claimed(
    sentences: list[str], share: float
) -> None:
    audio, begun = spoken(sentences, 15.0)
    heard = audio[: int(len(audio) * share)]
    text = " ".join(sentences)
    pieces = SpokenPieces(Pace(15.0))
    for sentence in sentences:
        pieces.add_words(sentence)
    pieces.add_audio(heard)
    played = list(pieces.take())
    pieces.end(cut=True)
    played += pieces.take()
    claimed = " ".join(piece.text for piece in played)
    assert text.startswith(claimed)
    # As exact as the pace is steady: pauses are no part of the estimate.
    assert len(claimed) <= begun[len(heard) - 1] + 4 * len(sentences) + 6
    assert len(b"".join(piece.mulaw for piece in played)) <= len(heard)


@pytest.mark.parametrize("pace", [13.0, 15.0, 17.0])
def test_sentences_end_in_their_pauses(pace: float) -> None:
    sentences = [
        "Yes, of course.",
        "We can do that on Friday afternoon.",
        "It is sixty-five dollars.",
        "Is that okay?",
    ]
    audio, _ = spoken(sentences, pace)
    pieces = SpokenPieces(Pace())
    for sentence in sentences:
        pieces.add_words(sentence)
    played: list[Piece] = []
    # All words are there before their audio, as with the real one, and the audio comes in tenths of a second.
    for at in range(0, len(audio), 800):
        pieces.add_audio(audio[at : at + 800])
        played += pieces.take()
    pieces.end()
    played += pieces.take()
    ends = list(itertools.accumulate(len(piece.mulaw) for piece in played))
    ended = [end for end, piece in zip(ends, played, strict=True) if piece.text.endswith((".", "?"))]
    assert len(ended) == len(sentences)
    for end in ended[:-1]:
        assert audio[end] == QUIET, f"cut in a word at {end}"


def test_the_first_words_can_be_played_before_the_last_are_known() -> None:
    sentences = ["Yes, of course,", "I would like to order a large bouquet of red roses and white lilies."]
    audio, _ = spoken(sentences, 15.0)
    pieces = SpokenPieces(Pace())
    pieces.add_words(sentences[0])
    pieces.add_audio(audio[:8000])
    (first,) = pieces.take()
    assert first.text == "Yes, of"
    assert len(first.mulaw) == int(len(first.text) / 15.0 * BYTES_PER_S)
    pieces.add_words(sentences[1])
    (second,) = pieces.take()
    assert second.text == "course,"
    assert len(first.mulaw + second.mulaw) <= 8000


def test_full_stops_that_end_no_sentence_are_no_pauses() -> None:
    pieces = SpokenPieces(Pace())
    pieces.add_words("With Ms. Ortiz, please.")
    pieces.add_audio(bytes([LOUD]) * 16000)
    (first,) = pieces.take()
    assert first.text == "With Ms. Ortiz,"
    assert len(first.mulaw) == int(len(first.text) / 15.0 * BYTES_PER_S)


def test_words_that_were_not_spoken_are_not_claimed() -> None:
    pieces = SpokenPieces(Pace())
    pieces.add_words("Yes, of course.")
    pieces.end()
    assert list(pieces.take()) == []


def test_the_pace_is_learnt() -> None:
    pace = Pace()
    text = "We can do that on Friday afternoon, if it suits you."
    for _ in range(5):
        pieces = SpokenPieces(pace)
        pieces.add_words(text)
        pieces.add_audio(spoken([text], 12.0)[0])
        pieces.end()
    assert pace.chars_per_s == pytest.approx(12.0, abs=0.2)
    pieces = SpokenPieces(pace)
    pieces.add_words("Hm.")
    pieces.add_audio(bytes(100_000))
    pieces.end()
    assert pace.chars_per_s == pytest.approx(12.0, abs=0.2), "too short to tell"
